// SPDX-License-Identifier: Apache-2.0

extension Report {
  /// One section becomes a table with a line of names; several become lines of section, row, field and value.
  func renderCSV(to write: (String) throws -> Void) throws {
    if sections.count == 1, let section = sections.first {
      try write(CSV.line(section.columns.flatMap { CSV.names($0) }))
      try section.produce { row in
        try write(CSV.line(zip(section.columns, row).flatMap { CSV.fields($0, $1) }))
      }
    } else {
      try write(CSV.line(["section", "row", "field", "value"]))
      for section in sections {
        var number = 0
        try section.produce { row in
          for (column, value) in zip(section.columns, row) where value != .none {
            for (name, text) in zip(CSV.names(column), CSV.fields(column, value))
            where name == column.name || text != "" {
              try write(CSV.line([section.name, String(number), name, text]))
            }
          }
          number += 1
        }
      }
    }
  }
}

/// Values as comma-separated text (RFC 4180), lines ending in CR LF.
enum CSV {
  static func line(_ fields: [String]) -> String { fields.map(field).joined(separator: ",") + "\r\n" }

  /// A column that may hold data has a second one for the base 64 of what is not text.
  static func names(_ column: Column) -> [String] {
    column.holdsData ? [column.name, column.name + "_base64"] : [column.name]
  }

  static func fields(_ column: Column, _ value: FieldValue) -> [String] {
    let text =
      switch value {
      case .none: ""
      case .text(let text), .remarked(let text, _): text
      case .data(let data): String(decoding: data, as: UTF8.self)
      case .integer(let number), .size(let number), .time(let number): String(number)
      case .decimal(let number, let places): number.fixed(places: places) ?? ""
      case .flag(let flag): flag ? "true" : "false"
      case .digest(let digest): digest.hexadecimal
      case .list(let texts): texts.joined(separator: " ")
      }
    guard column.holdsData else { return [text] }
    if case .data(let data) = value, !data.isUTF8 { return [text, data.base64] }
    return [text, ""]
  }

  private static func field(_ text: String) -> String {
    // Comma, quote, LF, CR. By bytes: as a character, CR LF is neither CR nor LF.
    guard text.utf8.contains(where: { $0 == 0x2c || $0 == 0x22 || $0 == 0x0a || $0 == 0x0d }) else {
      return text
    }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      if scalar == "\"" { quoted += "\"" }
      quoted.unicodeScalars.append(scalar)
    }
    return quoted + "\""
  }
}
