// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Execution
import HostSystem
import RecordingStore
import ReplayLog

/// A place on a recording that can be moved: the machine as it was at any position of the run.
///
/// To stand at a position means to stand before what arrives there: the instructions before it are executed, input and
/// answers of drives that belong to the position have not come yet, and time has not been skipped there. So there is one state
/// for each position, however it was reached.
///
/// It belongs to one thread. The recording is only read, except by `createSnapshot`.
public final class Timeline {
  /// Why `run` came back.
  public enum Stop: Equatable, Sendable {
    /// The position asked for is reached; what arrives there has not arrived yet.
    case position
    /// The recorded run ends here, and the replay was the same to the end.
    case end(LogEnd)
    /// The recorder was killed; the replay was the same up to the last event that it left.
    case incomplete
    /// The machine was changed, and the recording has nothing more for what became of it. The text says why.
    case forkEnded(String)
    /// A stop point was met.
    case stopPoint(StopPointHit)
    /// The console said what `stop(on:)` waits for.
    case match
  }

  public let recording: Recording
  public internal(set) var log: ReplayLogReader
  /// The position that it was opened to be sent to first; without one, where it stood at first.
  public let goal: UInt64
  /// Whether and where checkpoints are taken.
  public let policy: CheckpointPolicy?
  let console: any ConsoleOutput
  let engine: Machine.Engine
  var session: ReplaySession
  var ended: Stop?
  /// A move broke off in its middle: the machine stands nowhere.
  var isLost = false
  /// Called when the machine is reset on its way, and whether the guest did it.
  package var hearReset: (_ byGuest: Bool) -> Void = { _ in } {
    didSet { session.gate.hearReset = hearReset }
  }
  /// Complete snapshots by position, as they were when they were last looked for.
  var knownSnapshots: [Snapshot]
  /// Where the machine of a recording that is being made stands; nil for any other one.
  var present: Moment?
  /// Where its snapshots are: what lies on disk is still being written.
  var presentSnapshot: (_ name: String) -> UInt64? = { _ in nil }
  /// Something has arrived there already, which a run to that position stands before.
  var isPresentMidway = false

  /// Opens the recording and stands at the snapshot `name`; nil: at the start.
  ///
  /// Everything is checked before anything runs: the log, the snapshot, the base images.
  ///
  /// - Parameters:
  ///   - place: where it will be sent first, seen from `name`: it stands at the last snapshot before that instead, so that no
  ///     other is loaded.
  ///   - checkpoints: for moving back at once; nil: only snapshots are gone back to, and running forward costs
  ///     nothing for it.
  public init(
    _ recording: Recording, from name: String? = nil, near place: PositionExpression? = nil,
    console: any ConsoleOutput = NullConsoleOutput(), engine: Machine.Engine = .automatic,
    checkpoints policy: CheckpointPolicy? = nil
  ) throws(Failure) {
    self.recording = recording
    self.console = console
    self.engine = engine
    self.policy = policy
    log = try recording.openLog()
    let goal = try place.map { [log] (place) throws(Failure) in
      try Self.resolve(place, on: recording, log: log, from: name)
    }
    // The snapshot is loaded meanwhile.
    let bases = BaseImageCheck(recording)
    let loaded = Result { [log, goal] () throws(Failure) in
      let snapshots = try Self.snapshots(of: recording)
      let nearest = goal.flatMap { goal in snapshots.last { $0.moment.position <= goal }?.name }
      let session = try ReplaySession(
        recording, log: log, snapshot: nearest ?? name ?? recording.manifest.initialSnapshot,
        console: console, engine: engine, checkpoints: policy)
      return (snapshots, session)
    }
    // Over a wrong image nothing that went wrong besides is of interest.
    try bases.verdict()
    (knownSnapshots, session) = try loaded.get()
    self.goal = goal ?? session.machine.now.position
  }

  /// On the machine of a recording that is being made, which it is lent.
  init(
    of recording: Recording, log: ReplayLogReader, session: ReplaySession, console: any ConsoleOutput,
    engine: Machine.Engine, checkpoints policy: CheckpointPolicy
  ) {
    self.recording = recording
    self.log = log
    self.session = session
    self.console = console
    self.engine = engine
    self.policy = policy
    knownSnapshots = []
    goal = session.machine.now.position
  }

  /// Where the machine stands.
  public var now: Moment { session.machine.now }
  public var position: UInt64 { now.position }
  /// The first position of the recording that can be gone to.
  public var start: UInt64 {
    knownSnapshots.first?.moment.position ?? session.checkpoints?.positions.first ?? 0
  }
  /// The last moment of the recording; of one that is being made, where it has come to.
  public var end: Moment { present ?? Moment(log.last) }
  /// It stands where a recording that is being made has come to.
  package var isAtPresent: Bool { present.map { !isForked && position >= $0.position } ?? false }
  /// The machine was changed: it is not the recorded one until the next `seek`.
  public var isForked: Bool { session.gate.isForked }

  /// The machine's state where it stands, by part.
  public var digests: [StateDigest] { machine.namedDigests }

  /// The machine, to be looked at. Changes go through `change`.
  package var machine: Machine { session.machine }

  /// From here on a motion stops with `.match` where the console says what `pattern` matches, once; not on a timeline that was gone back on.
  public func stop(on pattern: BytePattern?) { session.gate.stop(on: pattern) }

  /// Runs forward to exactly `position`, or without one to the end of the recording. Everything that the guest does is
  /// compared with the log; the first difference is thrown, unless the machine was changed.
  ///
  /// - Parameters:
  ///   - goal: where it goes after `position`, if it is a part of a longer way: checkpoints are placed with
  ///     regard to it.
  ///   - stopPoints: where to stop on the way.
  ///   - ignoringBreakpointHere: not to stop before the first instruction that is executed, as `Machine.run` has it.
  ///   - progress: called now and then with the position.
  @discardableResult
  public func run(
    until position: UInt64? = nil, towards goal: UInt64? = nil, stopPoints: StopPoints = StopPoints(),
    ignoringBreakpointHere: Bool = false, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    try advance(until: position, towards: goal, stopPoints, ignoringBreakpointHere, progress) {
      $0.run(until: $1, ignoringBreakpointHere: $2)
    }
  }

  /// Does what belongs to this position but its instruction, as `Machine.settle` has it: `.position` when there is one.
  public func settle() throws(ReplayError) -> Stop {
    session.machine.stopPoints = StopPoints()
    return try advance(
      until: nil, towards: position, isMotion: false, { _ in }, { machine, _ in machine.settle() })
  }

  /// Runs until the next instruction is one of `hart`, settled, as `Machine.settle(hart:)` has it.
  public func settle(
    hart: Int, until position: UInt64? = nil, stopPoints: StopPoints = StopPoints(),
    ignoringBreakpointHere: Bool = false, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    let goal = position ?? self.position
    return try advance(until: position, towards: goal, stopPoints, ignoringBreakpointHere, progress) {
      $0.settle(hart: hart, until: $1, ignoringBreakpointHere: $2)
    }
  }

  /// Runs until `hart` has executed an instruction, as `Machine.step` has it.
  public func step(
    hart: Int, until position: UInt64? = nil, stopPoints: StopPoints = StopPoints(),
    ignoringBreakpointHere: Bool = false, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    let goal = position ?? self.position
    return try advance(until: position, towards: goal, stopPoints, ignoringBreakpointHere, progress) {
      $0.step(hart: hart, until: $1, ignoringBreakpointHere: $2)
    }
  }

  /// Runs forward by means of `move`, which stops at stop points; its first call alone may pass over a breakpoint here.
  private func advance(
    until position: UInt64?, towards goal: UInt64?, _ stopPoints: StopPoints,
    _ ignoringBreakpointHere: Bool, _ progress: (UInt64) -> Void,
    _ move: (Machine, _ limit: UInt64, _ ignoringBreakpointHere: Bool) -> Machine.Stop
  ) throws(ReplayError) -> Stop {
    session.machine.stopPoints = stopPoints
    var ignores = ignoringBreakpointHere
    return try advance(until: position, towards: goal, progress) { machine, limit in
      defer { ignores = false }
      return move(machine, limit, ignores)
    }
  }

  /// Runs forward by means of `move`, which has the machine run to a limit at most.
  private func advance(
    until position: UInt64?, towards goal: UInt64?, isMotion: Bool = true, _ progress: (UInt64) -> Void,
    _ move: (Machine, _ limit: UInt64) -> Machine.Stop
  ) throws(ReplayError) -> Stop {
    defer {
      session.gate.handedOutput(before: self.position)
      session.checkpoints?.noteReached(self.position, isForked: isForked)
    }
    let machine = session.machine
    // Past the last event there is nothing to be replayed. A complete log ends with an event that takes no time. One
    // that was cut off may end with console output, whose later bytes come after its position: there the gate stops
    // the machine at the last byte.
    let (limit, isOverflow) = log.last.position.addingReportingOverflow(1)
    let present = isForked ? nil : self.present?.position
    let last = present ?? (isOverflow || !log.isComplete ? UInt64.max : limit)
    while true {
      // The byte may have been written by the last instruction before a place where the machine stops anyway.
      if session.gate.hasMatched {
        session.gate.passMatch()
        return .match
      }
      if let ended { return ended }
      // What arrives at a position may have arrived already, without a run.
      try stopIfTold()
      if session.gate.stopReason == .endReached { ended = try finish(nil) }
      if let ended { return ended }
      let here = machine.now.position
      if let position, here >= position { return .position }
      // Nothing has happened beyond.
      if isMotion, let present, here >= present { return .end(.interrupted) }
      progress(here)
      let boundary = nextBoundary(after: here)
      let checkpoint = tendCheckpoints(towards: goal ?? position ?? log.last.position)
      let target = min(position ?? .max, boundary, last, checkpoint ?? .max)
      func noteIfReached() throws(ReplayError) {
        // Stopped in the middle of what belongs to a position, the machine has passed its start before.
        guard machine.now.position == target, machine.isAtStartOfPosition else { return try stopIfTold() }
        try noteReached(
          target, isBoundary: target == boundary, isTooFar: target == last && present == nil)
      }
      switch move(machine, target) {
      case .position:
        try noteIfReached()
        if machine.isGoalReached, ended == nil { return .position }
      case .stopPoint(let hit):
        try noteIfReached()
        if ended == nil { return .stopPoint(hit) }
      case .requested:
        try stopIfTold()
        if session.gate.stopReason == .endReached {
          ended = try finish(nil)
        } else if session.gate.hasMatched {
          continue
        } else if session.gate.hasMetPresent {
          session.gate.passPresent()
          return .end(.interrupted)
        } else if machine.now.position == target {
          // The checkpoints had it stop; it need not go on to be where it was to go.
          try noteReached(
            target, isBoundary: target == boundary, isTooFar: target == last && present == nil)
        }
      case .poweredOff(let status):
        try stopIfTold()
        session.gate.meetPowerOff(status: status, at: machine.now)
        ended = try finish(.poweredOff(status: status))
      }
    }
  }

  // MARK: Steps

  /// The next position at which the recorder digested the machine's state.
  private func nextBoundary(after position: UInt64) -> UInt64 {
    let interval = recording.manifest.digestInterval
    let (product, isProductTooLarge) = (position / interval).addingReportingOverflow(1)
    let (boundary, isTooLarge) = product.multipliedReportingOverflow(by: interval)
    return isProductTooLarge || isTooLarge ? .max : boundary
  }

  /// The machine stands at `position`, where it was told to go, before what arrives there.
  private func noteReached(_ position: UInt64, isBoundary: Bool, isTooFar: Bool) throws(ReplayError) {
    let (gate, machine) = (session.gate, session.machine)
    if isBoundary, gate.next != nil, !isForked {
      gate.meetDigests(machine.digests(), names: machine.digestNames, at: machine.now)
    } else if isTooFar {
      gate.noteOverrun(at: machine.now)
    }
    try stopIfTold()
    noteCheckpointReached()
  }

  /// Looks at why the gate stopped the machine; an end that is still to be checked is none.
  private func stopIfTold() throws(ReplayError) {
    switch session.gate.stopReason {
    case nil, .endReached?: break
    case .logExhausted? where isForked: ended = .forkEnded("the recording ends here")
    case .logExhausted?: ended = try log.isComplete ? endedTooEarly() : brokenOff()
    case .diverged(let divergence)? where isForked: ended = .forkEnded(divergence.forkDescription)
    case .diverged(let divergence)?: throw .diverged(divergence)
    case .failed(let failure)?: throw .failed(failure)
    }
  }

  /// Compares the end of the run with the log's; `end` is how this run ended, nil when it did not by itself.
  private func finish(_ end: LogEnd?) throws(ReplayError) -> Stop {
    if isForked {
      if let ended { return ended }
      guard case .poweredOff(let status)? = end else { return .forkEnded("the recording ends here") }
      return .forkEnded("the guest switched itself off with status \(status)")
    }
    if present != nil { return .end(end ?? .interrupted) }
    let gate = session.gate
    let now = session.machine.now
    if case .digest? = gate.next?.payload {
      gate.meetDigests(session.machine.digests(), names: session.machine.digestNames, at: now)
      try stopIfTold()
    }
    if gate.next == nil { return try log.isComplete ? endedTooEarly() : brokenOff() }
    let found = gate.meetEnd(end, at: now)
    try stopIfTold()
    guard let found else { return try endedTooEarly() }
    return .end(found)
  }

  /// The log ends in the middle of the run: its recorder was killed, unless the manifest knows better.
  private func brokenOff() throws(ReplayError) -> Stop {
    if let failure = recording.lossFailure(of: log) { throw .failed(failure) }
    return .incomplete
  }

  private func endedTooEarly() throws(ReplayError) -> Stop {
    throw .failed(
      Failure(
        .damaged, log.path, "is closed, and does not say how the run ended",
        remedy: "restore it from a copy, or record again"))
  }
}
