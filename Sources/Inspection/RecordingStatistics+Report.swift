// SPDX-License-Identifier: Apache-2.0

extension RecordingStatistics {
  public var report: Report {
    Report([
      Section(
        record: "totals", title: "Totals",
        [
          (Column("instruction_count", "Instructions"), .integer(last.position - start.position)),
          (Column("guest_time_ns", "Guest time (s)"), .time(last.time - start.time)),
          (Column("idle_time_ns", "Idle time (s)"), .time(idleTime)),
          (Column("idle_share", "Idle share"), idleShare.map { .decimal($0, places: 4) } ?? .none),
          (Column("longest_idle_ns", "Longest idle time (s)"), .time(longestIdleTime)),
          (Column("event_count", "Events"), .integer(eventCount)),
          (Column("console_input_bytes", "Console input bytes"), .integer(consoleInputBytes)),
          (Column("console_output_bytes", "Console output bytes"), .integer(consoleOutputBytes)),
          (Column("entropy_bytes", "Entropy bytes"), .integer(entropyBytes)),
          (Column("event_bytes", "Event bytes before compression"), .integer(eventBytes)),
          (Column("log_bytes", "Log bytes"), .integer(logBytes)),
          (Column("compression_ratio", "Compression ratio"), .decimal(compressionRatio, places: 2)),
          (Column("log_members", "Log members"), .integer(UInt64(memberCount))),
        ]),
      Section(
        table: "kinds", title: "Events by kind",
        columns: [
          Column("kind", "Kind"), Column("event_count", "Events"),
          Column("byte_count", "Bytes before compression"),
          Column("byte_share", "Share of bytes"),
        ],
        rows: kinds.map { kind in
          [
            .text(kind.kind), .integer(kind.eventCount), .integer(kind.byteCount),
            .decimal(Double(kind.byteCount) / Double(eventBytes), places: 4),
          ]
        }),
      Section(
        table: "timeline", title: "Timeline",
        columns: [
          Column("first_position", "From position"), Column("last_position", "To position"),
          Column("event_count", "Events"), Column("byte_count", "Bytes before compression"),
          Column("idle_time_ns", "Idle time (s)"),
        ],
        rows: deciles.map { decile in
          [
            .integer(decile.firstPosition), .integer(decile.lastPosition), .integer(decile.eventCount),
            .integer(decile.byteCount), .time(decile.idleTime),
          ]
        }),
      Section(
        table: "gaps", title: "Longest stretches without an event",
        columns: [
          Column("after_event", "After event"), Column("first_position", "From position"),
          Column("instruction_count", "Instructions"), Column("duration_ns", "Guest time (s)"),
        ],
        rows: gaps.map { gap in
          [
            FieldValue(gap.afterEvent), .integer(gap.firstPosition), .integer(gap.instructionCount),
            .time(gap.duration),
          ]
        }),
      driveSection, interfaceSection,
    ])
  }

  private var driveSection: Section {
    Section(
      table: "drives", title: "Drives",
      columns: [
        Column("drive", "Drive"), Column("read_count", "Reads"), Column("read_bytes", "Bytes read"),
        Column("write_count", "Writes"), Column("written_bytes", "Bytes written"),
        Column("flush_count", "Flushes"),
        Column("clear_count", "Clears"), Column("cleared_bytes", "Bytes cleared"),
        Column("failure_count", "Failed"), Column("unanswered_count", "Unanswered"),
      ],
      rows: drives.enumerated().map { number, drive in
        [
          .integer(UInt64(number)), .integer(drive.readCount), .integer(drive.readSectors.sectorBytes),
          .integer(drive.writeCount), .integer(drive.writtenSectors.sectorBytes), .integer(drive.flushCount),
          .integer(drive.clearCount), .integer(drive.clearedSectors.sectorBytes),
          .integer(drive.failureCount),
          .integer(drive.requestCount - min(drive.completionCount, drive.requestCount)),
        ]
      })
  }
}

extension RecordingStatistics {
  private var interfaceSection: Section {
    Section(
      table: "interfaces", title: "Network cards",
      columns: [
        Column("interface", "Card"), Column("input_count", "Packets in"), Column("input_bytes", "Bytes in"),
        Column("output_count", "Packets out"), Column("output_bytes", "Bytes out"),
        Column("link_change_count", "Link changes"),
      ],
      rows: interfaces.sorted { $0.key < $1.key }.map { number, totals in
        [
          .integer(UInt64(number)), .integer(totals.inputCount), .integer(totals.inputBytes),
          .integer(totals.outputCount), .integer(totals.outputBytes), .integer(totals.linkChangeCount),
        ]
      })
  }
}

extension UInt64 {
  /// Bytes of so many sectors.
  fileprivate var sectorBytes: UInt64 {
    let (bytes, overflows) = multipliedReportingOverflow(by: 512)
    return overflows ? .max : bytes
  }
}
