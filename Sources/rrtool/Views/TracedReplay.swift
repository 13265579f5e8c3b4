// SPDX-License-Identifier: Apache-2.0

import HostSystem
import TimeTravel
import Tracing

/// A stretch of a recording that is replayed for a view.
struct TracedReplay {
  let positions: ClosedRange<UInt64>
  let names: CodeNames
  let timeline: Timeline

  init(_ viewed: ViewedRecording, _ options: StretchOptions) throws {
    _ = try HartWords.checked(options.hart, of: viewed.recording)
    positions = try options.range.resolved(in: viewed)
    names = try CodeNames(options.symbols, for: viewed.recording)
    // One instruction before the stretch: see `Timeline.trace`.
    let first = try viewed.position("start", option: "--from", otherwise: 0)
    let near = max(positions.lowerBound - min(positions.lowerBound, 1), first)
    timeline = try Timeline(viewed.recording, near: .absolute(near), engine: options.engine.parsed())
  }

  /// Replays it for a reader, with progress, until `isOver`.
  func trace<Reader: TraceReader>(
    _ reader: Reader, isOver: @escaping () -> Bool = { false }, _ body: (Reader.Record) throws -> Void
  ) throws {
    let progress = Progress(
      "replaying", from: 0, to: min(positions.upperBound, timeline.end.position) - positions.lowerBound,
      consoleIsTerminal: Terminal.isTerminal(1))
    defer { progress.finish() }
    let control = SearchControl(isInterrupted: isOver, progress: { done, _ in progress.show(done) })
    try timeline.trace(reader, over: positions, control: control, body)
  }

  /// What a reader makes of the whole stretch, which is one record.
  func whole<Reader: TraceReader>(_ reader: Reader) throws -> Reader.Record {
    var record: Reader.Record?
    try trace(reader) { record = $0 }
    guard let record else { preconditionFailure("a reader of a whole stretch without a record") }
    return record
  }
}
