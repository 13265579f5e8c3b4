// SPDX-License-Identifier: Apache-2.0

/// The parts of a help text. In the source its lines are of any length: what is printed is laid out anew, for a terminal of
/// any width, for man and for the pages of docs.
enum HelpBlock: Equatable {
  /// A line of capitals; what belongs to it is indented below.
  case heading(String)
  case paragraph(String, isIndented: Bool)
  /// A row of a table: an indented line with a gap in it.
  case row(label: String, text: String)
  /// Command lines below EXAMPLES, which nobody may break.
  case examples([String])

  static let examplesHeading = "EXAMPLES"

  var isIndented: Bool {
    switch self {
    case .heading: false
    case .paragraph(_, let isIndented): isIndented
    case .row, .examples: true
    }
  }

  static func parse(_ text: String) -> [HelpBlock] {
    var blocks: [HelpBlock] = []
    var heading: String?
    // Whether the last line may go on, and how far a line that does so is indented.
    var openIndent: Int?
    for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
      let indent = line.prefix { $0 == " " }.count
      let content = line.dropFirst(indent)
      guard !content.isEmpty else {
        openIndent = nil
        continue
      }
      if indent == 0, isHeading(content) {
        heading = String(content)
        blocks.append(.heading(String(content)))
        openIndent = nil
        continue
      }
      if indent == 0 { heading = nil }
      if heading == examplesHeading {
        let example = String(line.dropFirst(min(2, indent)))
        if case .examples(let lines)? = blocks.last {
          blocks[blocks.count - 1] = .examples(lines + [example])
        } else {
          blocks.append(.examples([example]))
        }
      } else if indent > 0, let gap = content.firstRange(of: "  ") {
        let rest = content[gap.upperBound...]
        let text = rest.drop { $0 == " " }
        blocks.append(.row(label: String(content[..<gap.lowerBound]), text: String(text)))
        openIndent = line.count - text.count
      } else if openIndent == indent, let longer = blocks.last?.followed(by: content) {
        blocks[blocks.count - 1] = longer
      } else {
        blocks.append(.paragraph(String(content), isIndented: indent > 0))
        openIndent = indent
      }
    }
    return blocks
  }

  private static func isHeading(_ line: Substring) -> Bool {
    line.count > 3 && line.allSatisfy { ("A"..."Z").contains($0) || $0 == " " }
  }

  /// The same with one more line of its text.
  private func followed(by line: Substring) -> HelpBlock? {
    switch self {
    case .paragraph(let text, let isIndented): .paragraph(text + " " + line, isIndented: isIndented)
    case .row(let label, let text): .row(label: label, text: text + " " + line)
    case .heading, .examples: nil
    }
  }
}
