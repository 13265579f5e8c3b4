// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// Which packets of a log to show.
public struct PacketQuery: Sendable, Equatable {
  /// First and last position; both count.
  public var positions: ClosedRange<UInt64>
  /// Index of the network card; nil: any.
  public var interface: Int?
  /// Whom they come from, go to, or are about.
  public var host: PacketAddress?
  /// Where they come from or go to.
  public var port: UInt16?
  /// What they are, or are carried by.
  public var layer: PacketProtocol?
  /// The most to show.
  public var limit: Int

  public init(
    positions: ClosedRange<UInt64> = 0...UInt64.max, interface: Int? = nil, host: PacketAddress? = nil,
    port: UInt16? = nil, layer: PacketProtocol? = nil, limit: Int = .max
  ) {
    self.positions = positions
    self.interface = interface
    self.host = host
    self.port = port
    self.layer = layer
    self.limit = limit
  }

  /// A row for each packet asked for, and for each change of a link where nothing of packets is asked for.
  public func report(of log: ReplayLogReader) -> Report {
    Self.report { row in try forEach(Self.kinds, in: log) { try row($0.values) } }
  }

  /// The same of the last `count` of them.
  public func report(ofLast count: Int, of log: ReplayLogReader) -> Report {
    Self.report { row in
      var last: [LoggedPacket] = []
      try forEach(Self.kinds, in: log) { logged in
        last.append(logged)
        if last.count > 2 * count { last.removeFirst(count) }
      }
      for logged in last.suffix(count) { try row(logged.values) }
    }
  }

  private static let kinds: Set<LogEventKind> = [.frameInput, .frameOutput, .linkChange]

  private static func report(
    _ produce: @escaping (_ row: ([FieldValue]) throws -> Void) throws -> Void
  ) -> Report {
    Report([
      Section(
        name: "packets", title: "Packets", shape: .table, columns: LoggedPacket.columns, produce: produce)
    ])
  }

  /// Writes the packets asked for as Wireshark and its relatives read them; each has its position as a comment.
  ///
  /// - Parameter application: who makes it.
  public func writeCapture(
    of log: ReplayLogReader, application: String, to write: @escaping ([UInt8]) throws -> Void
  ) throws {
    var capture = try PacketCapture(application: application, to: write)
    try forEach([.frameInput, .frameOutput], in: log) { logged in
      guard let frame = logged.frame else { return }
      let position = "position \(logged.moment.position)"
      let (bytes, comments): ([UInt8], [String]) =
        switch frame.content {
        case .bytes(let bytes): (bytes, [position])
        case .digest: ([], [position, "the log has only a digest of its \(frame.byteCount) bytes"])
        }
      try capture.add(
        bytes, of: frame.byteCount, at: logged.moment.time, interface: logged.interface,
        direction: logged.kind == .input ? .input : .output, comments: comments)
    }
  }

  private func forEach(
    _ kinds: Set<LogEventKind>, in log: ReplayLogReader, _ body: (LoggedPacket) throws -> Void
  ) throws {
    let events = EventQuery(kinds: kinds, positions: positions, limit: limit)
    try events.forEach(in: log, as: { LoggedPacket($0).flatMap { matches($0) ? $0 : nil } }, body)
  }

  private func matches(_ logged: LoggedPacket) -> Bool {
    guard interface == nil || interface == logged.interface else { return false }
    if host == nil && port == nil && layer == nil { return true }
    // What is asked for is not known of what has no bytes.
    guard let packet = logged.packet else { return false }
    if let host, !packet.addresses.contains(host) { return false }
    if let port, packet.sourcePort != port, packet.destinationPort != port { return false }
    if let layer, !packet.layers.contains(layer) { return false }
    return true
  }
}
