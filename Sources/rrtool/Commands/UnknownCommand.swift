// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem

/// A word that stands where a command is wanted, and is none.
enum UnknownCommand {
  /// The parser would take it for an argument that nobody wants, with all that follow.
  static func refuse(in words: [String]) throws(Failure) {
    var commands = RRTool.configuration.subcommands
    var of = ""
    // Behind `help` stand commands alone; the parser would show the page of what it knows of them.
    let isHelp = words.first == "help"
    for word in words.dropFirst(isHelp ? 1 : 0) {
      guard isHelp || !commands.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
      guard let next = commands.first(where: { $0._commandName == word }) else {
        throw Failure(
          .usage, word, "is no command\(of)",
          remedy: "\(guess(word, among: commands, isFirst: of.isEmpty))see 'rrtool help'")
      }
      commands = next.configuration.subcommands
      of = " of \(word)"
    }
  }

  private static func guess(
    _ word: String, among commands: [any ParsableCommand.Type], isFirst: Bool
  ) -> String {
    if isFirst, ViewWords.names.contains(word) { return "did you mean 'rrtool inspect \(word)'? " }
    return Spelling.question(about: word, among: commands.map { $0._commandName })
  }
}
