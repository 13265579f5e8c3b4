// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where a core's bytes go: a file, or what a test has instead of one.
public protocol CoreOutput: AnyObject {
  /// Sets the size; what is not written reads as zeros.
  func setSize(_ size: UInt64) throws(OutputError)
  /// Writes all of `bytes` at `offset`. No place is written twice.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError)
}

extension CoreOutput {
  func write(_ bytes: [UInt8], at offset: UInt64) throws(OutputError) {
    // The closure's error is carried by hand: `withUnsafeBytes` knows no typed ones.
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(OutputError) in try write(raw, at: offset) }
    }
    try result.get()
  }
}

/// Writes a core file of one format.
///
/// `begin`, then `write` for all memory of all regions, in pieces of any order, then `finish`. The pieces start and end at page
/// boundaries or at those of their region.
public protocol CoreWriter: AnyObject {
  func begin() throws(OutputError)
  /// Takes the bytes at a physical address; answers how many of their pages are not all zeros.
  func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(OutputError) -> Int
  func finish() throws(OutputError)
  /// Bytes put out so far; holes do not count.
  var byteCount: UInt64 { get }
}

enum ZeroBytes {
  /// Whether all bytes are zeros.
  static func areAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset + 32 <= bytes.count {
      let first = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let second = bytes.loadUnaligned(fromByteOffset: offset + 8, as: UInt64.self)
      let third = bytes.loadUnaligned(fromByteOffset: offset + 16, as: UInt64.self)
      let fourth = bytes.loadUnaligned(fromByteOffset: offset + 24, as: UInt64.self)
      if first | second | third | fourth != 0 { return false }
      offset += 32
    }
    while offset < bytes.count {
      if bytes[offset] != 0 { return false }
      offset += 1
    }
    return true
  }
}
