// SPDX-License-Identifier: Apache-2.0

/// A structure in a kernel's memory.
struct KernelObject {
  let kernel: LinuxKernel
  let type: String
  let address: UInt64

  /// Where a member lies. Several names are those that it had in the course of time.
  func place(_ members: String...) throws(LinuxGuestError) -> UInt64 { try place(members) }

  private func place(_ members: [String]) throws(LinuxGuestError) -> UInt64 {
    let member = members.first { kernel.knows($0, in: type) } ?? members[0]
    return address &+ (try kernel.offset(of: member, in: type))
  }

  /// A member that is a number of so many bytes.
  func number(_ members: String..., bytes: Int) throws(LinuxGuestError) -> UInt64 {
    try kernel.memory.number(at: place(members), byteCount: bytes)
  }

  func pointer(_ members: String...) throws(LinuxGuestError) -> UInt64 {
    try kernel.memory.number(at: place(members))
  }

  /// A structure within this one.
  func part(_ member: String, _ type: String) throws(LinuxGuestError) -> KernelObject {
    kernel.object(type, at: try place([member]))
  }

  /// What a pointer leads to; nil for a null pointer.
  func target(_ member: String, _ type: String) throws(LinuxGuestError) -> KernelObject? {
    let address = try pointer(member)
    return address == 0 ? nil : kernel.object(type, at: address)
  }

  /// A text that lies within the structure.
  func text(_ member: String, limit: Int) throws(LinuxGuestError) -> String {
    try kernel.memory.text(at: place([member]), limit: limit)
  }
}
