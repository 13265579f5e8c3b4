// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import GDBRemote
import HostSystem
import ReplayLog
import TimeTravel

/// A run that is being recorded as a debugger's target: what it has come from as a timeline, and beyond it the run itself.
///
/// Whenever the debugger has the machine stopped, it stands in the timeline. A motion forward that comes to the timeline's end goes on
/// with the run: there it either runs until something stops it, or gets the timeline a little further, on which the motion
/// is then made as on any recording. So it stops where it would stop in the replay.
public final class LiveTarget: DebugTarget {
  let history: LiveHistory
  let inner: TimelineTarget
  let control: RunControl
  /// Before the machine goes on, and whenever it has been woken: has the debugger wake it again.
  private let listen: () -> Void
  /// While the machine is visited.
  private var loop: LiveLoop?
  private var stoppedSince: UInt64?

  /// - Parameter listen: has what the client says from here on nudge the inbox.
  package init(
    _ history: LiveHistory, console: DebugConsole, control: RunControl, listen: @escaping () -> Void
  ) {
    self.history = history
    self.control = control
    self.listen = listen
    inner = TimelineTarget(history.timeline, console: console)
  }

  // MARK: A visit

  /// Stops the run for a debugger, within a visit.
  package func begin(_ loop: LiveLoop) throws(Failure) {
    self.loop = loop
    try stop()
    try settle()
  }

  /// Lets the run go on without the debugger.
  package func end() {
    goOn()
    loop = nil
  }

  /// Waits until the client says something, or the run is to end: false.
  package func waitForClient() -> Bool {
    let inbox = control.inbox
    while true {
      listen()
      guard inbox.waitForRequest() else { return false }
      guard inbox.hasRequests else {
        control.servePending(history.recorder)
        return true
      }
      // Whoever asks meanwhile sees the machine where the run has come to.
      do throws(Failure) {
        try history.atPresent { control.servePending(history.recorder) }
      } catch {
        inner.notice(error.description)
        return false
      }
    }
  }

  private func stop() throws(Failure) {
    control.hold(for: "a debugger")
    if control.state != .paused { control.become(.paused) }
    if stoppedSince == nil { stoppedSince = HostClock.monotonic() }
    try history.leave()
  }

  private func goOn() {
    history.comeBack()
    if let since = stoppedSince { loop?.passPause(HostClock.monotonic() - since) }
    stoppedSince = nil
    control.hold(for: nil)
    if control.state != .running { control.become(.running) }
  }

  private func settle() throws(Failure) {
    try withReplayFailures { () throws(ReplayError) in
      try inner.goBack(to: history.timeline.end.position)
    }
  }

  // MARK: Motion

  public func resume(_ motion: Motion, stops: RequestedStops, control client: MotionControl) -> StopReport {
    let before = inner.trail
    let start = history.timeline.position
    let report = inner.resume(motion, stops: stops, control: client)
    guard report.cause == .endOfHistory, !history.timeline.isForked, let loop else { return report }
    let end = history.timeline.end.position
    do throws(Failure) {
      // Who is at the end of a run that is over, and goes on, leaves it.
      if loop.outcome != nil { return start == end ? exit(loop) : report }
      if motion == .run(.forward) {
        // What it leaves for the next motion belongs to where the run has come to.
        defer { inner.trail.end(stops, at: history.timeline.position) }
        return try run(loop, stops, after: before, ignoring: start == end ? end : nil, client)
      }
      return try extend(loop, motion, stops, from: start, after: before, client)
    } catch {
      client.say("\(error.description)\n")
      return StopReport(hart: currentHart, cause: .interrupted)
    }
  }

  /// The run goes on until something stops it.
  private func run(
    _ loop: LiveLoop, _ stops: RequestedStops, after before: MotionTrail,
    ignoring passed: UInt64?, _ client: MotionControl
  ) throws(Failure) -> StopReport {
    let machine = history.recorder.machine
    let points = TimelineTarget.points(stops)
    var passed = passed
    goOn()
    while true {
      if serve(client) {
        try stop()
        try settle()
        return StopReport(hart: currentHart, cause: .interrupted)
      }
      machine.stopPoints = points
      if passed != machine.now.position { passed = nil }
      switch loop.turn(ignoringBreakpointHere: passed != nil) {
      case .goesOn: continue
      case .over: return try finish(loop)
      case .stopPoint(let hit):
        if hit.cause == .breakpoint { passed = hit.position }
        guard inner.accepts(hit, after: before, client) else { continue }
        // Within a position there is no checkpoint: to the next one.
        machine.stopPoints = StopPoints()
        while !machine.isAtStartOfPosition, loop.outcome == nil {
          loop.servePending()
          _ = loop.turn(until: machine.now.position + 1)
        }
        if isEndedByHost(loop) { return try finish(loop) }
        try stop()
        let report = try withReplayFailures { () throws(ReplayError) in try inner.arrive(at: hit) }
        if let report { return report }
        passed = nil
        goOn()
      }
    }
  }

  /// Has the run go on as far as a step needs, and makes that on the timeline.
  private func extend(
    _ loop: LiveLoop, _ motion: Motion, _ stops: RequestedStops, from start: UInt64,
    after before: MotionTrail, _ client: MotionControl
  ) throws(Failure) -> StopReport {
    let machine = history.recorder.machine
    var distance: UInt64 = 1
    var isInterrupted = false
    while true {
      goOn()
      let goal = machine.now.position + distance
      while machine.now.position < goal, loop.outcome == nil, !isInterrupted {
        isInterrupted = serve(client)
        if !isInterrupted { _ = loop.turn(until: goal) }
      }
      if isEndedByHost(loop) { return try finish(loop) }
      try stop()
      try withReplayFailures { () throws(ReplayError) in try inner.goBack(to: start) }
      inner.trail = before
      let report = inner.resume(motion, stops: stops, control: client)
      guard report.cause == .endOfHistory else { return report }
      if loop.outcome != nil { return try finish(loop) }
      if isInterrupted {
        try settle()
        return StopReport(hart: currentHart, cause: .interrupted)
      }
      distance = min(2 * distance, Self.longestExtension)
    }
  }

  /// Instructions by which a step has the run go on at once at most.
  private static let longestExtension: UInt64 = 1_000_000

  /// Does what other threads ask for, and waits while a monitor has the machine paused. True: the client wants it to stop.
  private func serve(_ client: MotionControl) -> Bool {
    let run = history.recorder
    var pausedSince: UInt64?
    defer {
      if let pausedSince { loop?.passPause(HostClock.monotonic() - pausedSince) }
    }
    while true {
      control.servePending(run)
      // Who ends the run ends the motion too, and the client is told that.
      if control.inbox.isStopRequested { return false }
      if client.isInterrupted() { return true }
      listen()
      if control.state.isRunning { return false }
      if pausedSince == nil {
        run.settle()
        pausedSince = HostClock.monotonic()
      }
      guard control.inbox.waitForRequest() else { return false }
    }
  }

  /// The run is over by something that nobody wants to look at.
  private func isEndedByHost(_ loop: LiveLoop) -> Bool {
    switch loop.outcome?.end {
    case .interrupted?, .failed?: true
    default: false
    }
  }

  private func exit(_ loop: LiveLoop) -> StopReport {
    var status: UInt32 = 0
    if case .poweredOff(let code)? = loop.outcome?.end { status = code }
    return StopReport(hart: 0, cause: .exited(status: UInt8(truncatingIfNeeded: status)))
  }

  /// The run has just come to its end. What it came from can still be looked at, until the client wants to go on.
  private func finish(_ loop: LiveLoop) throws(Failure) -> StopReport {
    if isEndedByHost(loop) { return exit(loop) }
    try stop()
    try settle()
    inner.notice(
      "The run is over here: \(loop.outcome.map { Self.describe($0.end) } ?? ""). Going on ends the recording."
    )
    return StopReport(hart: currentHart, cause: .endOfHistory)
  }

  private static func describe(_ end: LogEnd) -> String {
    switch end {
    case .poweredOff(let status): "the machine was switched off with status \(status)"
    case .limit: "it has executed as many instructions as it may"
    case .stalled: "nothing can happen any more"
    case .interrupted, .failed: "it was ended"
    }
  }

  // MARK: The machine where it stands

  public var hartCount: Int { inner.hartCount }
  public var currentHart: Int { inner.currentHart }
  public var registers: RegisterSet { inner.registers }
  public func describe(hart: Int) -> String { inner.describe(hart: hart) }
  public func readRegister(_ number: Int, hart: Int) -> UInt64? { inner.readRegister(number, hart: hart) }
  public func writeRegister(_ number: Int, hart: Int, value: UInt64) -> Bool {
    inner.writeRegister(number, hart: hart, value: value)
  }
  public func readMemory(at address: UInt64, count: Int, hart: Int) -> [UInt8] {
    inner.readMemory(at: address, count: count, hart: hart)
  }
  public func writeMemory(at address: UInt64, _ bytes: ArraySlice<UInt8>, hart: Int) -> Bool {
    inner.writeMemory(at: address, bytes, hart: hart)
  }
  public func takeNotices() -> [String] { inner.takeNotices() }

  public func monitor(_ command: String, hart: Int, control client: MotionControl) {
    let words = command.split(separator: " ").map(String.init)
    guard words.first == "snapshot", words.count == 2 else {
      return inner.monitor(command, hart: hart, control: client)
    }
    do throws(Failure) {
      try saveSnapshot(words[1])
      client.say("Snapshot \(words[1]) at position \(history.timeline.position.grouped)\n")
    } catch {
      client.say("\(error.description)\n")
    }
  }

  /// Of where the run has come to: what lies before is not to be had any more as the recording's images have it.
  private func saveSnapshot(_ name: String) throws(Failure) {
    let timeline = history.timeline
    guard loop?.outcome == nil else {
      throw Failure(
        .usage, "snapshot \(name)", "the run is over here: nothing could go on from it",
        remedy: "make one with 'rrtool snapshot create' when the recording has ended")
    }
    guard timeline.position == timeline.end.position, !timeline.isForked else {
      throw Failure(
        .usage, "snapshot \(name)", "the guest is recorded, and a snapshot is of where it has come to",
        remedy: "type 'seek end' first, or make it with 'rrtool snapshot create' when the recording has ended"
      )
    }
    var problem: Failure?
    try history.atPresent {
      do throws(Failure) {
        try control.saveSnapshot(name, of: history.recorder)
      } catch {
        problem = error
      }
    }
    if let problem { throw problem }
  }
}
