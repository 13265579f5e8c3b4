// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Ethernet: IEEE 802.3, with tags of 802.1Q.
extension PacketDissection {
  /// Types from here on are types, and lengths below.
  private static let firstType: UInt16 = 0x600
  private static let tagTypes: Set<UInt16> = [0x8100, 0x88a8, 0x9100]

  mutating func ethernet(_ frame: ArraySlice<UInt8>) throws(ByteCodingError) {
    packet.summary = "\(frame.count) bytes"
    var reader = ByteReader(frame)
    let destination = try address(&reader, count: PacketAddress.cardByteCount)
    (packet.destinationCard, packet.destination) = (destination, destination)
    let source = try address(&reader, count: PacketAddress.cardByteCount)
    (packet.sourceCard, packet.source) = (source, source)
    var type = try reader.bigEndianUInt16()
    while Self.tagTypes.contains(type) {
      if packet.vlan == nil { packet.layers.append(.vlan) }
      let number = try reader.bigEndianUInt16() & 0xfff
      packet.vlan = packet.vlan ?? number
      type = try reader.bigEndianUInt16()
    }
    let content = reader.rest()
    switch type {
    case ..<Self.firstType:
      enter(.llc, content)
      _ = self.content(content, count: Int(type))
    case 0x0800: try ipv4(content)
    case 0x86dd: try ipv6(content)
    case 0x0806: try arp(content, as: .arp)
    case 0x8035: try arp(content, as: .rarp)
    case 0x88cc: enter(.lldp, content)
    case 0x888e: enter(.eapol, content)
    default: packet.summary = "type 0x\(Self.hexadecimal(type)), \(content.count) bytes"
    }
  }

  static func hexadecimal(_ number: UInt16) -> String {
    String(String(UInt32(number) + 0x10000, radix: 16).dropFirst())
  }
}
