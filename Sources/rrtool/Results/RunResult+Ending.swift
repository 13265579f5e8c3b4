// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Execution
import RecordingStore

extension RunResult {
  /// Ends the command with the status that the run calls for.
  ///
  /// - Parameters:
  ///   - limitIsGoal: so many instructions were wanted, and no more: all went well when there are so many.
  ///   - goal: what the console was to say, if somebody waits for that: a guest that ends without it has not done well.
  func leave(_ outcome: Outcome, limitIsGoal: Bool = false, goal: String? = nil) throws {
    for name in lostSnapshots {
      say("snapshot \(name) is gone: the ring gave up the part of the run that it was of")
    }
    outcome.note(self)
    if let failure { throw failure }
    let isMissed = goal.map { outcome.note(goal: $0, isMet: ending.kind == .match) } ?? false
    let isGood = status == nil || limitIsGoal && ending.kind == .limit
    guard isGood else { throw status ?? ExitStatus.failed }
    // Whoever ended the run wants no more of it.
    if isMissed, ending.kind != .interrupted { throw ExitStatus.missed }
  }

  /// Nil when all went well.
  var status: ExitCode? {
    if failure != nil { return ExitStatus.failed }
    if let status = ending.guestStatus { return status }
    switch ending.kind {
    case .limit, .timeout: return ExitStatus.limit
    case .interrupted:
      guard case .signal(let number)? = stopCause else { return nil }
      return ExitStatus.signal(number)
    default: return nil
    }
  }
}

extension RecordingManifest.Ending {
  /// The guest could not have gone on.
  var isLost: Bool { reason == .idleForever || reason == .lost }

  /// What it was, for a script.
  var kind: EndKind {
    switch (reason, cause) {
    case (.interrupted, .timeout): .timeout
    case (.limit, .match): .match
    case (.poweredOff, _): .guestExit
    case (.interrupted, _): .interrupted
    case (.limit, _): .limit
    case (.idleForever, _): .deadlock
    case (.lost, _): .lost
    case (.failed, _): .failure
    }
  }

  /// The exit status of what the guest did itself: it reported one, or it can never go on. Nil for one that did well, and where
  /// somebody else ended the run.
  var guestStatus: ExitCode? {
    if isLost { return ExitStatus.lost }
    return reason == .poweredOff && status != 0 ? ExitStatus.guest(status) : nil
  }

  /// For people, in one line.
  var summary: String {
    let place = "at position \(position.grouped)"
    switch reason {
    case .poweredOff:
      return status == 0 ? "powered off \(place)" : "powered off with status \(status) \(place)"
    case .interrupted: return cause == .timeout ? "stopped \(place): its time was up" : "stopped \(place)"
    case .limit:
      return cause == .match
        ? "stopped \(place): the console said what was waited for" : "reached its limit \(place)"
    case .idleForever:
      return "stopped \(place): every hart waits for an interrupt, no timer is set and no input is attached"
        + (note.map { " (\($0))" } ?? "")
    case .lost: return "stopped \(place): the guest is lost: \(note ?? "nothing can change what it does")"
    case .failed: return "failed \(place)"
    }
  }
}
