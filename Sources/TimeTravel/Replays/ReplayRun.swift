// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import RecordingStore

/// A replay that somebody may break into: the timeline moves in slices, and between two of them it does what was asked
/// for.
public final class ReplayRun {
  /// Instructions between two looks at what was asked for: a few milliseconds' worth.
  private static let slice: UInt64 = 2_000_000

  public let timeline: Timeline
  private let control: RunControl
  private let name: String
  /// Whether the end of the recording is a place to stand at, and not the end of the run.
  private let staysAtEnd: Bool
  /// Where the command line wants the run to end.
  private var target: UInt64?
  package private(set) var breakPosition: UInt64?
  private var seekTarget: UInt64?
  /// A seek has not begun yet.
  private var isSeekNew = false

  /// - Parameters:
  ///   - target: where the replay ends; nil: at the end of the recording.
  ///   - staysAtEnd: it is then paused instead, until somebody quits or has it go back.
  public init(_ timeline: Timeline, until target: UInt64?, staysAtEnd: Bool, control: RunControl) {
    self.timeline = timeline
    self.control = control
    self.target = target
    self.staysAtEnd = staysAtEnd
    name = HostFiles.lastName(of: timeline.recording.path)
    timeline.hearReset = { [control] byGuest in control.emit(.reset(byGuest: byGuest)) }
  }

  /// Replays until the target, the end, or until somebody ends it. What it answers is how it last stopped.
  public func run(progress: (UInt64) -> Void = { _ in }) throws(ReplayError) -> Timeline.Stop {
    control.begin()
    do throws(ReplayError) {
      let stop = try move(progress)
      control.end(.stopped)
      return stop
    } catch {
      control.end(.failed)
      throw error
    }
  }

  private func move(_ progress: (UInt64) -> Void) throws(ReplayError) -> Timeline.Stop {
    var last = Timeline.Stop.position
    while true {
      _ = control.serve(self)
      if control.inbox.isStopRequested { return last }
      if let seekTarget, isSeekNew { try timeline.approach(seekTarget) }
      isSeekNew = false
      let here = timeline.position
      progress(here)
      let (sliceEnd, isOverflow) = here.addingReportingOverflow(Self.slice)
      let goal = seekTarget ?? min(breakPosition ?? .max, target ?? .max)
      last = try timeline.run(
        until: min(goal, isOverflow ? .max : sliceEnd), towards: min(goal, endPosition))
      let now = timeline.position
      // On the way to where somebody wants to be, nobody waits for what the console says.
      if last == .match, seekTarget != nil { continue }
      guard last != .position || now == goal else { continue }
      if seekTarget == nil, last != .position || now == target, !staysAtEnd { return last }
      if now == breakPosition { breakPosition = nil }
      if now == target { target = nil }
      seekTarget = nil
      control.become(.paused)
    }
  }
}

extension ReplayRun: ControlledRun {
  package var machine: Machine { timeline.machine }
  package var facts: RunFacts {
    RunFacts(of: timeline.recording, kind: .replay(path: timeline.recording.path), name: name)
  }
  package var replay: (any ReplayControl)? { self }

  package func press(_ button: Arrival) throws(Failure) {
    throw Failure(
      .usage, "replay", "goes as it was recorded: nobody can press a button of the machine",
      remedy: "press it while recording, or in 'rrtool run'")
  }

  package func listSnapshots() throws(Failure) -> [Snapshot] {
    try SnapshotStore(timeline.recording).list()
  }

  package func saveSnapshot(_ name: String) throws(Failure) { try timeline.createSnapshot(name) }

  package func loadSnapshot(_ name: String) throws(Failure) {
    let snapshot = try SnapshotStore(timeline.recording).find(name)
    try seek(to: snapshot.moment.position)
  }

  package func deleteSnapshot(_ name: String) throws(Failure) {
    try timeline.deleteSnapshot(name)
  }
}

extension ReplayRun: ReplayControl {
  package var endPosition: UInt64 { timeline.end.position }

  package func setBreak(at position: UInt64) throws(Failure) {
    try check(position)
    guard position > timeline.position else {
      throw Failure(
        .usage, "replay-break",
        "position \(position.grouped) is not ahead: the replay stands at "
          + timeline.position.grouped, remedy: "go back with replay-seek first")
    }
    breakPosition = position
  }

  package func deleteBreak() throws(Failure) {
    guard breakPosition != nil else {
      throw Failure(.usage, "replay-delete-break", "there is no break", remedy: "set one with replay-break")
    }
    breakPosition = nil
  }

  package func seek(to position: UInt64) throws(Failure) {
    try check(position)
    seekTarget = position
    isSeekNew = true
    control.become(.running)
  }

  package func resolve(_ expression: PositionExpression) throws(Failure) -> UInt64 {
    // Both `+N` and `-N` count from where the replay stands.
    try expression.resolve(
      in: Timeline.context(of: timeline.recording, log: timeline.log, current: timeline.position))
  }

  private func check(_ position: UInt64) throws(Failure) {
    guard position <= endPosition else {
      throw Failure(
        .usage, "position \(position.grouped)",
        "lies beyond the recording, which ends at \(endPosition.grouped)",
        remedy: "give a position up to there")
    }
  }
}
