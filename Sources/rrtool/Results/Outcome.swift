// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import HostSystem
import Inspection
import RecordingStore
import Synchronization

/// What a command has come to so far: filled in while it runs, and written as its result when it ends. A signal that ends the process
/// reads it on another thread.
final class Outcome: Sendable {
  /// A record of its own in the result.
  struct Part: Sendable {
    var name: String
    var title: String
    var fields: [(column: Column, value: FieldValue)]
  }

  struct Facts: Sendable {
    var command = ""
    var end: EndKind?
    /// What the guest reported, of the guests that reported something.
    var guestStatus: UInt32?
    var signal: Int32?
    var position: UInt64?
    var time: UInt64?
    var recording: String?
    /// How the run ended that was replayed.
    var recordedEnd: EndKind?
    /// Whether all that was replayed was the same.
    var isSame: Bool?
    /// Whether the console said what `--stop-on` waits for.
    var isStopOnMet: Bool?
    /// Of `--until-failure`.
    var round: UInt64?
    var digests: [StateDigest] = []
    var consoleTail: [UInt8]?
    var message: String?
    /// What the command has to say besides.
    var part: Part?
    /// What went wrong, as it was told.
    var errors: [String] = []
  }

  private let facts = Mutex(Facts())
  private let began = HostClock.monotonic()
  /// Whether anybody will read it: then digests are worth their time.
  let isWanted: Bool

  /// - Parameter command: nil when nobody wants to know.
  init(_ command: String? = nil) {
    isWanted = command != nil
    facts.withLock { $0.command = command ?? "" }
  }

  var end: EndKind? { facts.withLock { $0.end } }

  func set(_ change: (inout Facts) -> Void) { facts.withLock { change(&$0) } }

  /// What stands between a guest and its console, so that the last of it can be told.
  func listening(to console: any ConsoleOutput) -> any ConsoleOutput {
    guard isWanted else { return console }
    return ConsoleTail(console) { [self] last in set { $0.consoleTail = last } }
  }

  /// The machine's state at the end; it is asked for only when somebody will read it.
  func note(digests: @autoclosure () -> [StateDigest]) {
    guard isWanted else { return }
    let digests = digests()
    set { $0.digests = digests }
  }

  /// How a run ended.
  func note(_ result: RunResult) {
    set { facts in
      facts.note(result.ending)
      facts.message = facts.message ?? result.ending.summary
      if case .signal(let number)? = result.stopCause { facts.signal = number }
      if facts.end != .interrupted { facts.signal = nil }
    }
  }

  /// Whether the console said what `--stop-on` waits for; answers whether it did not, which is told.
  func note(goal: String, isMet: Bool) -> Bool {
    set { $0.isStopOnMet = isMet }
    if !isMet { say("the console never said what --stop-on '\(goal)' waits for") }
    return !isMet
  }

  /// What failed, as it is told.
  func note(_ text: String, _ kind: EndKind) {
    set { facts in
      facts.end = kind
      facts.errors.append(text)
    }
  }

  /// - Parameter status: with which the command ends.
  func report(status: ExitCode) -> Report {
    let seconds = Double(HostClock.monotonic() - began) / 1e9
    return Report(facts.withLock { $0 }.sections(status: status, seconds: seconds))
  }
}

extension Outcome.Facts {
  mutating func note(_ ending: RecordingManifest.Ending) {
    end = ending.kind
    position = ending.position
    time = ending.time
    guestStatus = ending.reason == .poweredOff ? ending.status : nil
  }

  /// Whether the exit status is the guest's own: output that was lost is not its doing.
  private func isGuests(_ status: ExitCode) -> Bool {
    end == .guestExit && guestStatus.map { ExitStatus.guest($0) } == status
  }

  fileprivate func sections(status: ExitCode, seconds: Double) -> [Section] {
    let end = end ?? (status == .success ? .good : .failure)
    let parts = part.map { [Section(record: $0.name, title: $0.title, $0.fields)] } ?? []
    return parts + [
      Section(
        record: "result", title: "Result",
        [
          (Column("command", "Command"), .text(command)),
          (Column("tool_version", "Version"), .text(ToolVersion.text)),
          (Column("end", "End"), .text(end.rawValue)),
          (Column("status_of", "Status of"), .text(isGuests(status) ? "guest" : "rrtool")),
          (Column("exit_status", "Exit status"), .integer(UInt64(status.rawValue))),
          (Column("guest_status", "Guest's status"), FieldValue(guestStatus.map(UInt64.init))),
          (Column("signal", "Signal"), FieldValue(signal.map { UInt64($0) })),
          (Column("position", "Position"), FieldValue(position)),
          (Column("time_ns", "Guest time (s)"), time.map { .time($0) } ?? .none),
          (Column("host_seconds", "Seconds"), .decimal(seconds, places: 3)),
          (Column("recording", "Recording"), FieldValue(recording)),
          (Column("recorded_end", "Recorded end"), FieldValue(recordedEnd?.rawValue)),
          (Column("is_same", "Same as recorded"), FieldValue(isSame)),
          (Column("is_stop_on_met", "Said what --stop-on waits for"), FieldValue(isStopOnMet)),
          (Column("round", "Round"), FieldValue(round)),
          (Column("console_tail", "Console", holdsData: true), consoleTail.map { .data($0) } ?? .none),
          (Column("message", "Message"), FieldValue(message)),
          (Column("errors", "Errors"), errors.isEmpty ? .none : .list(errors)),
        ]),
      Section(
        table: "digests", title: "Digests",
        columns: [Column("component", "Component"), Column("digest", "Digest")],
        rows: digests.map { [.text($0.part), .digest($0.digest)] }),
    ]
  }
}
