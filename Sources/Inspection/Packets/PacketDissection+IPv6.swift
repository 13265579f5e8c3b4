// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// IPv6 (RFC 8200).
extension PacketDissection {
  mutating func ipv6(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.ipv6, bytes)
    var reader = ByteReader(bytes)
    let version = try reader.bigEndianUInt32() >> 28
    guard version == 6 else { throw Self.malformed("its IPv6 says that it is of version \(version)") }
    let count = Int(try reader.bigEndianUInt16())
    let next = try reader.uint8()
    _ = try reader.uint8()
    packet.source = try address(&reader, count: 16)
    packet.destination = try address(&reader, count: 16)
    let rest = reader.rest()
    // A packet of more than the field can say has 0 there, and its length in an option (RFC 2675).
    try extensions(next, content(rest, count: count == 0 ? rest.count : count))
  }

  /// Headers between that of IPv6 and what it carries. Each has 8 bytes at least, so that they come to an end.
  private mutating func extensions(_ next: UInt8, _ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    var next = next
    var reader = ByteReader(bytes)
    while true {
      let number = next
      switch number {
      // Options for each hop and for the destination, a route, mobility, identity, shims.
      case 0, 43, 60, 135, 139, 140:
        next = try reader.uint8()
        _ = try reader.raw(8 * Int(try reader.uint8()) + 6)
      // Authentication counts in words of four bytes, but for two.
      case 51:
        next = try reader.uint8()
        _ = try reader.raw(4 * Int(try reader.uint8()) + 6)
      case 44:
        next = try reader.uint8()
        _ = try reader.uint8()
        let place = try reader.bigEndianUInt16()
        let identifier = try reader.bigEndianUInt32()
        // All of it in one fragment is as good as none.
        if place & 0xfff9 == 0 { continue }
        return fragment(
          of: next, "0x\(String(identifier, radix: 16))", reader.rest(), at: Int(place & 0xfff8),
          isLast: place & 1 == 0)
      case 59:
        packet.summary = "nothing within"
        return
      default: return try transport(number, reader.rest(), over: .ipv6)
      }
    }
  }
}
