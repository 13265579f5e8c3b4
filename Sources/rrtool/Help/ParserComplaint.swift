// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding

/// What the parser says of a line that it cannot take apart, in one line that says where to look.
struct ParserComplaint {
  /// The verbs that the line begins with.
  private let verbs: [String]
  private let said: String

  init(_ said: String, of words: [String]) {
    self.said = said.split(whereSeparator: \.isNewline).joined(separator: " ")
    var commands = RRTool.configuration.subcommands
    var verbs: [String] = []
    for word in words {
      guard let next = commands.first(where: { $0._commandName == word }) else { break }
      verbs.append(word)
      commands = next.configuration.subcommands
    }
    self.verbs = verbs
  }

  var text: String {
    guard !said.isEmpty else { return "" }
    let page = "see 'rrtool \((["help"] + verbs).joined(separator: " "))'"
    guard let option = unknownOption else {
      // A question has its own end.
      return said.hasSuffix("?") ? "\(said) S\(page.dropFirst())" : "\(said); \(page)"
    }
    let place = verbs.isEmpty ? "rrtool" : "'rrtool \(verbs.joined(separator: " "))'"
    return "\(option): is no option of \(place); \(guess(option))\(page)"
  }

  /// The parser's own guess is whatever is nearest, however far that is.
  private var unknownOption: String? {
    let parts = said.split(separator: "'", maxSplits: 2)
    return parts.count > 1 && parts[0] == "Unknown option " ? String(parts[1]) : nil
  }

  private func guess(_ option: String) -> String {
    guard let root = (try? JSONParser.parse(RRTool._dumpHelp()))?["command"].flatMap({ CommandPage($0) })
    else { return "" }
    let pages = root.all
    let own = pages.first { $0.words == ["rrtool"] + verbs }
    let question = Spelling.question(about: option, among: own?.arguments.flatMap(\.names) ?? [])
    if !question.isEmpty { return question }
    // Of the views that stand beside one, another may have it.
    guard verbs.count > 1 else { return "" }
    let beside = pages.filter { page in
      page.words.dropLast() == ["rrtool"] + verbs.dropLast()
        && page.arguments.contains { $0.names.contains(option) }
    }
    return beside.isEmpty
      ? "" : "it is one of \(beside.map { "'\($0.words.last ?? "")'" }.joined(separator: ", ")); "
  }
}
