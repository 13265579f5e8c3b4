// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A name in a message of DNS: labels, the last of which may stand elsewhere in the message (RFC 1035 §4.1.4).
struct DNSName {
  /// Bytes that all labels may have, with the length of each.
  private static let byteLimit = 255

  /// "example.com"; "." for the root.
  let text: String

  /// Reads the name at the place of `reader`, which stands behind it afterwards.
  init(_ reader: inout ByteReader, in message: ArraySlice<UInt8>) throws(ByteCodingError) {
    var labels: [String] = []
    var byteCount = 0
    var place = reader
    var end: ByteReader?
    // Each pointer leads to before the one that led to it, so that they come to an end.
    var limit = message.count
    while true {
      let length = try place.uint8()
      if length & 0xc0 == 0xc0 {
        let target = Int(length & 0x3f) << 8 | Int(try place.uint8())
        end = end ?? place
        guard target < limit else { throw PacketDissection.malformed("a name of its DNS does not lead back") }
        limit = target
        place = ByteReader(message.dropFirst(target))
        continue
      }
      guard length < 0x40 else { throw PacketDissection.malformed("a label of its DNS has no known form") }
      byteCount += Int(length) + 1
      guard byteCount <= Self.byteLimit else {
        throw PacketDissection.malformed("a name of its DNS has more than \(Self.byteLimit) bytes")
      }
      if length == 0 { break }
      labels.append(VisibleText.of(try place.raw(Int(length))).replacing(".", with: "\\."))
    }
    reader = end ?? place
    text = labels.isEmpty ? "." : labels.joined(separator: ".")
  }
}
