// SPDX-License-Identifier: Apache-2.0

import GDBRemote
import HostSystem
import Inspection
import RecordingStore
import ReplayLog
import TimeTravel

/// The commands that a user types after `monitor`, in rr's words where rr has the word.
extension TimelineTarget {
  public func monitor(_ command: String, hart: Int, control: MotionControl) {
    let words = command.split(separator: " ").map(String.init)
    do throws(Failure) {
      try perform(words, hart: hart, control)
    } catch {
      control.say("\(error.description)\n")
    }
  }

  private func perform(_ words: [String], hart: Int, _ control: MotionControl) throws(Failure) {
    let argument = words.count > 1 ? words[1] : nil
    switch (words.first ?? "help", words.count) {
    case ("help", 0...1): control.say(MonitorHelp.text)
    case ("when", 1): try control.say(whereabouts())
    case ("seek", 2):
      guard let argument, let expression = PositionExpression(argument) else { throw Self.noPosition(words) }
      let context = try timeline.context(current: timeline.position)
      try visit(try expression.resolve(in: context), control)
    case ("back", 1):
      guard let position = places.back(from: timeline.position) else {
        throw Failure(.usage, "back", "there is no place before this one", remedy: "use seek")
      }
      try go(to: position, control)
    case ("forward", 1):
      guard let position = places.forward(from: timeline.position) else {
        throw Failure(.usage, "forward", "there is no place after this one", remedy: "use seek")
      }
      try go(to: position, control)
    case ("checkpoint", 1):
      let checkpoint = places.addCheckpoint(at: timeline.position)
      control.say("Checkpoint \(checkpoint.number) at position \(checkpoint.position.grouped)\n")
    case ("info", 2) where argument == "checkpoints":
      control.say(listCheckpoints())
    case ("restart", 2):
      try visit(try checkpoint(argument).position, control)
    case ("delete", 3) where argument == "checkpoint":
      let checkpoint = try checkpoint(words[2])
      places.deleteCheckpoint(checkpoint.number)
      control.say("Deleted checkpoint \(checkpoint.number)\n")
    case ("snapshot", 2):
      try timeline.createSnapshot(argument ?? "")
      control.say("Snapshot \(argument ?? "") at position \(timeline.position.grouped)\n")
    case ("last", 2) where argument?.first == "$":
      try checkIsRecorded()
      try control.say(rendered(lastChange(argument ?? "", hart: hart, control)))
    case ("go", 1):
      guard let lastAnswer else {
        throw Failure(.usage, "go", "there is no answer to go to", remedy: "ask 'last' first")
      }
      try visit(lastAnswer, control)
    case ("last", 2...3): try control.say(lastWrite(words, hart: hart, control))
    case ("last-bytes", 2...3): try control.say(lastWrites(words, hart: hart, control))
    case ("interrupts", 3) where words[1] == "step" && ["over", "into"].contains(words[2]):
      stepsIntoTraps = words[2] == "into"
    case ("events", 1...2): try control.say(events(try Self.count(argument, otherwise: 10)))
    case ("console", 1...2): try control.say(consoleLines(try Self.count(argument, otherwise: 10)))
    case ("packets", 1...2): try control.say(packets(try Self.count(argument, otherwise: 10)))
    case ("xp", 2...3): try control.say(physicalMemory(words))
    case ("phys", 2): try control.say(physicalAddress(words, hart: hart))
    default:
      let text = words.joined(separator: " ")
      guard let usage = MonitorHelp.usage(of: words.first ?? "") else {
        throw Failure(.usage, text, "is no command", remedy: "see 'monitor help'")
      }
      throw Failure(
        .usage, text, "has too few, too many or wrong words", remedy: "type \(usage), see 'monitor help'")
    }
  }

  private static func noPosition(_ words: [String]) -> Failure {
    Failure(
      .usage, words.joined(separator: " "), "names no position",
      remedy: "positions are N, +N, -N, N%, event:N, start, end or a snapshot's name")
  }

  private static func count(_ text: String?, otherwise: Int) throws(Failure) -> Int {
    guard let text else { return otherwise }
    guard let count = Int(text), (1...10_000).contains(count) else {
      throw Failure(.usage, text, "is no count of things to show", remedy: "give a number from 1 to 10000")
    }
    return count
  }

  /// A number as users of gdb write it.
  static func number(_ text: String) throws(Failure) -> UInt64 {
    guard let value = text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text) else {
      throw Failure(.usage, text, "is no number", remedy: "give one such as 0x80001000")
    }
    return value
  }

  // MARK: Places

  private func checkpoint(_ text: String?) throws(Failure) -> Places.Checkpoint {
    guard let number = text.flatMap({ Int($0) }),
      let checkpoint = places.checkpoints.first(where: { $0.number == number })
    else {
      throw Failure(.usage, "checkpoint \(text ?? "")", "is not there", remedy: "see 'info checkpoints'")
    }
    return checkpoint
  }

  private func listCheckpoints() -> String {
    if places.checkpoints.isEmpty { return "No checkpoints.\n" }
    return places.checkpoints.map { "\($0.number)  position \($0.position.grouped)\n" }.joined()
  }

  private func visit(_ position: UInt64, _ control: MotionControl) throws(Failure) {
    places.leave(timeline.position)
    try go(to: position, control)
  }

  private func go(to position: UInt64, _ control: MotionControl) throws(Failure) {
    try seek(to: position, control)
    try control.say(whereabouts())
  }

  private func whereabouts() throws(Failure) -> String {
    let cursor = timeline.log.makeCursor()
    try withLogFailures { () throws(ReplayLogError) in try cursor.seek(toPosition: timeline.position) }
    let hart = currentHart
    let end = timeline.end.position
    return """
      Position \(timeline.position.grouped) of \(end.grouped), before event \(cursor.nextNumber), \
      guest time \(timeline.now.time.seconds(digits: 9)) s, hart \(hart) at \
      0x\(String(machine.programCounter(hart: hart), radix: 16))

      """
  }

  // MARK: The log

  private func events(_ count: Int) throws(Failure) -> String {
    let cursor = timeline.log.makeCursor()
    try withLogFailures { () throws(ReplayLogError) in try cursor.seek(toPosition: timeline.position) }
    let next = cursor.nextNumber
    let query = EventQuery(
      firstNumber: next - min(next, UInt64(count)), limit: count + min(count, Int(clamping: next)))
    return try rendered(query.report(of: timeline.log))
  }

  private func consoleLines(_ count: Int) throws(Failure) -> String {
    // The newest lines, in a ring.
    var lines: [String] = []
    do {
      try ConsoleTranscript(timeline.log, positions: 0...timeline.position).forEachLine { line in
        lines.append("\(line.moment.position.grouped)  \(ConsoleTranscript.visible(line.bytes))\n")
        if lines.count > 2 * count { lines.removeFirst(count) }
      }
    } catch let error as ReplayLogError {
      throw Failure(error)
    } catch {
      preconditionFailure("nothing else is thrown: \(error)")
    }
    return lines.isEmpty ? "Nothing is written yet.\n" : lines.suffix(count).joined()
  }

  private func packets(_ count: Int) throws(Failure) -> String {
    let position = timeline.position
    // What comes in at this position has not come yet.
    guard position > 0 else { return "Nothing has passed yet.\n" }
    return try rendered(PacketQuery(positions: 0...position - 1).report(ofLast: count, of: timeline.log))
  }

  func rendered(_ report: Report) throws(Failure) -> String {
    do {
      return try report.rendered(.table)
    } catch let error as ReplayLogError {
      throw Failure(error)
    } catch {
      preconditionFailure("nothing else is thrown: \(error)")
    }
  }

  // MARK: Physical memory

  private func physicalMemory(_ words: [String]) throws(Failure) -> String {
    let address = try Self.number(words[1])
    let count = words.count > 2 ? try Self.count(words[2], otherwise: 16) : 16
    let bytes = machine.inspect(physical: address, count: count)
    guard bytes.count == count else {
      throw Failure(
        .usage, words[1], "is not the address of so much memory, nor of registers that can be looked at",
        remedy: "RAM stands from 0x\(String(machine.memory.base, radix: 16)) to "
          + "0x\(String(machine.memory.base + machine.memory.size - 1, radix: 16))")
    }
    return stride(from: 0, to: bytes.count, by: 16).map { start in
      let row = bytes[start..<min(start + 16, bytes.count)]
      return Self.hexadecimal(address + UInt64(start), digits: 16) + ":"
        + row.map { " " + Self.hexadecimal(UInt64($0), digits: 2) }.joined() + "\n"
    }.joined()
  }

  private func physicalAddress(_ words: [String], hart: Int) throws(Failure) -> String {
    let address = try Self.number(words[1])
    guard let physical = machine.physicalAddress(of: address, hart: hart) else {
      throw Failure(
        .usage, words[1], "is not mapped by the page tables of hart \(hart)",
        remedy: "choose another address, or another place")
    }
    return "0x\(String(physical, radix: 16))\n"
  }

  private static func hexadecimal(_ value: UInt64, digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
