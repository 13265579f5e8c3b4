// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// How a guest gets its address: BOOTP (RFC 951), and DHCP within it (RFC 2131, 2132).
extension PacketDissection {
  private typealias Options = [UInt8: ArraySlice<UInt8>]

  private static let cookie: UInt32 = 0x6382_5363
  private static let kinds: [UInt8: String] = [
    1: "Discover", 2: "Offer", 3: "Request", 4: "Decline", 5: "ACK", 6: "NAK", 7: "Release", 8: "Inform",
  ]

  mutating func bootp(_ payload: ArraySlice<UInt8>) throws(ByteCodingError) {
    enter(.bootp, payload)
    var reader = ByteReader(payload)
    let fields = try Fields(&reader)
    let transaction = "transaction 0x\(String(fields.transaction, radix: 16))"
    packet.addresses.formUnion([fields.client, fields.yours, fields.card].filter { !$0.isZero })
    packet.summary =
      (fields.isReply ? "reply with \(fields.yours) to" : "request from") + " \(fields.card), \(transaction)"
    guard (try? reader.bigEndianUInt32()) == Self.cookie else { return }
    let options = try Self.options(&reader)
    guard let kind = options[53]?.first else { return }
    enter(.dhcp, payload)
    let name = Self.kinds[kind] ?? "type \(kind)"
    var parts: [String] =
      switch kind {
      case 2, 5: ["\(name) \(fields.yours) to \(fields.card)"]
      case 6: ["\(name) to \(fields.card)"]
      default: ["\(name) from \(fields.card)"]
      }
    if let wanted = Self.address(options[50]) { parts.append("wants \(wanted)") }
    if let server = Self.address(options[54]) { parts.append("server \(server)") }
    if let name = options[12] { parts.append("host name \(VisibleText.quoted(Array(name)))") }
    packet.summary = (parts + [transaction]).joined(separator: ", ")
  }

  /// What stands at fixed places.
  private struct Fields {
    let isReply: Bool
    let transaction: UInt32
    /// What the client has, and what it is given.
    let client: PacketAddress
    let yours: PacketAddress
    let card: PacketAddress

    init(_ reader: inout ByteReader) throws(ByteCodingError) {
      isReply = try reader.uint8() == 2
      _ = try reader.raw(3)
      transaction = try reader.bigEndianUInt32()
      _ = try reader.raw(4)
      client = PacketAddress(try reader.raw(4))
      yours = PacketAddress(try reader.raw(4))
      _ = try reader.raw(8)
      card = PacketAddress(try reader.raw(PacketAddress.cardByteCount))
      // The rest of a longer address, and names of a server and a file.
      _ = try reader.raw(10 + 64 + 128)
    }
  }

  /// The options by number, of each the first.
  private static func options(_ reader: inout ByteReader) throws(ByteCodingError) -> Options {
    var options: Options = [:]
    while !reader.isAtEnd {
      let number = try reader.uint8()
      if number == 255 { break }
      if number == 0 { continue }
      let content = try reader.raw(Int(try reader.uint8()))
      options[number] = options[number] ?? content
    }
    return options
  }

  private static func address(_ option: ArraySlice<UInt8>?) -> PacketAddress? {
    guard let option, option.count == 4 else { return nil }
    return PacketAddress(option)
  }
}
