// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// UDP (RFC 768), and what its ports say is in it.
extension PacketDissection {
  private static let headerCount = 8

  mutating func udp(_ bytes: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.udp, bytes)
    var reader = ByteReader(bytes)
    let (source, destination) = try ports(&reader)
    let count = Int(try reader.bigEndianUInt16())
    _ = try reader.bigEndianUInt16()
    guard count >= Self.headerCount else { throw Self.malformed("its UDP says that it has \(count) bytes") }
    let payload = content(reader.rest(), count: count - Self.headerCount)
    packet.summary = "\(source) > \(destination) Len=\(count - Self.headerCount)"
    // The port that a server listens at, which as a rule is the one asked.
    if try !service(destination, payload) { _ = try service(source, payload) }
  }

  /// Answers whether a service is known at the port, and the bytes can be its.
  private mutating func service(
    _ port: UInt16, _ payload: ArraySlice<UInt8>
  ) throws(ByteCodingError) -> Bool {
    switch port {
    case 53: try dns(payload, as: .dns)
    case 5353: try dns(payload, as: .mdns)
    case 5355: try dns(payload, as: .llmnr)
    case 67, 68: try bootp(payload)
    case 546, 547: try dhcpv6(payload)
    case 69: try tftp(payload)
    case 123: return ntp(payload)
    default: return false
    }
    return true
  }

  private mutating func dhcpv6(_ payload: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.dhcpv6, payload)
    var reader = ByteReader(payload)
    let type = try reader.uint8()
    let names = [
      1: "Solicit", 2: "Advertise", 3: "Request", 4: "Confirm", 5: "Renew", 6: "Rebind", 7: "Reply",
      8: "Release", 9: "Decline", 10: "Reconfigure", 11: "Information-request", 12: "Relay-forward",
      13: "Relay-reply",
    ]
    packet.summary = names[Int(type)] ?? "type \(type)"
  }

  /// Trivial file transfer (RFC 1350).
  private mutating func tftp(_ payload: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.tftp, payload)
    var reader = ByteReader(payload)
    let operation = try reader.bigEndianUInt16()
    switch operation {
    case 1, 2:
      packet.summary = "\(operation == 1 ? "read" : "write") \(Self.text(reader.rest().prefix { $0 != 0 }))"
    case 3: packet.summary = "data block \(try reader.bigEndianUInt16()), \(reader.remaining) bytes"
    case 4: packet.summary = "acknowledges block \(try reader.bigEndianUInt16())"
    case 5:
      let code = try reader.bigEndianUInt16()
      packet.summary = "error \(code): \(Self.text(reader.rest().prefix { $0 != 0 }))"
    case 6: packet.summary = "acknowledges options"
    default: throw Self.malformed("its TFTP has an operation of \(operation)")
    }
  }

  /// Network time (RFC 5905).
  private mutating func ntp(_ payload: ArraySlice<UInt8>) -> Bool {
    guard let first = payload.first, 1...4 ~= first >> 3 & 7, payload.count >= 48 else { return false }
    enter(.ntp, payload)
    let modes = [1: "active", 2: "passive", 3: "client", 4: "server", 5: "broadcast", 6: "control"]
    let mode = Int(first & 7)
    packet.summary = "version \(first >> 3 & 7), \(modes[mode] ?? "mode \(mode)")"
    return true
  }
}
