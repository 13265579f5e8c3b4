// SPDX-License-Identifier: Apache-2.0

import ReplayLog

/// What a recording is, in short.
public struct RecordingSummary: Sendable, Equatable {
  public var facts: RecordingFacts
  public var start: LogMoment
  /// The moment of the last event.
  public var last: LogMoment
  /// Guest nanoseconds an instruction: 2 to this power.
  public var shift: Int
  /// How the run ended; nil when the log does not say, because its recorder was killed.
  public var end: LogEnd?
  public var isLogComplete: Bool
  public var droppedByteCount: UInt64
  public var logByteCount: UInt64
  public var eventCount: UInt64
  public var kinds: [KindCount]

  /// Reads the whole log once.
  public init(facts: RecordingFacts, log: ReplayLogReader) throws(ReplayLogError) {
    var tally = LogTally()
    let cursor = log.makeCursor()
    while let event = try cursor.next() { tally.add(event) }
    self.facts = facts
    start = log.header.start
    last = log.last
    shift = log.header.shift
    end = tally.end
    isLogComplete = log.isComplete
    droppedByteCount = log.droppedByteCount
    logByteCount = log.byteCount
    eventCount = log.eventCount - log.firstEventNumber
    kinds = tally.kindCounts
  }

  private var endText: String {
    end?.description ?? (facts.isBeingMade ? "not yet: it is being made" : "unknown: the recorder was killed")
  }

  /// Instructions that the recording covers.
  public var instructionCount: UInt64 { last.position - start.position }
  /// Nil for a recording of no instruction.
  public var logBytesPerThousandInstructions: Double? {
    instructionCount == 0 ? nil : Double(logByteCount) * 1000 / Double(instructionCount)
  }

  public var report: Report {
    Report([
      Section(
        record: "recording", title: "Recording",
        [
          (Column("path", "Folder"), .text(facts.path)),
          (Column("state", nil), .text(facts.state.rawValue)),
          (Column("is_being_made", nil), .flag(facts.isBeingMade)),
          (Column("state_text", "State"), .text(facts.stateText)),
          (Column("tool_version", "Recorded by rrtool"), .text(facts.tool)),
          (Column("created_ns", nil), .integer(facts.created)),
          (Column("created", "Recorded at"), .text(UTCDate.text(nanoseconds: facts.created))),
        ]),
      Section(
        record: "machine", title: "Machine",
        [
          (Column("memory_bytes", "Memory"), .size(facts.memorySize)),
          (Column("hart_count", "Harts"), .integer(UInt64(facts.hartCount))),
          (Column("shift", "Shift"), .integer(UInt64(shift))),
          (
            Column("command_line", "Command line"),
            facts.commandLine.isEmpty ? .none : .text(facts.commandLine)
          ),
        ]),
      images, drives, run,
      Section(
        table: "events", title: "Events",
        columns: [
          Column("kind", "Kind"), Column("event_count", "Events"),
          Column("byte_count", "Bytes before compression"),
        ],
        rows: kinds.map { [.text($0.kind), .integer($0.eventCount), .integer($0.byteCount)] }),
      Section(
        table: "snapshots", title: "Snapshots",
        columns: [
          Column("name", "Name"), Column("position", "Position"), Column("time_ns", "Guest time (s)"),
        ],
        rows: facts.snapshots.map { [.text($0.name), .integer($0.position), .time($0.time)] }),
      Section(
        table: "files", title: "Files", columns: [Column("name", "Name"), Column("byte_count", "Bytes")],
        rows: facts.files.map { [.text($0.name), .integer($0.byteCount)] }),
    ])
  }

  private var images: Section {
    Section(
      table: "images", title: "Boot images",
      columns: [
        Column("role", "Role"), Column("path", "File"), Column("byte_count", "Bytes"), Column("digest", nil),
      ],
      rows: facts.images.map { [.text($0.role), .text($0.path), .integer($0.byteCount), .text($0.digest)] })
  }

  private var drives: Section {
    Section(
      table: "drives", title: "Drives",
      columns: [
        Column("drive", "Drive"), Column("size_bytes", "Size"), Column("read_only", "Read-only"),
        Column("overlay", "Overlay"), Column("base", "Base"),
      ],
      rows: facts.drives.enumerated().map { number, drive in
        [
          .integer(UInt64(number)), .size(drive.byteCount), .flag(drive.isReadOnly),
          FieldValue(drive.overlay),
          FieldValue(drive.base),
        ]
      })
  }

  private var run: Section {
    let status: FieldValue = if case .poweredOff(let status) = end { .integer(UInt64(status)) } else { .none }
    return Section(
      record: "run", title: "Run",
      [
        (Column("start_position", nil), .integer(start.position)),
        (Column("end_position", nil), .integer(last.position)),
        (Column("instruction_count", "Instructions"), .integer(instructionCount)),
        (Column("guest_time_ns", "Guest time (s)"), .time(last.time - start.time)),
        (Column("end", nil), .text(end?.name ?? "unknown")),
        (Column("end_text", "End"), .text(endText)),
        (Column("end_note", "At the end"), FieldValue(facts.endNote)),
        (Column("exit_status", nil), status),
        (Column("event_count", "Events"), .integer(eventCount)),
        (Column("log_bytes", "Log bytes"), .integer(logByteCount)),
        (
          Column("log_bytes_per_1000_instructions", "Log bytes per 1,000 instructions"),
          logBytesPerThousandInstructions.map { .decimal($0, places: 4) } ?? .none
        ),
        (Column("log_complete", "Log complete"), .flag(isLogComplete)),
        (
          Column("log_dropped_bytes", "Log bytes dropped"), isLogComplete ? .none : .integer(droppedByteCount)
        ),
      ])
  }
}
