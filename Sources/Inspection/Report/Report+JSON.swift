// SPDX-License-Identifier: Apache-2.0

extension Report {
  func renderJSON(to write: (String) throws -> Void) throws {
    try write("{\n")
    for (number, section) in sections.enumerated() {
      let isLast = number == sections.count - 1
      switch section.shape {
      case .record:
        try section.produce { row in
          try write(
            "  \(JSON.string(section.name)): \(JSON.object(section.columns, row))\(isLast ? "" : ",")\n")
        }
      case .table:
        var isEmpty = true
        try write("  \(JSON.string(section.name)): [")
        try section.produce { row in
          try write("\(isEmpty ? "" : ",")\n    \(JSON.object(section.columns, row))")
          isEmpty = false
        }
        try write("\(isEmpty ? "" : "\n  ")]\(isLast ? "" : ",")\n")
      }
    }
    try write("}\n")
  }

  /// Where there are several sections, each line begins with the name of its own.
  func renderLines(to write: (String) throws -> Void) throws {
    for section in sections {
      let label = sections.count > 1 ? section.name : nil
      try section.produce { row in
        try write(JSON.object(section.columns, row, section: label) + "\n")
      }
    }
  }
}

/// Values as JSON (RFC 8259) in UTF-8. Control characters are escaped.
enum JSON {
  /// An object of the values that there are; `section` comes first when given.
  static func object(_ columns: [Column], _ row: [FieldValue], section: String? = nil) -> String {
    precondition(columns.count == row.count, "a row with another number of values than columns")
    var json = "{"
    func start(_ name: String, _ suffix: String = "") {
      if json.utf8.count > 1 { json += "," }
      // Names are made of letters, digits and underscores.
      json += "\"\(name)\(suffix)\":"
    }
    if let section {
      start("section")
      json += string(section)
    }
    for (column, value) in zip(columns, row) where value != .none {
      start(column.name)
      switch value {
      case .none: break
      case .text(let text), .remarked(let text, _): json += string(text)
      case .data(let data):
        json += string(String(decoding: data, as: UTF8.self))
        if !data.isUTF8 {
          start(column.name, "_base64")
          json += string(data.base64)
        }
      case .integer(let number), .size(let number), .time(let number): json += String(number)
      case .decimal(let number, let places): json += number.fixed(places: places) ?? "null"
      case .flag(let flag): json += flag ? "true" : "false"
      case .digest(let digest): json += string(digest.hexadecimal)
      case .list(let texts): json += "[" + texts.map(string).joined(separator: ",") + "]"
      }
    }
    return json + "}"
  }

  static func string(_ text: String) -> String {
    // Most texts are plain, and this is where the time goes.
    if text.utf8.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != 0x22 && $0 != 0x5c }) {
      return "\"\(text)\""
    }
    var json = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": json += "\\\""
      case "\\": json += "\\\\"
      case "\n": json += "\\n"
      case "\r": json += "\\r"
      case "\t": json += "\\t"
      case "\0"..<" ", "\u{7f}"..<"\u{a0}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        json += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: json.unicodeScalars.append(scalar)
      }
    }
    return json + "\""
  }
}
