// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// Which events of a log to show.
public struct EventQuery: Sendable, Equatable {
  /// Nil: of every kind, those that this version does not know among them.
  public var kinds: Set<LogEventKind>?
  /// First and last position; both count.
  public var positions: ClosedRange<UInt64>
  /// First and last guest time in nanoseconds; both count.
  public var times: ClosedRange<UInt64>
  /// Number of the first event to look at.
  public var firstNumber: UInt64
  /// The most events to show.
  public var limit: Int

  public init(
    kinds: Set<LogEventKind>? = nil, positions: ClosedRange<UInt64> = 0...UInt64.max,
    times: ClosedRange<UInt64> = 0...UInt64.max, firstNumber: UInt64 = 0, limit: Int = .max
  ) {
    self.kinds = kinds
    self.positions = positions
    self.times = times
    self.firstNumber = firstNumber
    self.limit = limit
  }

  /// Calls `body` with each event asked for, in order. Seeks to the first position and stops after the last.
  public func forEach(in log: ReplayLogReader, _ body: (LogEvent) throws -> Void) throws {
    try forEach(in: log, as: { $0 }, body)
  }

  /// The same with what `choose` makes of each. Events that it answers nil for are not among those asked for.
  func forEach<Choice>(
    in log: ReplayLogReader, as choose: (LogEvent) -> Choice?, _ body: (Choice) throws -> Void
  ) throws {
    let cursor = log.makeCursor()
    try cursor.seek(toPosition: positions.lowerBound)
    if cursor.nextNumber < firstNumber { try cursor.seek(toEvent: firstNumber) }
    var left = limit
    while left > 0, let event = try cursor.next() {
      // Positions and times only grow.
      if event.position > positions.upperBound || event.time > times.upperBound { return }
      guard event.time >= times.lowerBound else { continue }
      if let kinds {
        guard let kind = event.payload.kind, kinds.contains(kind) else { continue }
      }
      guard let choice = choose(event) else { continue }
      try body(choice)
      left -= 1
    }
  }

  /// A row for each event asked for, with all that it holds.
  public func report(of log: ReplayLogReader) -> Report {
    let components = log.header.digestComponents
    return Report([
      Section(name: "events", title: "Events", shape: .table, columns: EventRow.columns) { row in
        try forEach(in: log) { event in try row(EventRow(event, digestComponents: components).values) }
      }
    ])
  }
}
