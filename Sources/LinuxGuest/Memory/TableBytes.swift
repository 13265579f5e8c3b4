// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Bytes of a guest in which numbers are looked up by their places: what lies beyond the end is nil, whatever led there.
struct TableBytes {
  let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var count: Int { bytes.count }

  /// A number of 1, 2, 4 or 8 bytes.
  func number(_ place: Int, _ size: Int) -> UInt64? {
    guard place >= 0, place <= bytes.count - size else { return nil }
    return bytes.withUnsafeBytes { raw in
      switch size {
      case 1: UInt64(raw[place])
      case 2: UInt64(UInt16(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt16.self)))
      case 4: UInt64(UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt32.self)))
      default: UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: place, as: UInt64.self))
      }
    }
  }

  /// The bytes from a place up to a zero, which must come.
  func string(_ place: Int, limit: Int) -> ArraySlice<UInt8>? {
    guard place >= 0, place < bytes.count else { return nil }
    let rest = bytes[place..<min(place + limit + 1, bytes.count)]
    return rest.firstIndex(of: 0).map { rest[..<$0] }
  }
}
