// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// TCP (RFC 9293).
extension PacketDissection {
  /// From the lowest bit on.
  private static let flagNames = ["FIN", "SYN", "RST", "PSH", "ACK", "URG", "ECE", "CWR"]

  mutating func tcp(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.tcp, bytes)
    var reader = ByteReader(bytes)
    let (source, destination) = try ports(&reader)
    let (sequence, acknowledged) = (try reader.bigEndianUInt32(), try reader.bigEndianUInt32())
    let word = try reader.bigEndianUInt16()
    let window = try reader.bigEndianUInt16()
    _ = try reader.raw(4)
    let headerCount = 4 * Int(word >> 12)
    guard headerCount >= 20 else { throw Self.malformed("its TCP has a header of \(headerCount) bytes") }
    let flags = Self.flagNames.enumerated().filter { word >> $0.offset & 1 != 0 }.map(\.element)
    let options = try reader.raw(headerCount - 20)
    let payload = reader.rest()
    packet.summary =
      "\(source) > \(destination) [\(flags.joined(separator: ", "))] Seq=\(sequence)"
      + (flags.contains("ACK") ? " Ack=\(acknowledged)" : "") + " Win=\(window) Len=\(payload.count)"
    if flags.contains("SYN") { packet.summary += try Self.offers(options) }
    try stream(payload)
  }

  /// What both transports begin with.
  mutating func ports(
    _ reader: inout ByteReader
  ) throws(ByteCodingError) -> (source: UInt16, destination: UInt16) {
    let source = try reader.bigEndianUInt16()
    let destination = try reader.bigEndianUInt16()
    (packet.sourcePort, packet.destinationPort) = (source, destination)
    return (source, destination)
  }

  /// What the options say that matter for the whole connection.
  private static func offers(_ options: ArraySlice<UInt8>) throws(ByteCodingError) -> String {
    var text = ""
    var reader = ByteReader(options)
    while !reader.isAtEnd {
      let kind = try reader.uint8()
      if kind == 0 { break }
      if kind == 1 { continue }
      let count = Int(try reader.uint8())
      guard count >= 2 else { throw malformed("an option of its TCP has no length") }
      var content = ByteReader(try reader.raw(count - 2))
      switch kind {
      case 2: text += " MSS=\(try content.bigEndianUInt16())"
      // More than 14 counts as 14 (RFC 7323).
      case 3: text += " WS=\(1 << min(try content.uint8(), 14))"
      case 4: text += " SACK_PERM"
      default: break
      }
    }
    return text
  }
}
