// SPDX-License-Identifier: Apache-2.0

/// A command's page for man, in roff with the macros of man(7).
struct ManualPage {
  private static let section = 1

  private let page: CommandPage
  /// Those that it points to: the command above it.
  private let parent: String?

  init(_ page: CommandPage) {
    self.page = page
    parent = page.words.count > 1 ? page.words.dropLast().joined(separator: "-") : nil
  }

  private var title: String { page.words.joined(separator: "-") }

  var fileName: String { "\(title).\(Self.section)" }

  var text: String {
    var lines = [
      #".\" Written by rrtool from its help texts."#,
      #".TH \#(Self.escaped(title.uppercased())) \#(Self.section) "" "rrtool \#(ToolVersion.text)" "rrtool""#,
      ".SH NAME",
      "\(Self.escaped(title)) \\- \(Self.line(page.abstract.last == "." ? String(page.abstract.dropLast()) : page.abstract))",
      ".SH SYNOPSIS",
      ".B \(Self.escaped(page.name))",
      page.usage.map(Self.escaped).joined(separator: "\n"),
    ]
    if !page.description.isEmpty { lines += [".SH DESCRIPTION"] + Self.lines(page.description) }
    if !page.subcommands.isEmpty {
      lines.append(".SH COMMANDS")
      for command in page.subcommands {
        lines += [
          ".TP", ".BR \(Self.escaped(command.words.joined(separator: "-"))) (\(Self.section))",
          Self.line(command.abstract),
        ]
      }
    }
    lines += options(page.arguments.filter(\.names.isEmpty), under: "ARGUMENTS")
    lines += options(page.arguments.filter { !$0.names.isEmpty }, under: "OPTIONS")
    for section in page.namedSections { lines += [".SH " + section.heading] + Self.lines(section.blocks) }
    if !page.examples.isEmpty {
      lines += [".SH EXAMPLES", ".nf"] + page.examples.map(Self.line) + [".fi"]
    }
    let related = [parent].compactMap(\.self) + page.subcommands.map { $0.words.joined(separator: "-") }
    if !related.isEmpty {
      lines.append(".SH SEE ALSO")
      for (index, name) in related.enumerated() {
        lines.append(
          ".BR \(Self.escaped(name)) (\(Self.section))\(index + 1 < related.count ? "," : "")")
      }
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private func options(_ arguments: [CommandPage.Argument], under heading: String) -> [String] {
    guard !arguments.isEmpty else { return [] }
    return [".SH " + heading]
      + arguments.flatMap { argument in
        let names = argument.names.map { "\\fB\(Self.escaped($0))\\fR" }.joined(separator: ", ")
        let value = argument.value.map { "\\fI\(Self.escaped($0))\\fR" } ?? ""
        let label = [names, value].filter { !$0.isEmpty }.joined(separator: " ")
        return [".TP", label, Self.line(argument.text)]
      }
  }

  private static func lines(_ blocks: [HelpBlock]) -> [String] {
    blocks.flatMap { block -> [String] in
      switch block {
      case .heading(let text): [".SS " + escaped(text)]
      case .paragraph(let text, _): [".PP", line(text)]
      case .row(let label, let text): [".TP", line(label), line(text)]
      case .examples(let lines): [".nf"] + lines.map(line) + [".fi"]
      }
    }
  }

  /// A line that is none of roff's own.
  private static func line(_ text: String) -> String {
    let text = escaped(text)
    return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
  }

  /// A hyphen that is to be typed stays one, and so do quotes, carets and tildes.
  private static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "\\": result += "\\e"
      case "-": result += "\\-"
      case "'": result += "\\(aq"
      case "^": result += "\\(ha"
      case "~": result += "\\(ti"
      case "`": result += "\\(ga"
      default: result.append(character)
      }
    }
    return result
  }
}
