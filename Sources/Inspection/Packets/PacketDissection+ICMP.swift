// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// ICMP (RFC 792, 950, 1256, 1812) and IGMP (RFC 2236, 3376).
extension PacketDissection {
  mutating func icmp(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    let (start, type, code, name) = try message(.icmp, bytes, Self.messages)
    var reader = start
    switch type {
    case 0, 8, 13, 14:
      packet.summary = name + (try Self.echo(&reader))
    case 3:
      _ = try reader.bigEndianUInt16()
      let limit = try reader.bigEndianUInt16()
      packet.summary = Self.unreachable[code].map { "\(name): \($0)" } ?? "\(name), code \(code)"
      if code == 4 { packet.summary += ", MTU \(limit)" }
    case 5: packet.summary = "\(name): go by \(try Self.told(&reader, count: 4))"
    case 11: packet.summary = name + Self.whereTimeEnded(code)
    default: break
    }
  }

  /// How a message of ICMP and of ICMPv6 begins: type, code, checksum. The summary is its name.
  mutating func message(
    _ layer: PacketProtocol, _ bytes: ArraySlice<UInt8>, _ names: [UInt8: String]
  ) throws(ByteCodingError) -> (reader: ByteReader, type: UInt8, code: UInt8, name: String) {
    enter(layer, bytes)
    var reader = ByteReader(bytes)
    let (type, code) = (try reader.uint8(), try reader.uint8())
    _ = try reader.bigEndianUInt16()
    let name = names[type] ?? "type \(type), code \(code)"
    packet.summary = name
    return (reader, type, code, name)
  }

  static func whereTimeEnded(_ code: UInt8) -> String {
    code == 0 ? " on the way" : " before all fragments came"
  }

  /// The identifier and the number of an echo, which ICMP and ICMPv6 have alike.
  static func echo(_ reader: inout ByteReader) throws(ByteCodingError) -> String {
    let identifier = try reader.bigEndianUInt16()
    let number = try reader.bigEndianUInt16()
    return " id=0x\(hexadecimal(identifier)), seq=\(number)"
  }

  private static let messages: [UInt8: String] = [
    0: "echo reply", 3: "destination unreachable", 4: "source quench", 5: "redirect", 8: "echo request",
    9: "router advertisement", 10: "router solicitation", 11: "time exceeded", 12: "parameter problem",
    13: "timestamp request", 14: "timestamp reply",
  ]

  private static let unreachable: [UInt8: String] = [
    0: "network", 1: "host", 2: "protocol", 3: "port", 4: "it had to be cut and must not be",
    5: "source route failed", 6: "network unknown", 7: "host unknown", 9: "network prohibited",
    10: "host prohibited",
    13: "prohibited by a filter",
  ]

  mutating func igmp(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.igmp, bytes)
    var reader = ByteReader(bytes)
    let type = try reader.uint8()
    _ = try reader.raw(3)
    switch type {
    case 0x11: packet.summary = "membership query"
    case 0x12: packet.summary = "version 1 membership report for \(try Self.told(&reader, count: 4))"
    case 0x16: packet.summary = "version 2 membership report for \(try Self.told(&reader, count: 4))"
    case 0x17: packet.summary = "leaves \(try Self.told(&reader, count: 4))"
    case 0x22: packet.summary = "version 3 membership report"
    default: packet.summary = "type 0x\(String(type, radix: 16))"
    }
  }
}
