// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

/// Memory that a test fills: virtual addresses of a kernel are a distance away from physical ones, as far as `mapped` reaches.
final class TestMemory: PhysicalMemory {
  static let base: UInt64 = 0x8000_0000
  static let root: UInt64 = 8 << 60 | 0x8_0001
  /// Where a kernel has the first byte.
  static let kernel: UInt64 = 0xffff_ffff_8000_0000

  var bytes: [UInt8]
  /// Bytes that page tables map.
  var mapped: Int
  var satp = [root]

  init(count: Int) {
    bytes = [UInt8](repeating: 0, count: count)
    mapped = count
  }

  var ram: Range<UInt64> { Self.base..<Self.base + UInt64(bytes.count) }

  func read(_ address: UInt64, count: Int) -> [UInt8] {
    guard ram.contains(address) else { return [] }
    let start = Int(address - Self.base)
    return Array(bytes[start..<min(start + count, bytes.count)])
  }

  func physicalAddress(of address: UInt64, satp: UInt64) -> UInt64? {
    guard satp == Self.root, address >= Self.kernel, address - Self.kernel < UInt64(mapped) else {
      return nil
    }
    return address - Self.kernel + Self.base
  }

  func write(_ data: some Sequence<UInt8>, at place: Int) {
    for (index, byte) in data.enumerated() { bytes[place + index] = byte }
  }

  func write(_ number: UInt64, bytes count: Int = 8, at place: Int) {
    write((0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64(8 * $0)) }, at: place)
  }

  /// The kernel's address of a place.
  static func address(_ place: Int) -> UInt64 { kernel + UInt64(place) }
}
