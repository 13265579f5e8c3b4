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
      let label = sections.count > 1 ? [(name: "section", json: JSON.string(section.name))] : []
      try section.produce { row in
        try write(JSON.object(label + JSON.members(section.columns, row)) + "\n")
      }
    }
  }
}

/// Values as JSON (RFC 8259), in ASCII where that is simple and UTF-8 elsewhere.
enum JSON {
  static func object(_ columns: [Column], _ row: [FieldValue]) -> String { object(members(columns, row)) }

  static func object(_ members: [(name: String, json: String)]) -> String {
    "{" + members.map { "\(string($0.name)):\($0.json)" }.joined(separator: ",") + "}"
  }

  static func members(_ columns: [Column], _ row: [FieldValue]) -> [(name: String, json: String)] {
    precondition(columns.count == row.count, "a row with another number of values than columns")
    var members: [(name: String, json: String)] = []
    for (column, value) in zip(columns, row) {
      switch value {
      case .none: continue
      case .text(let text): members.append((column.name, string(text)))
      case .data(let data):
        members.append((column.name, string(String(decoding: data, as: UTF8.self))))
        if !data.isUTF8 { members.append((column.name + "_base64", string(data.base64))) }
      case .integer(let number), .size(let number), .time(let number):
        members.append((column.name, String(number)))
      case .decimal(let number, let places):
        members.append((column.name, number.fixed(places: places) ?? "null"))
      case .flag(let flag): members.append((column.name, flag ? "true" : "false"))
      case .digest(let digest): members.append((column.name, string(digest.hexadecimal)))
      case .list(let texts):
        members.append((column.name, "[" + texts.map(string).joined(separator: ",") + "]"))
      }
    }
    return members
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
