// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Inspection

struct ConsoleView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "console", abstract: "Show what the guest said.",
    discussion: """
      The bytes are those of the guest, as they came, unless --timestamps or a format asks for lines. Nothing is replayed: it is all in
      the log.

      FIELDS
        position, time_ns  of the event in which the line begins
        text               the line without its end, control characters as escapes
        data, data_base64  the line with its end; in base 64 too where it is not text

      EXAMPLES
        rrtool inspect linux.rr console
        rrtool inspect linux.rr console --timestamps
        rrtool inspect linux.rr console --from 50% --to before-bug
        rrtool inspect linux.rr console --format json
      """)

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var range: RangeOptions

  @Flag(help: "Show each line with its position and guest time.")
  var timestamps = false

  // Without one the bytes are shown, and no table.
  @Option(
    help: ArgumentHelp("Lines as table, json, ndjson or csv.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue)))
  var format: String?

  func run() throws {
    try reporting {
      let format = try format.map { (name) throws in try FormatOption.parsed(name) }
      let viewed = try ViewedRecording(recording, onlyLog: !range.namesSnapshot)
      let transcript = ConsoleTranscript(viewed.log, positions: try range.resolved(in: viewed))
      guard timestamps || format != nil else {
        return try viewed.reading { try transcript.forEachPiece { StandardOutput.write($0) } }
      }
      try viewed.show(transcript.report, format ?? .table)
    }
  }
}
