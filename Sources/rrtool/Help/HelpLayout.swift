// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Help on a terminal. The parser of command lines breaks lines wherever they come to the terminal's edge, those of the source that were
/// broken before and command lines too; so it is given no edge, and its text is laid out here.
struct HelpLayout {
  /// The narrowest that is still read.
  private static let leastWidth = 40
  /// Where the parser begins what it says of an option.
  private static let optionIndent = 26
  /// Where that begins on a terminal on which nothing much would be left beside it.
  private static let narrowIndent = 6
  private static let narrowWidth = 60

  let width: Int

  /// For standard output.
  init() {
    let given = getenv("COLUMNS").flatMap { Int(String(cString: $0)) }
    width = max(Self.leastWidth, given.flatMap { $0 > 0 ? $0 : nil } ?? Terminal.width)
  }

  /// Has the parser break no lines from now on.
  static func takeOver() { setenv("COLUMNS", "1000000", 1) }

  /// The parser's help for a command, with no lines broken, as it is to be printed; other texts stay as they are.
  func fit(_ text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let first = lines.first, first.hasPrefix("OVERVIEW: "),
      let usage = lines.firstIndex(where: { $0.hasPrefix("USAGE: ") })
    else { return text }
    var result = wrap(first.split(separator: " "), hanging: 0)
    let discussion = HelpBlock.parse(lines[1..<usage].joined(separator: "\n"))
    if !discussion.isEmpty { result += [""] + layOut(discussion) }
    result.append("")
    result += wrap(Self.usageWords(lines[usage]), hanging: "USAGE: ".count)
    for line in lines[(usage + 1)...] { result += layOutOption(line) }
    return result.joined(separator: "\n")
  }

  private func layOut(_ blocks: [HelpBlock]) -> [String] {
    var lines: [String] = []
    let labelWidth =
      blocks.map { block in
        if case .row(let label, _) = block { label.count } else { 0 }
      }.max() ?? 0
    for (index, block) in blocks.enumerated() {
      if index > 0 {
        switch (blocks[index - 1], block) {
        case (.heading, _), (.row, .row), (.paragraph(_, true), .row): break
        default: lines.append("")
        }
      }
      switch block {
      case .heading(let text): lines.append(text)
      case .paragraph(let text, let isIndented):
        let indent = isIndented ? "  " : ""
        lines += wrap(text.split(separator: " "), after: indent, hanging: indent.count)
      case .row(let label, let text):
        let start = "  " + label + String(repeating: " ", count: labelWidth - label.count + 2)
        lines += wrap(text.split(separator: " "), after: start, hanging: start.count)
      case .examples(let examples): lines += examples.map { "  " + $0 }
      }
    }
    return lines
  }

  /// A line of the lists of arguments, options and commands.
  private func layOutOption(_ line: Substring) -> [String] {
    let indent = Self.optionIndent
    guard line.count > width, line.dropFirst(indent - 1).first == " " else { return [String(line)] }
    if width < Self.narrowWidth {
      let (label, text) = (line.prefix(indent), line.dropFirst(indent).split(separator: " "))
      let start = String(repeating: " ", count: Self.narrowIndent)
      let own = label.last { $0 != " " } == nil ? [] : [label.trimmingEnd()]
      return own + wrap(text, after: start, hanging: start.count)
    }
    return wrap(
      line.dropFirst(indent).split(separator: " "), after: String(line.prefix(indent)), hanging: indent)
  }

  /// An option and its value are not parted.
  private static func usageWords(_ line: Substring) -> [Substring] {
    var words: [Substring] = []
    var depth = 0
    var start = line.startIndex
    for index in line.indices {
      switch line[index] {
      case "[": depth += 1
      case "]": depth -= 1
      case " " where depth == 0:
        words.append(line[start..<index])
        start = line.index(after: index)
      default: break
      }
    }
    return words + [line[start...]]
  }

  /// Words on lines that are as long as there is room for, the first behind `start`, the others so far to the right.
  private func wrap(_ words: [Substring], after start: String = "", hanging indent: Int) -> [String] {
    var lines: [String] = []
    var line = start
    var isEmpty = true
    for word in words {
      if !isEmpty, line.count + 1 + word.count > width {
        lines.append(line)
        line = String(repeating: " ", count: indent)
        isEmpty = true
      }
      line += (isEmpty ? "" : " ") + word
      isEmpty = false
    }
    return lines + [line]
  }
}

extension Substring {
  fileprivate func trimmingEnd() -> String {
    var rest = self
    while rest.last == " " { rest.removeLast() }
    return String(rest)
  }
}
