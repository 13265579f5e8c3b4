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
    try Self.parsed(format)
  }

  /// - Parameter extra: what may be given besides.
  static func parsed(_ name: String, or extra: [String] = []) throws(Failure) -> ReportFormat {
    guard let known = ReportFormat(rawValue: name) else {
      let others = extra.isEmpty ? "" : ", or \(extra.joined(separator: ", "))"
      throw Failure(
        .usage, "--format \(name)", "is no format", remedy: "give table, json, ndjson or csv\(others)")
    }
    return known
  }
}

extension Report {
  /// - Parameter isCut: a terminal shows as much of each line as it has room for.
  func show(_ format: ReportFormat, isCut: Bool = false) throws {
    let heading = { (text: String) in Colours.styled(text, .bold, on: 1) }
    let width = isCut && Terminal.isTerminal(1) ? Terminal.width : nil
    try render(format, width: width, heading: heading) { StandardOutput.write($0) }
  }
}
