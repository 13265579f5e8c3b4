// SPDX-License-Identifier: Apache-2.0

/// Takes words from a line. White space parts them; double quotes keep it in, with `\` before a quote or a `\`.
struct WordReader {
  private var line: Substring

  init(_ line: Substring) {
    self.line = line
    skipSpace()
  }

  private mutating func skipSpace() { line = line.drop { $0 == " " || $0 == "\t" } }

  /// The first character of the next word.
  var peek: Character? { line.first }
  var rest: String { String(line).trimmingTrailingSpace }

  mutating func takeAll() { line = "" }

  mutating func next() throws(MonitorError) -> String? {
    guard let first = line.first else { return nil }
    defer { skipSpace() }
    guard first == "\"" else {
      let word = line.prefix { $0 != " " && $0 != "\t" }
      line = line[word.endIndex...]
      return String(word)
    }
    var word = ""
    line.removeFirst()
    while let character = line.popFirst() {
      if character == "\"" { return word }
      if character == "\\" {
        guard let escaped = line.popFirst() else { break }
        word.append(escaped)
      } else {
        word.append(character)
      }
    }
    throw MonitorError("a '\"' is missing at the end of the line")
  }
}

extension String {
  var trimmingTrailingSpace: String {
    var text = self[...]
    while text.last == " " || text.last == "\t" { text = text.dropLast() }
    return String(text)
  }
}
