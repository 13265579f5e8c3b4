// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// An ELF note that a guest gives for dumps of its memory (QEMU's fw_cfg, `etc/vmcoreinfo`).
public struct GuestNote: Equatable, Sendable {
  /// All of it, padded.
  public let bytes: [UInt8]
  private let type: UInt32
  private let owner: ArraySlice<UInt8>
  private let contents: ArraySlice<UInt8>

  /// More than anything that is worth a note, as on QEMU.
  public static let sizeLimit = 1 << 20

  /// Nil when that is no note. What comes behind it is left out.
  public init?(_ given: [UInt8]) {
    func word(_ offset: Int) -> UInt32 { UInt32(littleEndianBytes: given[offset..<offset + 4]) }
    func padded(_ size: UInt32) -> Int { (Int(size) + 3) & ~3 }
    let header = 12
    guard given.count >= header, given.count <= Self.sizeLimit else { return nil }
    let (ownerSize, size) = (word(0), word(4))
    let end = header + padded(ownerSize) + padded(size)
    guard ownerSize > 0, end <= given.count else { return nil }
    bytes = Array(given[..<end])
    type = word(8)
    owner = given[header..<header + Int(ownerSize)]
    let start = header + padded(ownerSize)
    contents = given[start..<start + Int(size)]
  }

  /// What it is when a Linux kernel gave it.
  public var kernelInformation: VMCoreInfo? {
    guard type == 0, owner.elementsEqual(VMCoreInfo.name) else { return nil }
    return VMCoreInfo(text: Array(contents))
  }
}
