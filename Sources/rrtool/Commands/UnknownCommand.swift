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
      // What `inspect` shows is told on its page.
      guard isHelp && of != " of inspect" || !commands.isEmpty, !word.hasPrefix("-"), word != "help" else {
        return
      }
      guard let next = commands.first(where: { $0._commandName == word }) else {
        let names = commands.map { $0._commandName }
        let near = names.min { distance($0, word) < distance($1, word) }
        let guess = near.flatMap { distance($0, word) <= 2 ? "did you mean '\($0)'? " : nil } ?? ""
        throw Failure(.usage, word, "is no command\(of)", remedy: "\(guess)see 'rrtool help'")
      }
      commands = next.configuration.subcommands
      of = " of \(word)"
    }
  }

  /// How many letters are to be put in, taken away or changed to make one of the other.
  private static func distance(_ one: String, _ other: String) -> Int {
    let (from, to) = (Array(one.utf8.prefix(64)), Array(other.utf8.prefix(64)))
    var row = Array(0...to.count)
    for (line, letter) in from.enumerated() {
      var corner = row[0]
      row[0] = line + 1
      for (column, wanted) in to.enumerated() {
        let changed = corner + (letter == wanted ? 0 : 1)
        corner = row[column + 1]
        row[column + 1] = min(changed, corner + 1, row[column] + 1)
      }
    }
    return row[to.count]
  }
}
