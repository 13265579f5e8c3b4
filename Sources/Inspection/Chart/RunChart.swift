// SPDX-License-Identifier: Apache-2.0

import RecordingStore
import ReplayLog

/// What entered and left a machine over its run, or over a part of it: amounts in columns of equal numbers of
/// instructions, one lane a kind of thing, and marks at single places. `RunChart+SVG` makes the picture of it.
public struct RunChart: Sendable, Equatable {
  public enum Unit: String, Sendable {
    case bytes
    case events
    case nanoseconds
  }

  /// The amounts of one kind of thing.
  public struct Lane: Sendable, Equatable {
    /// The name in machine formats; it never changes.
    public var name: String
    public var title: String
    public var unit: Unit
    /// One a column. Sums that do not fit stay at the largest number.
    public var amounts: [UInt64]
    /// For people: what a column begins with; empty for lanes that have nothing to say.
    public var hints: [Int: String] = [:]
  }

  /// A place that has a name.
  public struct Mark: Sendable, Equatable {
    public enum Kind: String, Sendable {
      /// A snapshot that somebody named.
      case snapshot
      /// One that a recorder made by itself.
      case automaticSnapshot = "automatic-snapshot"
      case reset
      case powerOff = "power-off"
      case note
    }
    public var kind: Kind
    public var position: UInt64
    public var text: String
  }

  /// A place on the axis.
  public struct Tick: Sendable, Equatable {
    public var position: UInt64
    /// Guest nanoseconds.
    public var time: UInt64
  }

  public static let columnLimit = 240
  /// So few that the numbers of long runs do not run into each other.
  static let tickCount = 6
  private static let hintLimit = 120
  /// Notes and resets of a log that has very many say nothing in a picture.
  private static let markLimit = 1000

  /// The recording's folder.
  public var name: String
  /// How the run ended; nil when that is not known, or lies outside of what is shown.
  public var end: String?
  /// The positions of each column.
  public let columns: [ClosedRange<UInt64>]
  /// Those in which anything happened.
  public private(set) var lanes: [Lane] = []
  /// In the order of their positions.
  public private(set) var marks: [Mark] = []
  /// From the first position to the last.
  public private(set) var ticks: [Tick] = []

  /// Reads the part of the log that has these positions.
  public init(
    facts: RecordingFacts, log: ReplayLogReader, positions: ClosedRange<UInt64> = 0...UInt64.max
  ) throws {
    let start = log.header.start.position
    let first = min(max(positions.lowerBound, start), log.last.position)
    let last = max(first, min(positions.upperBound, log.last.position))
    name = facts.path
    var parts = RunParts(from: first, to: last, count: Self.columnLimit)
    columns = parts.positions
    var collector = Collector(columnCount: columns.count)
    var clock = Clock(start: log.header.start, shift: log.header.shift, first: first, last: last)

    for snapshot in facts.snapshots where (first...last).contains(snapshot.position) {
      let isAutomatic = SnapshotPolicy.isAutomaticName(snapshot.name)
      mark(isAutomatic ? .automaticSnapshot : .snapshot, snapshot.position, snapshot.name)
    }
    try EventQuery(positions: 0...last).forEach(in: log) { event in
      let idleBefore = clock.pass(event.moment)
      guard event.position >= first else { return }
      let column = parts.index(of: event.position)
      collector.add(.idle, idleBefore, at: column)
      collector.add(event.payload, at: column)
      switch event.payload {
      case .reset: mark(.reset, event.position, event.payload.description)
      case .powerOff: mark(.powerOff, event.position, event.payload.description)
      case .note(let text): mark(.note, event.position, text)
      case .end(let end): self.end = end.description
      default: break
      }
    }
    lanes = collector.lanes
    ticks = clock.finish()
    marks.sort { ($0.position, $0.text) < ($1.position, $1.text) }
  }

  private mutating func mark(_ kind: Mark.Kind, _ position: UInt64, _ text: String) {
    guard marks.count < Self.markLimit else { return }
    marks.append(Mark(kind: kind, position: position, text: text))
  }

  /// Tells the guest's time at the ticks from the events that pass.
  private struct Clock {
    let shift: UInt64
    var pending: ArraySlice<UInt64>
    var ticks: [Tick] = []
    /// Guest nanoseconds that were idle so far.
    var idle: UInt64

    /// - Parameter start: of the log, which for the newest part of a run comes after idle time.
    init(start: LogMoment, shift: Int, first: UInt64, last: UInt64) {
      self.shift = UInt64(shift)
      idle = start.time - (start.position << UInt64(shift))
      let parts = RunParts(from: first, to: last, count: RunChart.tickCount).positions
      pending = (parts.map(\.lowerBound) + (last > first ? [last] : []))[...]
    }

    /// Answers the idle time just before this moment. Opening the log has checked that clocks are not behind their positions.
    mutating func pass(_ moment: LogMoment) -> UInt64 {
      emit(before: moment.position)
      let before = idle
      idle = moment.time - (moment.position << shift)
      return idle - before
    }

    mutating func finish() -> [Tick] {
      emit(before: .max)
      return ticks
    }

    private mutating func emit(before limit: UInt64) {
      while let position = pending.first, position < limit || limit == .max {
        ticks.append(Tick(position: position, time: position << shift + idle))
        pending = pending.dropFirst()
      }
    }
  }

  /// Adds up amounts.
  private struct Collector {
    enum Kind: Hashable {
      case consoleOutput, consoleInput, entropy, clock, idle
      case read(Int)
      case write(Int)
      case frameInput(Int)
      case frameOutput(Int)

      /// Where its lane stands: by what it is, then by the device, then by the direction.
      var rank: (Int, Int, Int) {
        switch self {
        case .consoleOutput: (0, 0, 0)
        case .consoleInput: (1, 0, 0)
        case .read(let drive): (2, drive, 0)
        case .write(let drive): (2, drive, 1)
        case .frameInput(let interface): (3, interface, 0)
        case .frameOutput(let interface): (3, interface, 1)
        case .entropy: (4, 0, 0)
        case .clock: (5, 0, 0)
        case .idle: (6, 0, 0)
        }
      }
    }

    private let columnCount: Int
    private var byKind: [Kind: Lane] = [:]

    init(columnCount: Int) { self.columnCount = columnCount }

    mutating func add(_ kind: Kind, _ amount: UInt64, at column: Int) {
      guard amount > 0 else { return }
      if byKind[kind] == nil { byKind[kind] = lane(kind) }
      let sum = byKind[kind]?.amounts[column].addingClamped(amount) ?? amount
      byKind[kind]?.amounts[column] = sum
    }

    mutating func add(_ payload: LogPayload, at column: Int) {
      switch payload {
      case .consoleOutput(let data):
        add(.consoleOutput, UInt64(data.count), at: column)
        if byKind[.consoleOutput]?.hints[column] == nil {
          let line = data.drop { $0 == 0x0a || $0 == 0x0d }.prefix { $0 != 0x0a && $0 != 0x0d }
          byKind[.consoleOutput]?.hints[column] = VisibleText.of(line.prefix(RunChart.hintLimit))
        }
      case .consoleInput(let data): add(.consoleInput, UInt64(data.count), at: column)
      case .entropyRead(let data): add(.entropy, UInt64(data.count), at: column)
      case .clockRead: add(.clock, 1, at: column)
      case .blockRequest(let request):
        let (bytes, overflows) = request.sectorCount.multipliedReportingOverflow(by: 512)
        add(
          // A flush has no sectors.
          request.operation == .read ? .read(request.drive) : .write(request.drive),
          overflows ? .max : bytes, at: column)
      case .frameInput(let frame): add(frame, .frameInput(frame.interface), at: column)
      case .frameOutput(let frame): add(frame, .frameOutput(frame.interface), at: column)
      default: break
      }
    }

    /// What the first frame of a column says is said of the column.
    private mutating func add(_ frame: LogFrame, _ kind: Kind, at column: Int) {
      add(kind, UInt64(frame.byteCount), at: column)
      guard byKind[kind]?.hints[column] == nil, case .bytes(let bytes) = frame.content else { return }
      let packet = Packet(bytes)
      byKind[kind]?.hints[column] = "\(packet.name.rawValue) \(packet.summary)"
    }

    var lanes: [Lane] { byKind.sorted { $0.key.rank < $1.key.rank }.map(\.value) }

    private func lane(_ kind: Kind) -> Lane {
      let (name, title, unit): (String, String, Unit) =
        switch kind {
        case .consoleOutput: ("console-output", "console output", .bytes)
        case .consoleInput: ("console-input", "console input", .bytes)
        case .entropy: ("entropy", "entropy", .bytes)
        case .clock: ("clock-reads", "clock reads", .events)
        case .idle: ("idle", "idle", .nanoseconds)
        case .read(let drive): ("drive\(drive)-read", "drive \(drive) read", .bytes)
        // Discards and writes of zeroes among them.
        case .write(let drive): ("drive\(drive)-write", "drive \(drive) written", .bytes)
        case .frameInput(let interface): ("net\(interface)-in", "net\(interface) packets in", .bytes)
        case .frameOutput(let interface): ("net\(interface)-out", "net\(interface) packets out", .bytes)
        }
      return Lane(name: name, title: title, unit: unit, amounts: Array(repeating: 0, count: columnCount))
    }
  }

  /// The figures in rows, for machines.
  public var report: Report {
    Report([
      Section(
        name: "lanes", title: "Amounts", shape: .table,
        columns: [
          Column("lane", "Lane"), Column("first_position", "From"), Column("last_position", "To"),
          Column("amount", "Amount"), Column("unit", "Unit"),
        ]
      ) { row in
        for lane in lanes {
          for (column, amount) in zip(columns, lane.amounts) where amount > 0 {
            try row([
              .text(lane.name), .integer(column.lowerBound), .integer(column.upperBound), .integer(amount),
              .text(lane.unit.rawValue),
            ])
          }
        }
      },
      Section(
        table: "marks", title: "Marks",
        columns: [Column("position", "Position"), Column("kind", "Kind"), Column("text", "What")],
        rows: marks.map { [.integer($0.position), .text($0.kind.rawValue), .text($0.text)] }),
    ])
  }
}
