// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Logs put together by hand, as the document describes them, to say what no writer would.
struct ForgedLog {
  var bytes: [UInt8] = []

  init(header: String = "RRTOOLLOG 1.0\nshift=0\ndrives=1\ndigests=memory\nstart-position=0\nstart-time=0\n")
  {
    member("H", Array(header.utf8))
  }

  mutating func member(
    _ kind: Character, _ content: [UInt8], events: UInt32 = 0, first: UInt64 = 0, position: UInt64 = 0,
    time: UInt64 = 0, byteCount: UInt32? = nil, index: (offset: UInt64, count: UInt64)? = nil
  ) {
    bytes += content.withUnsafeBytes { content in
      GzipMember.encode(content, extraSize: index == nil ? 41 : 65) { size in
        var head = ByteWriter()
        head.raw([0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 0xff, index == nil ? 41 : 65, 0])
        head.raw([0x52, 0x4c, 37, 0])
        head.uint8(kind.asciiValue ?? 0)
        head.uint32(byteCount ?? UInt32(size))
        head.uint32(events)
        head.uint64(first)
        head.uint64(position)
        head.uint64(time)
        head.uint32(Zlib.crc32(head.bytes))
        if let index {
          head.raw([0x52, 0x49, 20, 0])
          head.uint64(index.offset)
          head.uint64(index.count)
          head.uint32(Zlib.crc32(head.bytes))
        }
        return Array(head.bytes.dropFirst(12))
      }
    }
  }

  /// Adds an index with these entries, and the trailing member.
  mutating func close(
    entries: [[UInt64]], eventCount: UInt64, position: UInt64 = 0, time: UInt64 = 0, offset: UInt64? = nil,
    count: UInt64? = nil
  ) {
    let start = UInt64(bytes.count)
    var table = ByteWriter()
    for word in entries.joined() { table.uint64(word) }
    member("I", table.bytes, first: eventCount, position: position, time: time)
    member(
      "T", [], first: eventCount, position: position, time: time,
      index: (offset ?? start, count ?? UInt64(entries.count)))
  }

  /// An event as it stands in a member.
  static func event(
    _ tag: UInt8, position: UInt64 = 0, idle: UInt64? = nil, length: UInt64? = nil, _ data: [UInt8]
  )
    -> [UInt8]
  {
    var writer = ByteWriter()
    writer.uint8(tag)
    writer.varint(position)
    if let idle { writer.varint(idle) }
    writer.varint(length ?? UInt64(data.count))
    writer.raw(data)
    return writer.bytes
  }
}
