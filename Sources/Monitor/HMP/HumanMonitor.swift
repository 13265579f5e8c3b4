// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The monitor for people: takes a line, answers with text.
///
/// Each user has one: it remembers the hart that was chosen.
public final class HumanMonitor: Sendable {
  public static let prompt = "(rrtool) "
  /// What an answer begins with when the command was not carried out.
  public static let errorPrefix = "Error: "

  let target: MonitorTarget
  private let chosenHart = Mutex(0)

  public init(_ target: MonitorTarget) { self.target = target }

  /// The hart that commands about registers and virtual addresses mean.
  var hart: Int { chosenHart.withLock { $0 } }

  func choose(hart: Int) throws(MonitorError) {
    let count = try target.perform { run in run.machine.configuration.hartCount }
    guard hart < count else { throw MonitorError("there is no hart \(hart): the machine has \(count)") }
    chosenHart.withLock { $0 = hart }
  }

  /// Carries out a command; what it answers is shown to the user as it is. Lines end in a line feed.
  public func carryOut(_ line: String) -> String {
    do throws(MonitorError) {
      guard let (command, arguments) = try Self.parse(line) else { return "" }
      return try command.body(arguments, self)
    } catch {
      return Self.errorPrefix + error.description + "\n"
    }
  }

  /// What a line says; nil when it says nothing.
  package static func parse(
    _ line: String
  ) throws(MonitorError) -> (command: HumanCommand, arguments: HumanArguments)? {
    let line = line[...].drop { $0.isWhitespace }
    let end = line.firstIndex { !Self.isNameCharacter($0) } ?? line.endIndex
    guard !line.isEmpty else { return nil }
    guard let command = HumanCommand.find(String(line[..<end])) else {
      throw MonitorError("unknown command: '\(line.prefix { !$0.isWhitespace })'; 'help' lists them")
    }
    return (command, try HumanArguments(line[end...], for: command))
  }

  private static func isNameCharacter(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || character == "_" || character == "-")
      || character == "?"
  }
}
