// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Who has which address: ARP (RFC 826) and its reverse (RFC 903).
extension PacketDissection {
  mutating func arp(_ bytes: ArraySlice<UInt8>, as name: PacketProtocol) throws(ByteCodingError) {
    enter(name, bytes)
    var reader = ByteReader(bytes)
    let (hardware, network) = (try reader.bigEndianUInt16(), try reader.bigEndianUInt16())
    let (hardwareCount, networkCount) = (try reader.uint8(), try reader.uint8())
    let operation = try reader.bigEndianUInt16()
    guard (hardware, network, hardwareCount, networkCount) == (1, 0x0800, 6, 4) else {
      packet.summary = "operation \(operation) between addresses that are not of Ethernet and IPv4"
      return
    }
    let (senderCard, sender) = (try address(&reader, count: 6), try address(&reader, count: 4))
    let (targetCard, target) = (try address(&reader, count: 6), try address(&reader, count: 4))
    packet.summary =
      switch operation {
      case 1 where sender == target: "announces that \(sender) is at \(senderCard)"
      case 1: "who has \(target)? tell \(sender)"
      case 2: "\(sender) is at \(senderCard)"
      case 3: "which address has \(targetCard)? tell \(senderCard)"
      case 4: "\(targetCard) has \(target)"
      default: "operation \(operation)"
      }
  }
}
