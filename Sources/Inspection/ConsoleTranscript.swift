// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// What the guest wrote to its console, as the log has it.
public struct ConsoleTranscript: Sendable {
  /// A line of output, with the bytes that end it. The last one may have none.
  public struct Line: Sendable, Equatable {
    /// The moment of the event that its first byte came with. A recorder ends events with lines, so as a rule that is the
    /// moment of the byte.
    public var moment: LogMoment
    public var bytes: [UInt8]
  }

  /// A line that does not end is given in pieces of this size, so that memory stays bounded.
  static let lineLimit = 65_536

  private let log: ReplayLogReader
  private let positions: ClosedRange<UInt64>

  /// The output whose events are at `positions`.
  public init(_ log: ReplayLogReader, positions: ClosedRange<UInt64> = 0...UInt64.max) {
    self.log = log
    self.positions = positions
  }

  /// Calls `body` with the exact bytes, piece by piece.
  public func forEachPiece(_ body: ([UInt8]) throws -> Void) throws {
    try forEachOutput { bytes, _ in try body(bytes) }
  }

  /// Calls `body` with each line.
  public func forEachLine(_ body: (Line) throws -> Void) throws {
    var line = Line(moment: .start, bytes: [])
    try forEachOutput { bytes, moment in
      var rest = bytes[...]
      while !rest.isEmpty {
        if line.bytes.isEmpty { line.moment = moment }
        let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? rest.endIndex
        line.bytes += rest[..<end]
        rest = rest[end...]
        if line.bytes.last == UInt8(ascii: "\n") || line.bytes.count >= Self.lineLimit {
          try body(line)
          line.bytes = []
        }
      }
    }
    if !line.bytes.isEmpty { try body(line) }
  }

  /// A row for each line, with its moment.
  public var report: Report {
    let columns = [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("text", "Text"),
      Column("data", nil, holdsData: true),
    ]
    return Report([
      Section(name: "console", title: "Console", shape: .table, columns: columns) { row in
        try forEachLine { line in
          try row([
            .integer(line.moment.position), .time(line.moment.time), .text(Self.visible(line.bytes)),
            .data(line.bytes),
          ])
        }
      }
    ])
  }

  /// A line without its end, its control characters made visible.
  public static func visible(_ bytes: [UInt8]) -> String {
    var bytes = bytes
    if bytes.last == UInt8(ascii: "\n") { bytes.removeLast() }
    if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
    return VisibleText.of(bytes)
  }

  private func forEachOutput(_ body: ([UInt8], LogMoment) throws -> Void) throws {
    try EventQuery(kinds: [.consoleOutput], positions: positions).forEach(in: log) { event in
      if case .consoleOutput(let bytes) = event.payload { try body(bytes, event.moment) }
    }
  }
}
