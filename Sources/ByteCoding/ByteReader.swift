// SPDX-License-Identifier: Apache-2.0

/// Why bytes could not be read as what they should be.
public enum ByteCodingError: Error, Equatable, Sendable {
  /// `needed` bytes were to be read at `offset`, and only `available` are there.
  case truncated(offset: Int, needed: Int, available: Int)
  /// The bytes at `offset` cannot be a value of this kind; `what` says in what way.
  case malformed(offset: Int, what: String)
}

/// Reads binary data, checking every access against the end of the data.
///
/// Nothing read here is trusted: a count that runs past the end is an error before anything is allocated for it.
/// Integers are little-endian unless the call says otherwise. The counterpart is `ByteWriter`.
public struct ByteReader: Sendable {
  private let bytes: ArraySlice<UInt8>
  private var position: Int

  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  public init(_ bytes: [UInt8]) { self.init(bytes[...]) }

  /// Bytes read so far.
  public var offset: Int { position - bytes.startIndex }
  /// Bytes left to read.
  public var remaining: Int { bytes.endIndex - position }
  public var isAtEnd: Bool { remaining == 0 }

  public mutating func uint8() throws(ByteCodingError) -> UInt8 { try integer() }
  public mutating func uint16() throws(ByteCodingError) -> UInt16 { UInt16(littleEndian: try integer()) }
  public mutating func uint32() throws(ByteCodingError) -> UInt32 { UInt32(littleEndian: try integer()) }
  public mutating func uint64() throws(ByteCodingError) -> UInt64 { UInt64(littleEndian: try integer()) }

  public mutating func bool() throws(ByteCodingError) -> Bool {
    let start = offset
    switch try uint8() {
    case 0: return false
    case 1: return true
    case let other: throw .malformed(offset: start, what: "a truth value of \(other)")
    }
  }

  public mutating func bigEndianUInt16() throws(ByteCodingError) -> UInt16 {
    UInt16(bigEndian: try integer())
  }
  public mutating func bigEndianUInt32() throws(ByteCodingError) -> UInt32 {
    UInt32(bigEndian: try integer())
  }
  public mutating func bigEndianUInt64() throws(ByteCodingError) -> UInt64 {
    UInt64(bigEndian: try integer())
  }

  /// An unsigned LEB128 number as `ByteWriter.varint` writes it. More than 64 bits is malformed.
  public mutating func varint() throws(ByteCodingError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      let byte = try uint8()
      let bits = UInt64(byte & 0x7f)
      guard shift < 63 || (shift == 63 && bits <= 1) else {
        throw .malformed(offset: start, what: "a number of more than 64 bits")
      }
      value |= bits << shift
      if byte < 0x80 { return value }
      shift += 7
    }
  }

  public mutating func raw(_ count: Int) throws(ByteCodingError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= remaining else {
      throw .truncated(offset: offset, needed: max(count, 0), available: remaining)
    }
    defer { position += count }
    return bytes[position..<position + count]
  }

  /// A varint count, then that many bytes.
  public mutating func counted() throws(ByteCodingError) -> ArraySlice<UInt8> {
    let count = try varint()
    guard count <= UInt64(remaining) else {
      throw .truncated(offset: offset, needed: Int(clamping: count), available: remaining)
    }
    return try raw(Int(count))
  }

  public mutating func string() throws(ByteCodingError) -> String {
    let start = offset
    guard let text = String(validating: try counted(), as: UTF8.self) else {
      throw .malformed(offset: start, what: "text that is not UTF-8")
    }
    return text
  }

  private mutating func integer<Integer: FixedWidthInteger>() throws(ByteCodingError) -> Integer {
    let size = MemoryLayout<Integer>.size
    guard size <= remaining else {
      throw .truncated(offset: offset, needed: size, available: remaining)
    }
    defer { position += size }
    return bytes.withUnsafeBytes { raw in
      raw.loadUnaligned(fromByteOffset: position - bytes.startIndex, as: Integer.self)
    }
  }
}
