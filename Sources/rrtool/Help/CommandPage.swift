// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What there is to say of a command: the same for its help, its page for man and its part of docs/commands.md.
struct CommandPage {
  struct Argument {
    /// `-o` and `--output`; none where the place alone tells it.
    var names: [String]
    /// What stands for its value.
    var value: String?
    var isOptional: Bool
    var text: String
  }

  /// The command as it is typed: `rrtool`, `snapshot`, `create`.
  let words: [String]
  let abstract: String
  let blocks: [HelpBlock]
  let arguments: [Argument]
  let subcommands: [CommandPage]

  var name: String { words.joined(separator: " ") }

  /// This one and all below it.
  var all: [CommandPage] { [self] + subcommands.flatMap(\.all) }

  /// From what the parser tells of a command (`--experimental-dump-help`); nil of one that is not shown.
  init?(_ command: JSONValue, below parents: [String] = []) {
    guard let name = command["commandName"]?.string, name != "help",
      command["shouldDisplay"]?.bool ?? true
    else { return nil }
    words = parents + [name]
    abstract = command["abstract"]?.string ?? ""
    blocks = HelpBlock.parse(command["discussion"]?.string ?? "")
    // The parser takes --version everywhere; it is told once.
    arguments = (command["arguments"]?.array ?? []).compactMap(Argument.init)
      .filter { parents.isEmpty || !$0.names.contains("--version") }
    let words = words
    subcommands = (command["subcommands"]?.array ?? []).compactMap { CommandPage($0, below: words) }
  }

  /// The command and what must or may follow: the words of a usage line behind the command's own.
  var usage: [String] {
    let required = arguments.filter { !$0.names.isEmpty && !$0.isOptional }
    let places = arguments.filter(\.names.isEmpty)
    return ["[options]"]
      + required.map { [$0.names[0], $0.value.map { "<\($0)>" } ?? ""].joined(separator: " ") }
      + places.map { argument in
        let value = argument.value ?? ""
        return argument.isOptional ? "[\(value)]" : "<\(value)>"
      } + (subcommands.isEmpty ? [] : ["<subcommand>"])
  }

  /// What stands at the margin, and before all headings.
  var description: [HelpBlock] { sections.first?.blocks ?? [] }

  /// The parts under headings, but for the examples.
  var namedSections: [(heading: String, blocks: [HelpBlock])] {
    sections.compactMap { section in
      guard let heading = section.heading, heading != HelpBlock.examplesHeading else { return nil }
      return (heading, section.blocks)
    }
  }

  var examples: [String] {
    blocks.flatMap { block -> [String] in
      if case .examples(let lines) = block { lines } else { [] }
    }
  }

  private var sections: [(heading: String?, blocks: [HelpBlock])] {
    // What stands under no heading, before all others.
    var sections: [(heading: String?, blocks: [HelpBlock])] = [(nil, [])]
    var current = 0
    for block in blocks {
      if case .heading(let text) = block {
        sections.append((text, []))
        current = sections.count - 1
      } else {
        if !block.isIndented { current = 0 }
        sections[current].blocks.append(block)
      }
    }
    return sections
  }
}

extension CommandPage.Argument {
  fileprivate init?(_ argument: JSONValue) {
    guard argument["shouldDisplay"]?.bool ?? true else { return nil }
    names = (argument["names"]?.array ?? []).compactMap { name in
      name["name"]?.string.map { (name["kind"]?.string == "long" ? "--" : "-") + $0 }
    }.sorted { $0.count < $1.count }
    value = argument["kind"]?.string == "flag" ? nil : argument["valueName"]?.string
    isOptional = argument["isOptional"]?.bool ?? true
    let usual = argument["defaultValue"]?.string.flatMap { $0.isEmpty ? nil : "(default: \($0))" }
    text = [argument["abstract"]?.string, usual].compactMap(\.self).joined(separator: " ")
  }
}
