// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// IPv4 (RFC 791).
extension PacketDissection {
  private static let moreFragments: UInt16 = 0x2000
  private static let offsetMask: UInt16 = 0x1fff

  mutating func ipv4(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.ipv4, bytes)
    var reader = ByteReader(bytes)
    let first = try reader.uint8()
    let headerCount = 4 * Int(first & 0xf)
    guard first >> 4 == 4 else { throw Self.malformed("its IPv4 says that it is of version \(first >> 4)") }
    guard headerCount >= 20 else { throw Self.malformed("its IPv4 has a header of \(headerCount) bytes") }
    _ = try reader.uint8()
    let totalCount = Int(try reader.bigEndianUInt16())
    let identifier = try reader.bigEndianUInt16()
    let fragment = try reader.bigEndianUInt16()
    _ = try reader.uint8()
    let number = try reader.uint8()
    _ = try reader.bigEndianUInt16()
    packet.source = try address(&reader, count: 4)
    packet.destination = try address(&reader, count: 4)
    // Options.
    _ = try reader.raw(headerCount - 20)
    // A card that cuts segments itself may be given more than the field can say, which is 0 then.
    guard totalCount == 0 || totalCount >= headerCount else {
      throw Self.malformed("its IPv4 of \(totalCount) bytes has a header of \(headerCount)")
    }
    let rest = reader.rest()
    let content = self.content(rest, count: totalCount == 0 ? rest.count : totalCount - headerCount)
    let offset = 8 * Int(fragment & Self.offsetMask)
    guard offset > 0 || fragment & Self.moreFragments != 0 else {
      return try transport(number, content, over: .ipv4)
    }
    self.fragment(
      of: number, "0x\(Self.hexadecimal(identifier))", content, at: offset,
      isLast: fragment & Self.moreFragments == 0)
  }

  /// What is in a part of a packet is not read, but the ports that its first part begins with.
  mutating func fragment(
    of number: UInt8, _ identifier: String, _ content: ArraySlice<UInt8>, at offset: Int, isLast: Bool
  ) {
    packet.summary =
      "fragment of \(Self.transportName(number)), id \(identifier), \(content.count) bytes at \(offset)"
      + (isLast ? ", the last one" : "")
    if offset == 0, number == 6 || number == 17 {
      var reader = ByteReader(content)
      packet.sourcePort = try? reader.bigEndianUInt16()
      packet.destinationPort = try? reader.bigEndianUInt16()
    }
  }

  /// What IP carries, by its number.
  mutating func transport(
    _ number: UInt8, _ content: ArraySlice<UInt8>, over network: PacketProtocol
  ) throws(ByteCodingError) {
    switch (number, network) {
    case (6, _): try tcp(content)
    case (17, _): try udp(content)
    case (1, .ipv4): try icmp(content)
    case (58, .ipv6): try icmpv6(content)
    case (2, .ipv4): try igmp(content)
    default: packet.summary = "\(Self.transportName(number)), \(content.count) bytes"
    }
  }

  private static func transportName(_ number: UInt8) -> String {
    switch number {
    case 1: "ICMP"
    case 2: "IGMP"
    case 4: "IPv4 within IP"
    case 6: "TCP"
    case 17: "UDP"
    case 41: "IPv6 within IP"
    case 47: "GRE"
    case 50: "ESP"
    case 51: "AH"
    case 58: "ICMPv6"
    case 89: "OSPF"
    case 132: "SCTP"
    default: "protocol \(number)"
    }
  }
}
