// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Reading of saved device state, which comes from a stranger.
extension ByteReader {
  /// A byte with no bits but those in `mask`.
  mutating func uint8(within mask: UInt8, _ what: String) throws(ByteCodingError) -> UInt8 {
    let start = offset
    let value = try uint8()
    guard value & ~mask == 0 else { throw .malformed(offset: start, what: "\(what) \(value)") }
    return value
  }

  /// A word with no bits but those in `mask`.
  mutating func uint32(within mask: UInt32, _ what: String) throws(ByteCodingError) -> UInt32 {
    let start = offset
    let value = try uint32()
    guard value & ~mask == 0 else { throw .malformed(offset: start, what: "\(what) \(value)") }
    return value
  }

  /// A varint of at most `limit`.
  mutating func count(limit: Int, _ what: String) throws(ByteCodingError) -> Int {
    let start = offset
    let value = try varint()
    guard value <= UInt64(limit) else { throw .malformed(offset: start, what: "\(what) \(value)") }
    return Int(value)
  }

  /// A varint count of at most `limit`, then that many bytes.
  mutating func counted(limit: Int, _ what: String) throws(ByteCodingError) -> ArraySlice<UInt8> {
    try raw(try count(limit: limit, "\(what) byte count"))
  }
}
