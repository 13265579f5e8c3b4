// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Names and addresses: DNS (RFC 1035), and its relatives on the local network (RFC 6762, 4795).
extension PacketDissection {
  /// What has more of them is told up to here, and not read further.
  private static let recordLimit = 8

  mutating func dns(_ message: ArraySlice<UInt8>, as name: PacketProtocol) throws(ByteCodingError) {
    enter(name, message)
    var reader = ByteReader(message)
    let identifier = try reader.bigEndianUInt16()
    let flags = try reader.bigEndianUInt16()
    let (questionCount, answerCount) = (try reader.bigEndianUInt16(), try reader.bigEndianUInt16())
    _ = try reader.raw(4)
    let isResponse = flags & 0x8000 != 0
    let operation = flags >> 11 & 0xf
    let word = [0: "query", 2: "status", 4: "notify", 5: "update"][operation] ?? "operation \(operation)"
    packet.summary = "\(word)\(isResponse ? " response" : "") 0x\(Self.hexadecimal(identifier))"
    if isResponse, flags & 0xf != 0 { packet.summary += ": \(Self.outcome(flags & 0xf))," }
    if flags & 0x200 != 0 { packet.summary += " (cut short)" }
    for number in 0..<questionCount {
      if number == Self.recordLimit {
        packet.summary += " ..."
        return
      }
      let asked = try DNSName(&reader, in: message)
      let type = try reader.bigEndianUInt16()
      _ = try reader.bigEndianUInt16()
      packet.summary += "\(number == 0 ? "" : ",") \(Self.typeName(type)) \(asked.text)"
    }
    for number in 0..<answerCount {
      if number == Self.recordLimit {
        packet.summary += " ..."
        return
      }
      packet.summary += "\(number == 0 ? ":" : ",") \(try Self.answer(&reader, in: message))"
    }
  }

  private static func outcome(_ code: UInt16) -> String {
    [1: "format error", 2: "server failure", 3: "no such name", 4: "not implemented", 5: "refused"][code]
      ?? "error \(code)"
  }

  /// "A 10.0.2.2": what a record says; of most types only that there is one.
  private static func answer(
    _ reader: inout ByteReader, in message: ArraySlice<UInt8>
  ) throws(ByteCodingError) -> String {
    _ = try DNSName(&reader, in: message)
    let type = try reader.bigEndianUInt16()
    // Its class, and for how long it is good.
    _ = try reader.raw(6)
    var data = ByteReader(try reader.raw(Int(try reader.bigEndianUInt16())))
    let told: String
    switch type {
    case 1: told = try self.told(&data, count: 4).description
    case 28: told = try self.told(&data, count: 16).description
    case 2, 5, 12: told = try DNSName(&data, in: message).text
    case 15:
      _ = try data.bigEndianUInt16()
      told = try DNSName(&data, in: message).text
    case 16: told = VisibleText.quoted(Array(try data.raw(Int(try data.uint8()))))
    case 33:
      _ = try data.raw(4)
      let port = try data.bigEndianUInt16()
      told = "\(try DNSName(&data, in: message).text):\(port)"
    default: return typeName(type)
    }
    return "\(typeName(type)) \(told)"
  }

  private static func typeName(_ type: UInt16) -> String {
    [
      1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 12: "PTR", 15: "MX", 16: "TXT", 28: "AAAA", 33: "SRV", 41: "OPT",
      43: "DS", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 64: "SVCB", 65: "HTTPS", 252: "AXFR", 255: "ANY",
    ][type] ?? "TYPE\(type)"
  }
}
