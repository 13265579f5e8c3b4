// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import QEMUCommandLine

/// A command line of QEMU that was given to rrtool.
struct PastedLine {
  private let line: [String]
  private let request: Translator.Request
  var showsOnly = false

  init(line: [String], _ request: Translator.Request) {
    self.line = line
    self.request = request
  }

  /// `rrtool record` and `rrtool run` with options of QEMU, with or without rrtool's own ones between them; nil when there are none.
  init?(_ words: [String]) {
    guard let verb = words.first.flatMap(Translation.Verb.init(rawValue:)), verb != .replay else {
      return nil
    }
    var line: [String] = []
    var own: [String] = []
    var rest = words.dropFirst()
    var isOwn = false
    while let word = rest.popFirst() {
      if word == "--" {
        line += rest
        break
      }
      if Self.isStrange(word) {
        isOwn = false
        line.append(word)
        if Translator.takesValue(word) == true, let value = rest.popFirst() { line.append(value) }
      } else if word.hasPrefix("-"), word.count > 1 {
        isOwn = true
        own.append(word)
      } else if isOwn {
        own.append(word)
      } else {
        line.append(word)
      }
    }
    guard line.contains(where: Self.isStrange) else { return nil }
    self.line = line
    var request = Translator.Request(verb: verb)
    request.ownWords = own
    request.impliesBoard = line.first?.hasPrefix("-") ?? true
    self.request = request
  }

  /// One dash and a name: rrtool has letters alone, and of those few.
  private static func isStrange(_ word: String) -> Bool {
    guard word.hasPrefix("-"), let first = word.dropFirst().first, first.isLetter else { return false }
    return word != "-h" && word != "-o" && !word.hasPrefix("-o=")
  }

  /// The parser would take a name for as many letters, and one with an h in it for a call for help.
  static func refuseStrangers(in words: [String]) throws(Failure) {
    guard !["qemu", "help"].contains(words.first) else { return }
    guard let word = words.prefix(while: { $0 != "--" }).first(where: { isStrange($0) && $0.count > 2 })
    else {
      return
    }
    guard Translator.takesValue(word) == nil else {
      throw Failure(
        .usage, word, "is QEMU's",
        remedy: "give its whole line to 'rrtool qemu record --' or 'rrtool qemu run --'")
    }
    throw Failure(.usage, word, "is no option of rrtool", remedy: "see 'rrtool help'")
  }

  /// Tells what the line means, and does it.
  func carryOut() throws {
    let translation = Translator.translate(line, request)
    for note in translation.notes { say(note) }
    guard translation.refusals.isEmpty else {
      for refusal in translation.refusals { say(refusal) }
      if translation.lacksDevices {
        say(
          "without what is not there the guest runs with 'rrtool qemu \(translation.verb) --leave-out -- ...'"
        )
      }
      throw ExitStatus.usage
    }
    if !showsOnly { writeError(translation.line + "\n") }
    try reporting { try Self.refuseStrangers(in: translation.arguments) }
    var command = try RRTool.parseAsRoot(translation.arguments)
    // A line that is shown can be pasted.
    if showsOnly { return try reporting { show(translation.line) } }
    try command.run()
  }
}
