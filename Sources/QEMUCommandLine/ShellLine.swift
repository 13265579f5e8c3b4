// SPDX-License-Identifier: Apache-2.0

/// What a shell would have done of a line that was pasted: what it starts before QEMU, and what stands behind.
public struct ShellLine {
  /// From QEMU's name on.
  var words: [String]
  var notes: [String] = []
  var refusals: [String] = []

  /// Words that part commands, or lead their output elsewhere.
  private static let operators: Set = [";", "&", "&&", "||", "|", ">", ">>", "<", "2>", "2>&1", "&>"]

  init(_ line: [String]) {
    words = line
    guard let first = line.first, !first.hasPrefix("-") else {
      finish()
      return
    }
    let parts = first.split(separator: " ").map(String.init)
    if parts.count > 1, Self.isProgram(parts[0]) {
      refusals.append("'\(parts[0]) ...': the line is one word; leave out the quotes around it")
    }
    // sudo, nice -n 5, env X=1, X=1, time, a prompt.
    if let start = line.firstIndex(where: Self.isProgram), start > 0 {
      let before = line[..<start].joined(separator: " ")
      if line[..<start].contains(where: Self.operators.contains) {
        refusals.append("'\(before)': is a shell's; rrtool takes one command of QEMU")
      } else {
        notes.append("'\(before)': left out; what is started before QEMU can be started before rrtool")
      }
      words.removeFirst(start)
    }
    finish()
  }

  /// A name of QEMU's.
  public static func isProgram(_ word: String) -> Bool {
    !word.contains(" ") && word.split(separator: "/").last?.hasPrefix("qemu-system-") ?? false
  }

  private mutating func finish() {
    while let last = words.last, [";", "&"].contains(last) {
      words.removeLast()
      notes.append("'\(last)': left out; it is a shell's")
    }
    // An option has none in its name; a text may have one at its end.
    if let last = words.last, last.hasPrefix("-"), last.hasSuffix(";") {
      words[words.count - 1] = String(last.dropLast())
      notes.append("';': left out; it is a shell's")
    }
  }

  /// What is to be said of a word that stands by itself, if it is no file.
  static func judge(_ word: String) -> (isRefused: Bool, text: String)? {
    if operators.contains(word) { return (true, "is a shell's; rrtool takes one command of QEMU") }
    guard word.allSatisfy({ $0.isWhitespace || $0 == "\\" }) else { return nil }
    return (false, "left out; a backslash goes on in the next line where nothing is behind it")
  }
}
