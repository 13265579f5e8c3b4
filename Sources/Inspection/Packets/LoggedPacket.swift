// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// What a log has of a network card at one moment: a frame that passed through it, or that its link went up or down.
struct LoggedPacket {
  enum Kind: Equatable {
    case input
    case output
    case linkChange(isUp: Bool)
  }

  let moment: LogMoment
  let kind: Kind
  /// Index of the guest's network card.
  let interface: Int
  /// Nil for a change of the link.
  let frame: LogFrame?

  /// Nil for an event of another kind.
  init?(_ event: LogEvent) {
    moment = event.moment
    switch event.payload {
    case .frameInput(let frame): (kind, interface, self.frame) = (.input, frame.interface, frame)
    case .frameOutput(let frame): (kind, interface, self.frame) = (.output, frame.interface, frame)
    case .linkChange(let interface, let isUp):
      (kind, self.interface, frame) = (.linkChange(isUp: isUp), interface, nil)
    default: return nil
    }
  }

  /// Reads what the frame says; nil where the log has not its bytes.
  var packet: Packet? {
    if case .bytes(let bytes)? = frame?.content { Packet(bytes) } else { nil }
  }
}

/// A row of what passed. Every row has all columns; what it does not have is empty.
extension LoggedPacket {
  static let columns = [
    Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("interface", "Card"),
    Column("direction", "Way"), Column("source", "Source"), Column("source_port", nil),
    Column("destination", "Destination"), Column("destination_port", nil), Column("protocol", "Protocol"),
    Column("layers", nil), Column("byte_count", "Bytes"), Column("summary", "What"), Column("problem", nil),
    Column("vlan", nil), Column("source_card", nil), Column("destination_card", nil),
    Column("data_digest", nil), Column("link_up", nil),
  ]

  var values: [FieldValue] {
    let packet = packet
    return [
      .integer(moment.position), .time(moment.time), .integer(UInt64(interface)), FieldValue(direction),
      FieldValue(packet?.source?.description), FieldValue(packet?.sourcePort.map { UInt64($0) }),
      FieldValue(packet?.destination?.description), FieldValue(packet?.destinationPort.map { UInt64($0) }),
      FieldValue(packet?.name.rawValue), packet.map { .list($0.layers.map(\.rawValue)) } ?? .none,
      FieldValue(frame.map { UInt64($0.byteCount) }), .text(summary(packet)), FieldValue(packet?.problem),
      FieldValue(packet?.vlan.map { UInt64($0) }), FieldValue(packet?.sourceCard?.description),
      FieldValue(packet?.destinationCard?.description), digest.map { .digest($0) } ?? .none,
      FieldValue(linkIsUp),
    ]
  }

  private var direction: String? {
    switch kind {
    case .input: "in"
    case .output: "out"
    case .linkChange: nil
    }
  }

  private var linkIsUp: Bool? {
    if case .linkChange(let isUp) = kind { isUp } else { nil }
  }

  private var digest: UInt64? {
    if case .digest(let digest, _)? = frame?.content { digest } else { nil }
  }

  private func summary(_ packet: Packet?) -> String {
    if let linkIsUp { return linkIsUp ? "the link is up" : "the link is down" }
    return packet?.summary ?? "only its digest is in the log"
  }
}
