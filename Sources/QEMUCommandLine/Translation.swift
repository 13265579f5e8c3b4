// SPDX-License-Identifier: Apache-2.0

/// What a command line of QEMU means in rrtool's words. Nothing is read but the words themselves: whether the files are there, and
/// whether rrtool takes what is in them, shows when the line is carried out.
public struct Translation: Equatable, Sendable {
  public enum Verb: String, Sendable {
    case run, record, replay
  }

  public var verb: Verb
  /// What follows the verb.
  public var words: [String] = []
  /// What is other than with QEMU, or left out, and the guest does not miss: a line each.
  public var notes: [String] = []
  /// What cannot be had, and what the line gets wrong: a line each. With one of them the line is not carried out.
  public var refusals: [String] = []

  /// Some of them are of devices that the guest would do without when it is told to.
  public var lacksDevices = false

  public init(verb: Verb) { self.verb = verb }

  /// The words behind the tool's name.
  public var arguments: [String] { [verb.rawValue] + words }

  /// The line, to be pasted into a shell.
  public var line: String { (["rrtool"] + arguments.map(ShellWord.quote)).joined(separator: " ") }
}

enum ShellWord {
  /// The word as a POSIX shell reads it back; one with control characters as bash, ksh and zsh do.
  static func quote(_ word: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=+:,./@%^")
    if !word.isEmpty, word.allSatisfy(plain.contains) { return word }
    guard word.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7f }) else {
      return "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''")
        + "'"
    }
    var text = ""
    for scalar in word.unicodeScalars {
      switch scalar {
      case "'", "\\": text += "\\" + String(scalar)
      case _ where scalar.value < 0x20 || scalar.value == 0x7f:
        text += "\\x" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
      default: text += String(scalar)
      }
    }
    return "$'" + text + "'"
  }
}
