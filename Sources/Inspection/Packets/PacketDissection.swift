// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Reads a frame layer by layer, from the outside to the inside. Each layer is a method in a file of its own: it enters its
/// protocol, says what is known of it as soon as it is, and hands on what is inside.
///
/// Frames are made by guests and strangers. What a layer reads is checked by `ByteReader`, each byte is looked at a bounded number of
/// times, and the first thing that is wrong ends the reading.
struct PacketDissection {
  var packet = Packet()

  mutating func read(_ frame: [UInt8]) {
    do throws(ByteCodingError) {
      try ethernet(frame[...])
    } catch {
      switch error {
      case .truncated: note("it ends within its \(packet.name.rawValue)")
      case .malformed(_, let what): note(what)
      }
    }
    if packet.summary.utf8.count > Self.summaryLimit {
      packet.summary = packet.summary.prefix(Self.summaryLimit) + "..."
    }
    if let vlan = packet.vlan { packet.summary = "VLAN \(vlan): \(packet.summary)" }
    if let problem = packet.problem { packet.summary += " [malformed: \(problem)]" }
  }

  /// The bytes are said to be of this protocol. Until more is known of them, that and how many they are is what there is to say.
  mutating func enter(_ layer: PacketProtocol, _ bytes: ArraySlice<UInt8>) {
    packet.layers.append(layer)
    packet.summary = "\(bytes.count) bytes"
  }

  /// Something is wrong that does not keep the rest from being read.
  mutating func note(_ problem: String) {
    packet.problem = packet.problem ?? problem
  }

  /// A field that is what it cannot be ends the reading.
  static func malformed(_ what: String) -> ByteCodingError { .malformed(offset: 0, what: what) }

  /// As many as are said to be there; what is behind them is padding. Where some are missing, those that there are.
  mutating func content(_ bytes: ArraySlice<UInt8>, count: Int) -> ArraySlice<UInt8> {
    if bytes.count < count { note("\(count - bytes.count) bytes of its \(packet.name.rawValue) are missing") }
    return bytes.prefix(count)
  }

  mutating func address(_ reader: inout ByteReader, count: Int) throws(ByteCodingError) -> PacketAddress {
    let address = PacketAddress(try reader.raw(count))
    packet.addresses.insert(address)
    return address
  }

  /// "10.0.2.15" of bytes that a message tells of, but is not from or to.
  static func told(_ reader: inout ByteReader, count: Int) throws(ByteCodingError) -> PacketAddress {
    PacketAddress(try reader.raw(count))
  }

  /// Text of a stranger as far as one line has room for it.
  static func text(_ bytes: some Collection<UInt8>) -> String {
    VisibleText.of(bytes.prefix(textLimit)) + (bytes.count > textLimit ? "..." : "")
  }

  private static let textLimit = 120
  /// What one line has room for, whatever is in the packet.
  private static let summaryLimit = 300
}

extension ByteReader {
  /// All that is left.
  mutating func rest() -> ArraySlice<UInt8> {
    // What is left is there.
    (try? raw(remaining)) ?? []
  }
}
