// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

struct ChartView: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "chart", abstract: "Draw a picture of the run.",
    discussion: """
      How much the guest said, was told, read, wrote, drew and sent as it went, where it was idle, and where snapshots and resets are: an SVG
      for any browser, or the figures behind it.

      SECTIONS AND FIELDS
        lanes  a row for each column of a lane that has something: lane, first_position, last_position, amount, unit
        marks  snapshots, resets, notes and the end: position, kind, text

      EXAMPLES
        rrtool inspect linux.rr chart > linux.svg
        rrtool inspect linux.rr chart --from 40% --to before-bug > part.svg
        rrtool inspect linux.rr chart --format json
      """)

  private static let picture = "svg"

  @OptionGroup var recording: RecordingArgument

  @OptionGroup var range: RangeOptions

  @Option(
    help: ArgumentHelp("svg; or table, json, ndjson or csv.", valueName: "format"),
    completion: .list([Self.picture] + ReportFormat.allCases.map(\.rawValue)))
  var format = Self.picture

  func run() throws {
    try reporting {
      let table = format == Self.picture ? nil : try FormatOption.parsed(format, or: [Self.picture])
      if table == nil {
        try StandardOutput.checkIsNoTerminal(
          "chart", "is a picture", remedy: "put it into a file (> run.svg), or give --format table")
      }
      let viewed = try ViewedRecording(recording)
      let chart = try viewed.reading {
        try RunChart(facts: viewed.facts(), log: viewed.log, positions: range.resolved(in: viewed))
      }
      if let table { return try viewed.show(chart.report, table) }
      try chart.renderSVG { StandardOutput.write($0) }
    }
  }
}
