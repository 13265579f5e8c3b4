// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection
import RecordingStore
import TimeTravel

/// A place of a run at which a view looks at the guest.
struct PlaceOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Look at the guest at this position (end).", valueName: "position"),
    completion: Completions.position)
  var at: String?

  @OptionGroup var engine: EngineOption

  @OptionGroup var format: FormatOption

  /// Goes to the place, and shows what `report` makes of the guest there.
  ///
  /// - Parameter prepare: what can be found out, or be wrong, before the guest is there.
  func show<Prepared>(
    _ argument: RecordingArgument, preparing prepare: (Recording) throws -> Prepared,
    _ report: (Timeline, Prepared) throws -> Report
  ) throws {
    let format = try format.parsed()
    let viewed = try ViewedRecording(argument)
    let prepared = try prepare(viewed.recording)
    let end = viewed.log.last.position
    let position = try viewed.position(at, option: "--at", otherwise: end)
    guard position <= end else {
      throw Failure(
        .usage, "--at \(position.grouped)", "lies beyond the recording, which ends at \(end.grouped)",
        remedy: "give a position up to there")
    }
    let timeline = try Timeline(viewed.recording, near: .absolute(position), engine: engine.parsed())
    let progress = Progress("replaying", from: timeline.position, to: position)
    defer { progress.finish() }
    _ = try withReplayFailures { () throws(ReplayError) in
      try timeline.seek(to: position) { progress.show($0) }
    }
    progress.finish()
    try viewed.show(report(timeline, prepared), format)
  }
}
