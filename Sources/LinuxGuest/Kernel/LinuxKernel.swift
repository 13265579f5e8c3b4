// SPDX-License-Identifier: Apache-2.0

import CoreDump

/// A Linux kernel in a guest's memory: its names, its memory, and how things lie in there. The guest need not help, and does not notice.
package final class LinuxKernel {
  /// What a user has besides: a file with symbols of the kernel, and one with its types.
  package struct Given {
    package var address: (String) -> UInt64?
    package var layouts: (any KernelLayouts)?

    package init(address: @escaping (String) -> UInt64? = { _ in nil }, layouts: (any KernelLayouts)? = nil) {
      self.address = address
      self.layouts = layouts
    }
  }

  /// What it calls itself: "Linux version 6.12.…".
  package let banner: String
  package let memory: KernelMemory
  /// Its own names, in the order of their addresses; none where it was built without.
  package let symbols: [KernelSymbol]

  private let addresses: [String: UInt64]
  private let given: Given
  private var offsets: [String: UInt64] = [:]
  private lazy var layouts: [any KernelLayouts] = findLayouts()

  /// - Throws: Where there is none, or none that runs yet.
  package init(in physical: any PhysicalMemory, given: Given = Given()) throws(LinuxGuestError) {
    var found: (KernelPlace, Kallsyms)?
    var hasTables = false
    Kallsyms.search(physical) { tables in
      hasTables = true
      guard
        let place = tables.arePhysical
          ? KernelPlace(physical, lyingAt: { tables.address(of: $0) })
          : KernelPlace(physical, named: { tables.address(of: $0) })
      else { return false }
      found = (place, tables)
      return true
    }
    guard let place = found?.0 ?? KernelPlace(physical, named: given.address) else {
      throw hasTables
        ? LinuxGuestError(
          "there is a Linux kernel in memory, but no page tables of its own yet",
          remedy: "give a later position")
        : LinuxGuestError(
          "no Linux kernel is found in memory",
          remedy: "give another position, or name the vmlinux of one that has no names in memory by --symbols"
        )
    }
    memory = KernelMemory(physical, satp: place.satp)
    banner = place.banner
    symbols = (found?.1.symbols ?? []).map { $0.moved(by: place.displacement) }
    // Of several things of one name the first.
    addresses = Dictionary(symbols.map { ($0.name, $0.address) }, uniquingKeysWith: { first, _ in first })
    self.given = given
  }

  /// How far it was moved from where it was linked to run (KASLR); nil where it does not lie behind that.
  package var displacement: UInt64? {
    optionalAddress(of: "_start").flatMap {
      $0 >= KernelPlace.linkedStart ? $0 - KernelPlace.linkedStart : nil
    }
  }

  /// ELF notes of its own, its build-id among them; empty where it does not say where they are.
  package var notes: [UInt8] {
    guard let start = optionalAddress(of: "__start_notes"), let end = optionalAddress(of: "__stop_notes"),
      start < end, end - start <= Self.notesLimit
    else { return [] }
    return memory.read(start, count: Int(end - start))
  }

  /// More than any kernel has.
  private static let notesLimit: UInt64 = 1 << 16

  // MARK: What the readers of it ask

  func optionalAddress(of name: String) -> UInt64? { addresses[name] ?? given.address(name) }

  func address(of name: String) throws(LinuxGuestError) -> UInt64 {
    guard let address = optionalAddress(of: name) else { throw .unknownSymbol(name) }
    return address
  }

  func object(_ type: String, at address: UInt64) -> KernelObject {
    KernelObject(kernel: self, type: type, address: address)
  }

  func knows(_ member: String, in structure: String) -> Bool {
    (try? offset(of: member, in: structure)) != nil
  }

  func offset(of member: String, in structure: String) throws(LinuxGuestError) -> UInt64 {
    let name = "\(structure).\(member)"
    if let known = offsets[name] { return known }
    guard let offset = layouts.lazy.compactMap({ $0.offset(of: member, in: structure) }).first else {
      throw .unknownLayout(name)
    }
    offsets[name] = offset
    return offset
  }

  func size(of structure: String) throws(LinuxGuestError) -> UInt64 {
    guard let size = layouts.lazy.compactMap({ $0.size(of: structure) }).first else {
      throw .unknownLayout(structure)
    }
    return size
  }

  /// More than any kernel has.
  private static let typesLimit: UInt64 = 256 << 20

  /// Its own word counts first: it is of the kernel that runs, whatever file was given.
  private func findLayouts() -> [any KernelLayouts] {
    var layouts: [any KernelLayouts] = []
    if let start = optionalAddress(of: "__start_BTF"), let end = optionalAddress(of: "__stop_BTF"),
      start < end, end - start <= Self.typesLimit,
      let types = BTFLayouts(memory.read(start, count: Int(end - start)))
    {
      layouts.append(types)
    }
    if let given = given.layouts { layouts.append(given) }
    if let place = optionalAddress(of: "vmcoreinfo_data"), let address = try? memory.number(at: place),
      let size = optionalAddress(of: "vmcoreinfo_size"), let count = try? memory.number(at: size),
      count <= VMCoreInfo.sizeLimit,
      let note = VMCoreInfo(text: memory.read(address, count: Int(count)))
    {
      layouts.append(note)
    }
    return layouts
  }
}

extension Kallsyms {
  fileprivate func address(of name: String) -> UInt64? { symbols.first { $0.name == name }?.address }
}
