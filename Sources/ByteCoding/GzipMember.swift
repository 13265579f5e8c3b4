// SPDX-License-Identifier: Apache-2.0

/// One gzip member (RFC 1952) with an extra field, as blocked gzip files are made of.
///
/// A file that is a series of such members passes `gzip -t` and unpacks with `zcat`, while the extra field, which
/// those tools skip, can hold what a reader needs to seek.
public struct GzipMember: Equatable, Sendable {
  /// The extra field's bytes: subfields of two identifying bytes, a little-endian 16-bit size, and the data.
  public var extra: [UInt8]
  /// The uncompressed data.
  public var payload: [UInt8]

  private static let headerSize = 12
  private static let trailerSize = 8
  private static let extraFlag: UInt8 = 4

  /// A whole member: header, extra field, compressed payload, checksum and size.
  ///
  /// `extra` is called with the size of the whole member in bytes and must give `extraSize` bytes, at most 65,535.
  public static func encode(
    _ payload: UnsafeRawBufferPointer, level: Int32 = 6, extraSize: Int, extra: (_ memberSize: Int) -> [UInt8]
  ) -> [UInt8] {
    let body = Zlib.deflate(payload, level: level, windowBits: Zlib.raw)
    let memberSize = headerSize + extraSize + body.count + trailerSize
    let extraBytes = extra(memberSize)
    precondition(extraBytes.count == extraSize && extraSize <= 0xffff, "an extra field of the wrong size")
    var writer = ByteWriter(reserving: memberSize)
    writer.raw([0x1f, 0x8b, 8, extraFlag])
    writer.uint32(0)  // no modification time
    writer.uint8(0)  // no claim about the compression level
    writer.uint8(255)  // made on an unknown system
    writer.uint16(UInt16(extraSize))
    writer.raw(extraBytes)
    writer.raw(body)
    writer.uint32(Zlib.crc32(payload))
    writer.uint32(UInt32(truncatingIfNeeded: payload.count))
    return writer.bytes
  }

  /// The extra field of the member that begins `bytes`, without unpacking it; `bytes` may hold only the beginning.
  public static func extra(of bytes: ArraySlice<UInt8>) throws(ZlibError) -> ArraySlice<UInt8> {
    do {
      var reader = ByteReader(bytes)
      let start = Array(try reader.raw(4))
      guard start[0] == 0x1f, start[1] == 0x8b else { throw ZlibError.damaged(what: "not a gzip member") }
      guard start[2] == 8, start[3] == extraFlag else {
        throw ZlibError.damaged(what: "a gzip member with other header fields than an extra field")
      }
      _ = try reader.raw(6)
      return try reader.raw(Int(try reader.uint16()))
    } catch let error as ZlibError {
      throw error
    } catch {
      throw .truncated
    }
  }

  /// Unpacks `bytes`, which must be exactly one member as `encode` makes them, of at most `maximumSize` bytes of
  /// payload, and checks its checksum and size.
  public init(decoding bytes: ArraySlice<UInt8>, maximumSize: Int) throws(ZlibError) {
    let extra = try Self.extra(of: bytes)
    let bodySize = bytes.count - Self.headerSize - extra.count - Self.trailerSize
    guard bodySize > 0 else { throw .truncated }
    let body = bytes[extra.endIndex..<extra.endIndex + bodySize]
    payload = try Zlib.inflate(body, maximumSize: maximumSize, windowBits: Zlib.raw, wholly: true)
    self.extra = Array(extra)
    var trailer = ByteReader(bytes.suffix(Self.trailerSize))
    guard let crc = try? trailer.uint32(), let size = try? trailer.uint32() else { throw .truncated }
    guard size == UInt32(truncatingIfNeeded: payload.count) else {
      throw .damaged(what: "its payload is not of the size it states")
    }
    guard crc == Zlib.crc32(payload) else { throw .damaged(what: "its checksum is wrong") }
  }
}
