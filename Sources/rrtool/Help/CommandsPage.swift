// SPDX-License-Identifier: Apache-2.0

/// docs/commands.md: all commands on one page.
struct CommandsPage {
  let root: CommandPage

  var text: String {
    let lines =
      [
        "# Commands", "",
        "What `rrtool help` tells of each command, on one page. `make docs` writes it anew from the help texts.",
        "",
      ] + root.subcommands.map { "- [\($0.name)](#\(Self.anchor($0))): \(Self.escaped($0.abstract))" }
      + root.all.flatMap(Self.lines)
    return lines.joined(separator: "\n") + "\n"
  }

  private static func lines(_ page: CommandPage) -> [String] {
    var lines = [
      "", "## \(page.name)", "", escaped(page.abstract), "", "```",
      ([page.name] + page.usage).joined(separator: " "), "```",
    ]
    lines += text(page.description)
    let arguments = page.arguments.filter { !$0.names.contains("--help") }
    if !arguments.isEmpty { lines.append("") }
    for argument in arguments {
      let value = argument.value.map { " <\($0)>" } ?? ""
      let label =
        argument.names.isEmpty
        ? "`\(argument.value ?? "")`"
        : argument.names.dropLast().map { "`\($0)`, " }.joined() + "`\(argument.names.last ?? "")\(value)`"
      lines.append("- \(label): \(escaped(argument.text))")
    }
    if page.words.count > 1, !page.subcommands.isEmpty {
      lines.append("")
      for command in page.subcommands {
        lines.append("- [\(command.name)](#\(anchor(command))): \(escaped(command.abstract))")
      }
    }
    for section in page.namedSections {
      lines += ["", "**\(section.heading.prefix(1))\(section.heading.dropFirst().lowercased())**"]
      lines += text(section.blocks)
    }
    if !page.examples.isEmpty { lines += ["", "```"] + page.examples + ["```"] }
    return lines
  }

  private static func text(_ blocks: [HelpBlock]) -> [String] {
    var lines: [String] = []
    for (index, block) in blocks.enumerated() {
      switch block {
      case .heading(let text), .paragraph(let text, _): lines += ["", escaped(text)]
      case .row(let label, let text):
        if index == 0 || !blocks[index - 1].isRow { lines.append("") }
        lines.append("- `\(label)`: \(escaped(text))")
      case .examples(let examples): lines += ["", "```"] + examples + ["```"]
      }
    }
    return lines
  }

  private static func anchor(_ page: CommandPage) -> String { page.words.joined(separator: "-") }

  /// What Markdown would take for its own.
  private static func escaped(_ text: String) -> String {
    text.replacing("<", with: "\\<").replacing("*", with: "\\*")
  }
}

extension HelpBlock {
  fileprivate var isRow: Bool {
    if case .row = self { true } else { false }
  }
}
