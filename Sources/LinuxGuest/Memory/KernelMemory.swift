// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A guest's memory by the virtual addresses of its kernel.
package struct KernelMemory {
  package let physical: any PhysicalMemory
  /// The page tables that count.
  package let satp: UInt64

  package init(_ physical: any PhysicalMemory, satp: UInt64) {
    self.physical = physical
    self.satp = satp
  }

  /// As many of `count` bytes from `address` on as are mapped to RAM.
  package func read(_ address: UInt64, count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    var address = address
    while bytes.count < count {
      let inPage = min(count - bytes.count, 4096 - Int(address & 0xfff))
      guard let place = physical.physicalAddress(of: address, satp: satp) else { break }
      let found = physical.read(place, count: inPage)
      bytes += found
      guard found.count == inPage else { break }
      address &+= UInt64(inPage)
    }
    return bytes
  }

  /// A number of up to 8 bytes.
  package func number(at address: UInt64, byteCount: Int = 8) throws(LinuxGuestError) -> UInt64 {
    let bytes = read(address, count: byteCount)
    guard bytes.count == byteCount else { throw .unmapped(address) }
    return UInt64(littleEndianBytes: bytes)
  }

  /// The text up to a zero, or all of `limit` bytes where there is none.
  package func text(at address: UInt64, limit: Int) throws(LinuxGuestError) -> String {
    let bytes = read(address, count: limit)
    guard !bytes.isEmpty else { throw .unmapped(address) }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }
}
