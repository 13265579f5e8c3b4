// SPDX-License-Identifier: Apache-2.0

/// How a report is written.
public enum ReportFormat: String, Sendable, CaseIterable {
  /// Aligned columns for people. Nothing a guest said reaches a terminal as a control character.
  case table
  /// One JSON document: an object with a member for each section.
  case json
  /// A JSON object a line, for each row of each section.
  case ndjson
  /// RFC 4180.
  case csv
}

/// What `rrtool inspect` shows: sections, in order. docs/inspect.md has the names of all fields.
public struct Report {
  public var sections: [Section]

  public init(_ sections: [Section]) { self.sections = sections }

  /// Writes the report piece by piece; each piece is whole lines of text.
  ///
  /// - Parameters:
  ///   - heading: how a line of headings for people is to be shown.
  ///   - width: columns that a line of a table may have; what is left of it is cut off.
  /// - Throws: What reading the recording throws, or `write`.
  public func render(
    _ format: ReportFormat, width: Int? = nil, heading: @escaping (String) -> String = { $0 },
    to write: @escaping (String) throws -> Void
  ) throws {
    switch format {
    case .table: try renderTable(width: width, heading: heading, to: write)
    case .json: try renderJSON(to: write)
    case .ndjson: try renderLines(to: write)
    case .csv: try renderCSV(to: write)
    }
  }

  /// The report as one text.
  public func rendered(_ format: ReportFormat) throws -> String {
    var text = ""
    try render(format) { text += $0 }
    return text
  }
}
