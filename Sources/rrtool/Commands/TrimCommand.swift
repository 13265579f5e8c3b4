// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

struct TrimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "trim", abstract: "Make a recording of a part of one.",
    discussion: """
      The new recording starts as the old one stands at --from, and ends at --to with the digests of the state there. Positions,
      times and numbers of events mean the same in both, and snapshots that lie between are kept. It needs nothing of the old one, and
      no image: it has what it reads of them. Whatever works on a recording works on it.

      EXAMPLES
        rrtool trim linux.rr --from before-bug -o bug.rr
        rrtool trim linux.rr --from 40% --to 60% -o middle.rr
        rrtool trim linux.rr --from -10_000_000 -o last.rr
        rrtool trim linux.rr --from event:1200 --to +5_000_000 -o short.rr
      """)

  @OptionGroup var recordingArgument: RecordingArgument

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where it starts, instead of the start.", valueName: "position"),
    completion: Completions.position)
  var from: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp("Where it ends, instead of the end; +N counts from --from.", valueName: "position"),
    completion: Completions.position)
  var to: String?

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The recording to make.", valueName: "short.rr"),
    completion: .directory)
  var output: String

  @Flag(help: "Replace a recording that stands there.")
  var force = false

  @OptionGroup var engine: EngineOption

  func run() throws {
    try reporting {
      let place = try recordingArgument.place()
      guard from != nil || to != nil else {
        throw Failure(
          .usage, "trim", "nothing would be left out", remedy: "give --from or --to; 'rrtool cp' copies")
      }
      let first = try from.map { (text) throws(Failure) in
        try PositionExpression.parsed(text, option: "--from")
      }
      let last = try to.map { (text) throws(Failure) in try PositionExpression.parsed(text, option: "--to") }
      try Recording.checkIsName(output)
      let recording = try recordingArgument.open(at: place)
      let watch = PackWatch("trimming", unit: .instructions)
      let figures = try recording.trim(
        from: first, to: last, output: output, force: force, engine: engine.parsed(), progress: watch.note)
      watch.finish()
      let snapshots = figures.snapshotCount
      say(
        "trimmed \(output): position \(figures.start.grouped) to \(figures.end.grouped)"
          + (snapshots == 0 ? "" : ", \(snapshots) snapshot\(snapshots == 1 ? "" : "s") between"))
    }
  }
}
