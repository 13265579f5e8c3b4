// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import RecordingStore
import TimeTravel
import Tracing

/// The stretch of a run that a view replays to show what ran, and how many rows of that.
struct TraceOptions: ParsableArguments {
  @OptionGroup var stretch: StretchOptions

  @Option(help: ArgumentHelp("Show at most so many, and replay no further.", valueName: "n"))
  var limit: Int?

  @OptionGroup var format: FormatOption

  var hart: Int? { stretch.hart }

  func check() throws(Failure) {
    if let limit, limit < 0 {
      throw Failure(.usage, "--limit \(limit)", "is no number of rows", remedy: "give one such as 20")
    }
  }

  /// Replays the stretch for a reader, and shows a row for each of its records.
  ///
  /// - Parameters:
  ///   - name: of the table, for machines.
  ///   - hart: whose doing a record is.
  func show<Reader: TraceReader>(
    _ recording: RecordingArgument, as name: String, title: String, columns: [Column],
    _ makeReader: (TracedReplay) throws -> Reader, hart: @escaping (Reader.Record) -> Int,
    row: @escaping (Reader.Record, CodeNames) -> [FieldValue]
  ) throws {
    let format = try format.parsed()
    try check()
    let viewed = try ViewedRecording(recording)
    let wanted = stretch.hart
    let replay = try TracedReplay(viewed, stretch)
    let reader = try makeReader(replay)
    let section = Section(name: name, title: title, shape: .table, columns: columns) { produce in
      var left = limit ?? .max
      guard left > 0 else { return }
      try replay.trace(reader, isOver: { left == 0 }) { record in
        guard left > 0, wanted == nil || wanted == hart(record) else { return }
        left -= 1
        try produce(row(record, replay.names))
      }
    }
    try viewed.show(Report([section]), format)
  }
}
