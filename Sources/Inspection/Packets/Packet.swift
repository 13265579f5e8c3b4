// SPDX-License-Identifier: Apache-2.0

/// What a frame of an Ethernet says, as far as it can be told from this frame alone: nothing is put together from several, and
/// nothing is remembered of those before.
public struct Packet: Sendable, Equatable {
  /// From the outermost, which is always Ethernet, to the innermost that is known.
  public internal(set) var layers: [PacketProtocol] = [.ethernet]
  /// Of the network cards; nil where the frame ends before it.
  public internal(set) var sourceCard: PacketAddress?
  public internal(set) var destinationCard: PacketAddress?
  /// Of IP where there is that, else of the cards.
  public internal(set) var source: PacketAddress?
  public internal(set) var destination: PacketAddress?
  public internal(set) var sourcePort: UInt16?
  public internal(set) var destinationPort: UInt16?
  /// Of the outermost tag.
  public internal(set) var vlan: UInt16?
  /// All addresses that it comes from or goes to, and those that ARP asks for and tells.
  public internal(set) var addresses: Set<PacketAddress> = []
  /// One line for people: what the innermost protocol says, and at its end what is wrong.
  public internal(set) var summary = ""
  /// What is wrong with it: it ends too early, or says what its protocol has no meaning for. Nil for a proper one.
  public internal(set) var problem: String?

  /// The innermost protocol that is known. Where there is a problem, it is what the layer around it says that it is.
  public var name: PacketProtocol { layers[layers.count - 1] }

  /// Reads a frame, from its destination on, without a checksum at its end. Any bytes may be given; what they are not is told by
  /// `problem`.
  public init(_ frame: [UInt8]) {
    var dissection = PacketDissection()
    dissection.read(frame)
    self = dissection.packet
  }

  init() {}
}
