// SPDX-License-Identifier: Apache-2.0

import Emulator
import Glibc

/// An address in a packet: of a network card (6 bytes), of IPv4 (4) or of IPv6 (16).
public struct PacketAddress: Sendable, Hashable, CustomStringConvertible {
  static let cardByteCount = MACAddress.byteCount
  static let byteCounts = [cardByteCount, 4, 16]

  /// In the order of the wire; how many there are says of which kind it is.
  public let bytes: [UInt8]

  init(_ bytes: some Collection<UInt8>) {
    precondition(Self.byteCounts.contains(bytes.count), "an address of no kind")
    self.bytes = Array(bytes)
  }

  /// As people write it, in any of the ways there are: "10.0.2.15", "FE80:0::1", "52-54-0-12-34-56".
  public init?(parsing text: String) {
    for (family, count) in [(AF_INET, 4), (AF_INET6, 16)] {
      var bytes = [UInt8](repeating: 0, count: count)
      if inet_pton(family, text, &bytes) == 1 {
        self.init(bytes)
        return
      }
    }
    guard let card = MACAddress(parsing: text) else { return nil }
    self.init(card.bytes)
  }

  var isZero: Bool { bytes.allSatisfy { $0 == 0 } }

  /// In the one way in which each is usually written, which for IPv6 is that of RFC 5952.
  public var description: String {
    if let card = MACAddress(bytes) { return card.description }
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
