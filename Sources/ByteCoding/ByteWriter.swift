// SPDX-License-Identifier: Apache-2.0

/// Appends binary data to a growing array of bytes.
///
/// Integers are little-endian unless the call says otherwise. The counterpart is `ByteReader`.
public struct ByteWriter: Sendable {
  public private(set) var bytes: [UInt8]

  public init(reserving capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  public var count: Int { bytes.count }

  public mutating func uint8(_ value: UInt8) { bytes.append(value) }
  public mutating func uint16(_ value: UInt16) { append(value.littleEndian) }
  public mutating func uint32(_ value: UInt32) { append(value.littleEndian) }
  public mutating func uint64(_ value: UInt64) { append(value.littleEndian) }
  public mutating func bool(_ value: Bool) { bytes.append(value ? 1 : 0) }

  public mutating func bigEndianUInt16(_ value: UInt16) { append(value.bigEndian) }
  public mutating func bigEndianUInt32(_ value: UInt32) { append(value.bigEndian) }
  public mutating func bigEndianUInt64(_ value: UInt64) { append(value.bigEndian) }

  /// An unsigned LEB128 number: seven bits a byte, least significant first, one to ten bytes.
  public mutating func varint(_ value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  public mutating func raw(_ data: some Sequence<UInt8>) { bytes.append(contentsOf: data) }

  /// A varint count, then that many bytes.
  public mutating func counted(_ data: some Collection<UInt8>) {
    varint(UInt64(data.count))
    bytes.append(contentsOf: data)
  }

  /// UTF-8 text as `counted` bytes.
  public mutating func string(_ text: String) { counted(Array(text.utf8)) }

  private mutating func append<Integer: FixedWidthInteger>(_ value: Integer) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
  }
}
