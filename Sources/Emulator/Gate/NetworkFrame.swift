// SPDX-License-Identifier: Apache-2.0

/// An Ethernet frame on its way in or out, from the addresses to the last byte of the payload: no preamble, no checksum, not
/// padded.
public struct NetworkFrame: Sendable, Equatable {
  /// The addresses and the type.
  public static let headerSize = 14
  /// The longest that passes; anything longer is lost, as on a wire that does not carry it.
  public static let sizeLimit = 32_768

  /// Index of the card in the machine's configuration.
  public var interface: Int
  public var bytes: [UInt8]

  public init(interface: Int, bytes: [UInt8]) {
    self.interface = interface
    self.bytes = bytes
  }

  /// Whether it has a header and is not too long.
  public static func isPossible(byteCount: Int) -> Bool { (headerSize...sizeLimit).contains(byteCount) }
}

/// What becomes of a frame that is brought to a card now.
public enum FrameRoom: Sendable, Equatable {
  /// The guest takes it.
  case open
  /// The guest has no buffer for it at present: it has to wait outside.
  case full
  /// No driver has set the card up, or the link is down: it is lost.
  case closed
}
