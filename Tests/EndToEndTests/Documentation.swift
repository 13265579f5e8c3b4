// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The pages that people read, as text.
struct Documentation {
  let name: String
  let text: String

  static func all() throws -> [Documentation] {
    let folders = ["", "docs/", "docs/formats/", "fixtures/"]
    return try folders.flatMap { folder in
      try FileManager.default.contentsOfDirectory(atPath: Place.project.path + "/" + folder).sorted()
        .filter { $0.hasSuffix(".md") }.map { try Documentation(folder + $0) }
    }
  }

  init(_ name: String) throws {
    self.name = name
    text = try String(contentsOf: Place.project.appending(path: name), encoding: .utf8)
  }

  /// The lines of blocks of code; one that ends with a backslash and the next are one.
  var codeLines: [String] {
    var lines: [String] = []
    var isCode = false
    var start = ""
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      if line.hasPrefix("```") {
        isCode.toggle()
      } else if isCode, line.hasSuffix("\\") {
        start += line.dropLast() + " "
      } else if isCode {
        lines.append(start + line)
        start = ""
      }
    }
    return lines
  }

  private var prose: String {
    text.split(separator: "```", omittingEmptySubsequences: false).enumerated()
      .compactMap { $0.offset % 2 == 0 ? String($0.element) : nil }.joined()
  }

  /// What stands in backquotes outside of blocks of code.
  var codeSpans: [String] { Self.codeSpans(in: prose) }

  static func codeSpans(in text: some StringProtocol) -> [String] {
    text.split(separator: "`", omittingEmptySubsequences: false).enumerated()
      .compactMap { $0.offset % 2 == 1 ? String($0.element) : nil }
  }

  /// Where links lead that are not on other machines: a file, beside this page unless empty, and a place in it.
  var links: [(file: String, heading: String?)] {
    prose.matches(of: #/\]\(([^)\s]+)\)/#).compactMap { match in
      guard !match.1.contains("://") else { return nil }
      let parts = match.1.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
      return (String(parts[0]), parts.count > 1 ? String(parts[1]) : nil)
    }
  }

  /// How links name its headings.
  var headings: Set<String> {
    Set(
      prose.split(separator: "\n").filter { $0.hasPrefix("#") }.map { line in
        line.drop { $0 == "#" }.trimmingCharacters(in: .whitespaces).lowercased()
          .filter { $0.isLetter || $0.isNumber || "-_ ".contains($0) }.replacing(" ", with: "-")
      })
  }

  /// The first cells of the rows of the first table under a heading.
  func firstTable(under heading: String) -> [String] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    let section = lines.drop { $0 != "## " + heading }
    let rows = section.drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
    return rows.dropFirst(2).compactMap { row in
      row.replacing("\\|", with: "/").split(separator: "|").first.map(String.init)
    }
  }
}
