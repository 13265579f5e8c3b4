// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A gzip member of a log: what it is, what comes in it, and its layout on disk.
///
/// ```
///  0  1f 8b 08 04 00 00 00 00 00 ff   gzip: deflate, an extra field follows
/// 10  u16  41, or 65 in the trailing member: bytes of the extra field
/// 12  'R' 'L' u16 37
/// 16  u8   kind: 'H' header, 'E' events, 'I' index, 'T' trailing
/// 17  u32  bytes of this member, all of it
/// 21  u32  events in it
/// 25  u64  number of its first event
/// 33  u64  position of its first event
/// 41  u64  guest time of its first event
/// 49  u32  CRC-32 of the bytes 0 to 48
/// 53  'R' 'I' u16 20                 trailing member only:
/// 57  u64  offset of the first index member
/// 65  u64  entries in the index
/// 73  u32  CRC-32 of the bytes 0 to 72
///     deflate data, u32 CRC-32 and u32 size of what it unpacks to
/// ```
///
/// The header member states the moment the run starts at; index and trailing member state what comes after the last
/// event: their number is the count of events, their moment that of the last event.
struct LogMember: Equatable {
  enum Kind: UInt8 {
    case header = 0x48
    case events = 0x45
    case index = 0x49
    case trailing = 0x54
  }

  /// Where the index is; in the trailing member only.
  struct IndexLocation: Equatable {
    var offset: UInt64
    var entryCount: UInt64
  }

  /// Bytes that a member unpacks to, at most.
  static let contentLimit = 65_536
  /// Bytes of a whole member, at most: contents that do not compress, and what is around them.
  static let byteCountLimit = 66_560
  /// Bytes before the compressed data.
  static let headSize = 53
  static let trailingHeadSize = 77
  /// A member cannot be smaller: an empty deflate stream takes two bytes, checksum and size take eight.
  static let byteCountMinimum = headSize + 2 + 8
  /// The trailing member is always of this size, so that it is found from the file's end.
  static let trailingSize = trailingHeadSize + 2 + 8

  var kind: Kind
  /// Bytes of the member in the file.
  var byteCount: Int
  var eventCount: UInt32
  var firstEvent: UInt64
  var first: LogMoment
  var indexLocation: IndexLocation?

  /// The whole member with `content` in it.
  static func encode(
    _ kind: Kind, content: [UInt8], eventCount: Int, firstEvent: UInt64, first: LogMoment, level: Int32,
    indexLocation: IndexLocation? = nil
  ) -> [UInt8] {
    precondition(content.count <= contentLimit)
    precondition((kind == .trailing) == (indexLocation != nil))
    let extraSize = (indexLocation == nil ? headSize : trailingHeadSize) - fixedSize
    let bytes = content.withUnsafeBytes { content in
      GzipMember.encode(content, level: level, extraSize: extraSize) { byteCount in
        let member = LogMember(
          kind: kind, byteCount: byteCount, eventCount: UInt32(eventCount), firstEvent: firstEvent,
          first: first,
          indexLocation: indexLocation)
        return Array(member.head().dropFirst(fixedSize))
      }
    }
    precondition(bytes.count <= byteCountLimit, "deflate made much more of less")
    return bytes
  }

  /// The bytes before the compressed data.
  private func head() -> [UInt8] {
    var writer = ByteWriter(reserving: Self.trailingHeadSize)
    writer.raw(Self.gzipStart)
    writer.uint16(UInt16((indexLocation == nil ? Self.headSize : Self.trailingHeadSize) - Self.fixedSize))
    writer.raw(Self.logSubfield)
    writer.uint8(kind.rawValue)
    writer.uint32(UInt32(byteCount))
    writer.uint32(eventCount)
    writer.uint64(firstEvent)
    writer.uint64(first.position)
    writer.uint64(first.time)
    writer.uint32(Zlib.crc32(writer.bytes))
    if let indexLocation {
      writer.raw(Self.indexSubfield)
      writer.uint64(indexLocation.offset)
      writer.uint64(indexLocation.entryCount)
      writer.uint32(Zlib.crc32(writer.bytes))
    }
    return writer.bytes
  }

  /// Reads the head of a member from the first bytes of `bytes`; nil when these are not one.
  init?(head bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    do throws(ByteCodingError) {
      guard try reader.raw(10).elementsEqual(Self.gzipStart) else { return nil }
      let extraSize = Int(try reader.uint16())
      guard try reader.raw(4).elementsEqual(Self.logSubfield), let kind = Kind(rawValue: try reader.uint8())
      else { return nil }
      self.kind = kind
      guard extraSize + Self.fixedSize == (kind == .trailing ? Self.trailingHeadSize : Self.headSize) else {
        return nil
      }
      byteCount = Int(try reader.uint32())
      eventCount = try reader.uint32()
      firstEvent = try reader.uint64()
      first = LogMoment(position: try reader.uint64(), time: try reader.uint64())
      guard try reader.uint32() == Self.crc(bytes, upTo: 49) else { return nil }
      guard (Self.byteCountMinimum...Self.byteCountLimit).contains(byteCount) else { return nil }
      guard kind == .trailing else { return }
      guard try reader.raw(4).elementsEqual(Self.indexSubfield) else { return nil }
      indexLocation = IndexLocation(offset: try reader.uint64(), entryCount: try reader.uint64())
      guard try reader.uint32() == Self.crc(bytes, upTo: 73), byteCount == Self.trailingSize else {
        return nil
      }
    } catch {
      return nil
    }
  }

  private init(
    kind: Kind, byteCount: Int, eventCount: UInt32, firstEvent: UInt64, first: LogMoment,
    indexLocation: IndexLocation?
  ) {
    self.kind = kind
    self.byteCount = byteCount
    self.eventCount = eventCount
    self.firstEvent = firstEvent
    self.first = first
    self.indexLocation = indexLocation
  }

  /// Bytes of a gzip member before the extra field.
  private static let fixedSize = 12
  private static let gzipStart: [UInt8] = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff]
  private static let logSubfield: [UInt8] = [0x52, 0x4c, 37, 0]
  private static let indexSubfield: [UInt8] = [0x52, 0x49, 20, 0]

  private static func crc(_ bytes: [UInt8], upTo end: Int) -> UInt32 {
    bytes.withUnsafeBytes { Zlib.crc32(UnsafeRawBufferPointer(rebasing: $0[..<end])) }
  }
}
