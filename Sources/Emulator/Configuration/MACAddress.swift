// SPDX-License-Identifier: Apache-2.0

/// The address of a network card (IEEE 802): six bytes.
public struct MACAddress: Sendable, Hashable, CustomStringConvertible {
  public static let byteCount = 6
  public static let broadcast = MACAddress([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])!

  public let bytes: [UInt8]

  /// Nil for anything but six bytes.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.byteCount else { return nil }
    self.bytes = Array(bytes)
  }

  /// As people write it: six pairs of hexadecimal digits with colons or dashes between them.
  public init?(parsing text: String) {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    guard parts.count == Self.byteCount, parts.allSatisfy({ (1...2).contains($0.utf8.count) }) else {
      return nil
    }
    let bytes = parts.compactMap { $0.first == "+" ? nil : UInt8($0, radix: 16) }
    self.init(bytes)
  }

  /// That of card `index` when none is given: the one that QEMU gives it.
  public static func standard(_ index: Int) -> MACAddress {
    MACAddress([0x52, 0x54, 0x00, 0x12, 0x34, 0x56 + UInt8(index)])!
  }

  /// Stands for many cards: the lowest bit of the first byte says so.
  public var isGroup: Bool { bytes[0] & 1 != 0 }

  public var description: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
  }
}
