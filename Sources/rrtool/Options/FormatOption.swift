// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import Inspection

/// In which form a list or a table is shown.
struct FormatOption: ParsableArguments {
  @Option(
    help: ArgumentHelp("table, json, ndjson or csv.", valueName: "format"),
    completion: .list(ReportFormat.allCases.map(\.rawValue)))
  var format = ReportFormat.table.rawValue

  func parsed() throws(Failure) -> ReportFormat {
    guard let known = ReportFormat(rawValue: format) else {
      throw Failure(
        .usage, "--format \(format)", "is no format", remedy: "give table, json, ndjson or csv")
    }
    return known
  }
}

extension Report {
  func show(_ format: ReportFormat) throws {
    let heading = { (text: String) in Colours.styled(text, .bold, on: 1) }
    try render(format, heading: heading) { StandardOutput.write($0) }
  }
}
