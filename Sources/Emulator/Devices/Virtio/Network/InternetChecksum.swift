// SPDX-License-Identifier: Apache-2.0

/// The checksum of IP, TCP, UDP and ICMP (RFC 1071): the ones' complement of the ones' complement sum of big-endian words.
struct InternetChecksum {
  private var sum: UInt64 = 0

  /// Adds `bytes`; an odd last one counts as if a zero followed, so only the last piece may be odd.
  mutating func add(_ bytes: ArraySlice<UInt8>) {
    bytes.withUnsafeBytes { buffer in
      var offset = 0
      while offset + 8 <= buffer.count {
        let word = UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        sum &+= (word >> 48) &+ (word >> 32 & 0xffff) &+ (word >> 16 & 0xffff) &+ (word & 0xffff)
        offset += 8
      }
      while offset + 2 <= buffer.count {
        sum &+= UInt64(UInt16(bigEndian: buffer.loadUnaligned(fromByteOffset: offset, as: UInt16.self)))
        offset += 2
      }
      if offset < buffer.count { sum &+= UInt64(buffer[offset]) << 8 }
    }
  }

  mutating func add(_ word: UInt16) { sum &+= UInt64(word) }

  var value: UInt16 {
    var folded = sum
    while folded > 0xffff { folded = (folded & 0xffff) + folded >> 16 }
    return ~UInt16(folded)
  }
}

extension [UInt8] {
  func bigEndianWord(at offset: Int) -> UInt16 { UInt16(self[offset]) << 8 | UInt16(self[offset + 1]) }

  mutating func setBigEndianWord(_ value: UInt16, at offset: Int) {
    self[offset] = UInt8(value >> 8)
    self[offset + 1] = UInt8(truncatingIfNeeded: value)
  }
}
