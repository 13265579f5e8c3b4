// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

/// A kernel of a test's own making: structures in memory by layouts that are no version's, names for some places.
final class MadeKernel {
  let memory = TestMemory(count: 1 << 20)
  var names: [String: UInt64] = [:]
  /// Places of members by "structure.member", sizes by "structure".
  var layouts = Layouts()
  private var next = 0x1000

  struct Layouts: KernelLayouts {
    var numbers: [String: UInt64] = [:]
    func offset(of member: String, in structure: String) -> UInt64? { numbers["\(structure).\(member)"] }
    func size(of structure: String) -> UInt64? { numbers[structure] }
  }

  init() {
    memory.write("Linux version 6.0 of a test".utf8, at: 0x100)
    names["linux_banner"] = TestMemory.address(0x100)
    // Whatever is not told lies at the start.
    layouts.numbers = [
      "rb_node.rb_left": 0, "rb_node.rb_right": 8, "rb_root.rb_node": 0, "path.mnt": 0, "path.dentry": 8,
      "qstr.name": 8,
    ]
  }

  func kernel() throws -> LinuxKernel {
    try LinuxKernel(
      in: memory, given: LinuxKernel.Given(address: { [names] in names[$0] }, layouts: layouts))
  }

  /// Room for something.
  func room(_ count: Int = 0x200) -> Int {
    defer { next += (count + 15) & ~15 }
    return next
  }

  /// Members one behind the other, from a place on.
  func declare(_ structure: String, _ members: (String, UInt64)..., size: UInt64 = 0x200) {
    layouts.numbers[structure] = size
    for (member, offset) in members { layouts.numbers["\(structure).\(member)"] = offset }
  }

  func set(_ structure: String, _ member: String, at place: Int, _ number: UInt64, bytes: Int = 8) {
    memory.write(number, bytes: bytes, at: self.place(structure, member, place))
  }

  func set(_ structure: String, _ member: String, at place: Int, _ text: String) {
    memory.write(Array(text.utf8) + [0], at: self.place(structure, member, place))
  }

  func place(_ structure: String, _ member: String, _ place: Int) -> Int {
    place + Int(layouts.numbers["\(structure).\(member)"] ?? 0)
  }

  /// A text somewhere, by its address.
  func text(_ text: String) -> UInt64 {
    let place = room(text.utf8.count + 1)
    memory.write(Array(text.utf8) + [0], at: place)
    return TestMemory.address(place)
  }

  /// Links these places in a circle.
  func link(_ places: [Int]) {
    for (index, place) in places.enumerated() {
      memory.write(TestMemory.address(places[(index + 1) % places.count]), at: place)
    }
  }
}
