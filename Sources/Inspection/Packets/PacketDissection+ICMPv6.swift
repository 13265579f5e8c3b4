// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// ICMPv6 (RFC 4443), with neighbour discovery (RFC 4861) and multicast listener discovery (RFC 2710, 3810).
extension PacketDissection {
  mutating func icmpv6(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    let (start, type, code, name) = try message(.icmpv6, bytes, Self.messages)
    var reader = start
    switch type {
    case 1: packet.summary = Self.unreachable[code].map { "\(name): \($0)" } ?? "\(name), code \(code)"
    case 2: packet.summary = "\(name), MTU \(try reader.bigEndianUInt32())"
    case 3: packet.summary = name + Self.whereTimeEnded(code)
    case 128, 129: packet.summary = name + (try Self.echo(&reader))
    case 133:
      _ = try reader.raw(4)
      try tellCard(&reader, option: 1, " from ")
    case 134:
      _ = try reader.raw(12)
      try tellCard(&reader, option: 1, " from ")
    case 135:
      _ = try reader.raw(4)
      packet.summary += " for \(try asked(&reader))"
      try tellCard(&reader, option: 1, " from ")
    case 136:
      let flags = try reader.bigEndianUInt32() >> 29
      packet.summary += " \(try asked(&reader))"
      let names = [(4, "router"), (2, "solicited"), (1, "override")].filter { flags & UInt32($0.0) != 0 }
      if !names.isEmpty { packet.summary += " (\(names.map(\.1).joined(separator: ", ")))" }
      try tellCard(&reader, option: 2, " is at ")
    case 137:
      _ = try reader.raw(4)
      packet.summary += ": go by \(try Self.told(&reader, count: 16))"
    default: break
    }
  }

  private mutating func asked(_ reader: inout ByteReader) throws(ByteCodingError) -> PacketAddress {
    try address(&reader, count: 16)
  }

  /// Says which card an option of neighbour discovery tells: 1 of the source, 2 of the target. Options have 8 bytes at least.
  private mutating func tellCard(
    _ reader: inout ByteReader, option wanted: UInt8, _ word: String
  ) throws(ByteCodingError) {
    while !reader.isAtEnd {
      let (option, count) = (try reader.uint8(), 8 * Int(try reader.uint8()))
      guard count > 0 else { throw Self.malformed("an option of its ICMPv6 has no length") }
      var content = ByteReader(try reader.raw(count - 2))
      if option == wanted {
        packet.summary += "\(word)\(try Self.told(&content, count: PacketAddress.cardByteCount))"
        return
      }
    }
  }

  private static let messages: [UInt8: String] = [
    1: "destination unreachable", 2: "packet too big", 3: "time exceeded", 4: "parameter problem",
    128: "echo request", 129: "echo reply", 130: "multicast listener query",
    131: "multicast listener report",
    132: "multicast listener done", 133: "router solicitation", 134: "router advertisement",
    135: "neighbor solicitation", 136: "neighbor advertisement", 137: "redirect",
    143: "version 2 multicast listener report",
  ]

  private static let unreachable: [UInt8: String] = [
    0: "no route", 1: "prohibited", 2: "beyond the scope of the source", 3: "address", 4: "port",
    5: "source address failed a policy", 6: "route rejected",
  ]
}
