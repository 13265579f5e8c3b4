// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem
import RecordingStore

/// Recording again and again until a run fails.
extension RecordCommand {
  /// The most rounds there may be; nil without `--until-failure`.
  func rounds() throws(Failure) -> UInt64? {
    guard let untilFailure else { return nil }
    let rounds = untilFailure == Self.unlimited ? .max : UInt64(untilFailure)
    guard let rounds, rounds > 0 else {
      throw Failure(
        .usage, "--until-failure \(untilFailure)", "is not a number of rounds",
        remedy: "give one such as --until-failure=100, or none")
    }
    func refuse(_ option: String, _ problem: String) -> Failure {
      Failure(.usage, option, problem, remedy: "leave it out, or record once without --until-failure")
    }
    if monitor.qmp != nil || monitor.paused {
      throw refuse("--until-failure", "goes by itself, without --qmp and --paused")
    }
    if try options.timing().logPath != nil {
      throw refuse("--icount rrfile", "is one log, and --until-failure records many runs")
    }
    return rounds
  }

  func recordUntilFailure(atMost rounds: UInt64, _ outcome: Outcome) throws {
    // What reads the input is a thread that begins before the first run.
    StopSignals.prepare()
    let input = options.serial.hasPrefix("stdio") ? SharedInput() : nil
    var target: String?
    say(
      "recording until a run fails: each has random numbers of its own, and input, clock and drives in their own time"
    )
    for round in 1...rounds {
      // With random numbers of its own.
      let guest = try options.guest()
      try check(guest)
      let place = try target ?? self.target(guest)
      if target == nil, force { try Recording.checkIsReplaceable(place) }
      target = place
      // What stands there stays until a round has failed.
      let work = force ? Recording.waitingPlace(for: place) : place
      outcome.set { $0.round = round }
      let result = try naming(place, for: work) {
        try record(guest, to: work, as: place, tellingLatest: false, input: input, outcome)
      }
      guard result.isFailure || result.failure != nil || result.ending.kind == .interrupted else {
        outcome.note(result)
        try Recording.remove(at: work)
        say("round \(round.grouped): \(result.ending.summary); not kept")
        // A signal that came when nothing ran any more is for all rounds.
        if !StopSignals.forget() {
          outcome.set { facts in
            facts.end = .interrupted
            facts.recording = nil
          }
          throw ExitStatus.signal(StopSignals.last)
        }
        continue
      }
      let verdict = result.isFailure ? "failed" : "did not come to its end"
      if !result.isFailure, force, HostFiles.kind(of: place) != nil {
        // The one of an earlier failure is worth more.
        try Recording.remove(at: work)
        outcome.set { $0.recording = nil }
        say("round \(round.grouped) \(verdict): \(result.ending.summary); not kept, \(place) stays")
      } else {
        if force { try Recording.replace(place, with: work) }
        Self.setLatest(place)
        say("round \(round.grouped) \(verdict): \(result.ending.summary); recorded \(place)")
      }
      try result.leave(outcome)
      if result.ending.kind == .match { throw ExitStatus.matched }
      return
    }
    outcome.set { $0.recording = nil }
    say("no round of \(rounds.grouped) failed")
  }

  /// A failure in terms of the name that the user gave.
  private func naming<Result>(_ place: String, for work: String, _ body: () throws -> Result) throws -> Result
  {
    do {
      return try body()
    } catch var failure as Failure where failure.subject.hasPrefix(work) {
      failure.subject = place + failure.subject.dropFirst(work.count)
      throw failure
    }
  }

  private func check(_ guest: Guest) throws(Failure) {
    guard guest.drives.contains(where: { $0.overlay != .automatic }) else { return }
    throw Failure(
      .usage, "--drive", "with overlay= keeps what a round writes, and the next one would find it",
      remedy: "leave out overlay=, or --until-failure")
  }
}

extension RunResult {
  /// Whether the run is one that `--until-failure` looks for.
  fileprivate var isFailure: Bool {
    switch ending.kind {
    case .deadlock, .lost, .limit, .timeout, .match: true
    case .guestExit: ending.status != 0
    default: false
    }
  }
}
