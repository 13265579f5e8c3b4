import Emulator
import ReplayLog

/// Why a replay could not go on.
public enum ReplayError: Error, Equatable, Sendable {
  case diverged(Divergence)
  case failed(Failure)
}

/// A place on a recording that can be moved: the machine as it was at any position of the run.
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
  }

  public let recording: Recording
  public let log: ReplayLogReader
  private let console: any ConsoleOutput
  private let engine: Machine.Engine
  private var session: ReplaySession
  private var ended: Stop?

  /// Opens the recording and stands at the snapshot `name`; nil: at the start.
  ///
  /// Everything is checked before anything runs: the log, the snapshot, the base images.
  public init(
    _ recording: Recording, from name: String? = nil, console: any ConsoleOutput = NullConsoleOutput(),
    engine: Machine.Engine = .automatic
  ) throws(Failure) {
    self.recording = recording
    self.console = console
    self.engine = engine
    log = try recording.openLog()
    for drive in recording.manifest.drives {
      try BaseImages.check(drive.bases, recording: recording.path)
    }
    session = try ReplaySession(
      recording, log: log, snapshot: name ?? recording.manifest.initialSnapshot, console: console,
      engine: engine)
  }

  /// Where the machine stands.
  public var now: Moment { session.machine.now }
  public var position: UInt64 { now.position }
  /// The last moment of the recording.
  public var end: Moment { Moment(log.last) }

  /// The snapshot that the machine was loaded from. Its drives are still read.
  package var origin: String { session.origin }

  /// The machine, to be looked at.
  package var machine: Machine { session.machine }

  /// Runs forward to exactly `position`, or without one to the end of the recording. Everything that the guest does is
  /// compared with the log; the first difference is thrown.
  ///
  /// - Parameter progress: called now and then with the position.
  @discardableResult
  public func run(
    until position: UInt64? = nil, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    defer { session.gate.flushConsole() }
    let machine = session.machine
    // Past the last event there is nothing to be replayed. A complete log ends with an event that takes no time. One
    // that was cut off may end with console output, whose later bytes come after its position: there the gate stops
    // the machine at the last byte.
    let (limit, isOverflow) = log.last.position.addingReportingOverflow(1)
    let last = isOverflow || !log.isComplete ? UInt64.max : limit
    while true {
      if let ended { return ended }
      let here = machine.now.position
      if let position, here >= position { return .position }
      progress(here)
      let boundary = nextBoundary(after: here)
      switch machine.run(until: min(position ?? .max, boundary, last)) {
      case .position:
        let now = machine.now
        if now.position == boundary, session.gate.next != nil {
          session.gate.meetDigests(session.machine.digests(), names: machine.digestNames, at: now)
        } else if now.position == last {
          session.gate.noteOverrun(at: now)
        }
        try stopIfTold()
      case .stopPoint: preconditionFailure("none is set")
      case .requested:
        try stopIfTold()
        if session.gate.stopReason == .endReached { ended = try finish(nil) }
      case .poweredOff(let status):
        try stopIfTold()
        session.gate.meetPowerOff(status: status, at: machine.now)
        ended = try finish(.poweredOff(status: status))
      }
    }
  }

  /// Goes to exactly `position`, forward or back: from here, or from the nearest snapshot before it.
  @discardableResult
  public func seek(
    to position: UInt64, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    try approach(position)
    return try run(until: position, progress: progress)
  }

  /// Goes to the nearest place that is known, here or a snapshot, from which `position` lies ahead.
  package func approach(_ position: UInt64) throws(ReplayError) {
    do throws(Failure) {
      let best = try SnapshotStore(recording).list()
        .filter { $0.isComplete && $0.moment.position <= position }
        .max { $0.moment.position < $1.moment.position }
      let here = self.position
      if ended != nil || here > position || (best?.moment.position ?? 0) > here {
        session = try ReplaySession(
          recording, log: log, snapshot: best?.name ?? recording.manifest.initialSnapshot, console: console,
          engine: engine)
        ended = nil
      }
    } catch {
      throw .failed(error)
    }
  }

  /// Makes a snapshot of where the machine stands.
  public func createSnapshot(_ name: String) throws(Failure) {
    guard ended == nil else {
      throw Failure(
        .usage, "snapshot \(name)", "the recorded run is over here: nothing could go on from it",
        remedy: "choose an earlier position")
    }
    let state = VMState(
      moment: now, machine: session.machine.saveState(), digests: session.machine.digests(),
      nextEvent: session.gate.next?.number ?? log.eventCount, matchedOutput: session.gate.matchedOutput,
      pending: session.gate.pendingResults)
    try SnapshotStore(recording).create(
      name,
      SnapshotStore.Contents(
        state: state, memory: session.machine.memory, parent: session.origin,
        pages: session.listChangedPages(),
        drives: session.scratch))
  }

  /// The position that an expression means on this recording, for a move from the start of a command: `+N` counts from
  /// where the timeline stands, `-N` from the recording's end.
  public func resolve(_ expression: PositionExpression) throws(Failure) -> UInt64 {
    let current: UInt64? = if case .backward = expression { nil } else { position }
    return try expression.resolve(in: Self.context(of: recording, log: log, current: current))
  }

  /// What expressions are worked out from, without a replay.
  public static func context(
    of recording: Recording, log: ReplayLogReader, current: UInt64?
  ) -> PositionExpression.Context {
    PositionExpression.Context(
      current: current, end: log.last.position,
      event: { (number) throws(Failure) in
        let cursor = log.makeCursor()
        return try withLogFailures({ () throws(ReplayLogError) in
          try cursor.seek(toEvent: number)
          return try cursor.next()?.position
        })
      },
      snapshot: { (name) throws(Failure) in
        try SnapshotStore(recording).list().first { $0.name == name }?.moment.position
      })
  }

  // MARK: Steps

  /// The next position at which the recorder digested the machine's state.
  private func nextBoundary(after position: UInt64) -> UInt64 {
    let interval = recording.manifest.digestInterval
    let (product, isProductTooLarge) = (position / interval).addingReportingOverflow(1)
    let (boundary, isTooLarge) = product.multipliedReportingOverflow(by: interval)
    return isProductTooLarge || isTooLarge ? .max : boundary
  }

  /// Looks at why the gate stopped the machine; an end that is still to be checked is none.
  private func stopIfTold() throws(ReplayError) {
    switch session.gate.stopReason {
    case nil, .endReached?: break
    case .logExhausted?: ended = try log.isComplete ? endedTooEarly() : .incomplete
    case .diverged(let divergence)?: throw .diverged(divergence)
    case .failed(let failure)?: throw .failed(failure)
    }
  }

  /// Compares the end of the run with the log's; `end` is how this run ended, nil when it did not by itself.
  private func finish(_ end: LogEnd?) throws(ReplayError) -> Stop {
    let gate = session.gate
    let now = session.machine.now
    if case .digest? = gate.next?.payload {
      gate.meetDigests(session.machine.digests(), names: session.machine.digestNames, at: now)
      try stopIfTold()
    }
    if gate.next == nil { return log.isComplete ? try endedTooEarly() : .incomplete }
    let found = gate.meetEnd(end, at: now)
    try stopIfTold()
    guard let found else { return try endedTooEarly() }
    return .end(found)
  }

  private func endedTooEarly() throws(ReplayError) -> Stop {
    throw .failed(
      Failure(
        .damaged, log.path, "is closed, and does not say how the run ended",
        remedy: "restore it from a copy, or record again"))
  }
}
