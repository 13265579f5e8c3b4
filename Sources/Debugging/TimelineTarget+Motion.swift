// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import HostSystem
import TimeTravel

/// Going forward and back.
///
/// After every motion the machine is settled: what belongs to its position but its instruction has happened (arrivals, the
/// choice of the hart, interrupts), so that the `pc` shown is that of the instruction which comes next.
extension TimelineTarget {
  /// Instructions between two looks at whether to go on: some ten milliseconds' worth.
  private static let slice: UInt64 = 10_000_000

  public func resume(_ motion: Motion, stops: RequestedStops, control: MotionControl) -> StopReport {
    self.control = control
    defer {
      self.control = nil
      trail.end(stops, at: timeline.position)
      showProgress(nil)
    }
    do throws(ReplayError) {
      if let report = try keptStop(motion, stops, control) { return report }
      switch motion {
      case .step(let hart, .forward): return try finish(stepForward(hart, stops))
      case .step(let hart, .backward):
        let cause = try stepBackward(hart, stops)
        guard case .watchpoint = cause else { return try finish(cause) }
        return try finish(cause, of: hart)
      case .stepWithin(let hart, let range): return try finish(step(hart, within: range, stops))
      case .run(.forward):
        places.leave(timeline.position)
        return try finish(runForward(stops))
      case .run(.backward):
        places.leave(timeline.position)
        let (cause, hart) = try runBackward(stops)
        return try finish(cause, of: hart)
      }
    } catch {
      control.say("\(Failure(error))\n")
      return StopReport(hart: control.released(currentHart), cause: .stepped)
    }
  }

  /// Goes to a position, in slices, so that it can be interrupted.
  func seek(to position: UInt64, _ control: MotionControl) throws(Failure) {
    defer { showProgress(nil) }
    try withReplayFailures { () throws(ReplayError) in
      endBranch()
      trail.leave()
      try timeline.approach(position)
      let first = timeline.position
      while timeline.position < position {
        let stop = try timeline.run(until: min(position, timeline.position + Self.slice))
        if stop != .position { break }
        showProgress(Way(from: first, to: position, position: timeline.position))
        if control.isInterrupted() {
          control.say("Interrupted on the way to position \(position.grouped).\n")
          break
        }
      }
      _ = try timeline.settle()
    }
  }

  // MARK: Forward

  private func runForward(_ stops: RequestedStops) throws(ReplayError) -> StopReport.Cause {
    let points = Self.points(stops)
    let start = trail.beginRun(
      stops, at: timeline.position, hart: currentHart, isForked: timeline.isForked)
    if let position = start.position { try timeline.seek(to: position) }
    var isBehindBreakpoint = start.ignoresBreakpointHere
    var asked = timeline.position
    while true {
      let here = timeline.position
      if here - asked >= Self.slice {
        asked = here
        showProgress(Way(from: here, to: timeline.end.position, position: here))
        if isInterrupted { return .interrupted }
      }
      let stop = try showingConsole { () throws(ReplayError) in
        try timeline.run(
          until: here + Self.slice, stopPoints: points, ignoringBreakpointHere: isBehindBreakpoint)
      }
      isBehindBreakpoint = false
      switch stop {
      case .position: continue
      case .stopPoint(let hit):
        if let cause = try meet(hit, passed: start.passed) { return cause }
        isBehindBreakpoint = hit.cause == .breakpoint
      default: return ended(stop)
      }
    }
  }

  /// Until the hart has executed one instruction and its next one is to come. So stepping forward stands at the same places
  /// as stepping backward: where the hart is about to execute.
  private func stepForward(_ hart: Int, _ stops: RequestedStops) throws(ReplayError) -> StopReport.Cause {
    let points = Self.points(stops)
    let passed = trail.begin()
    let count = machine.executedCount(hart: hart)
    var isBehindBreakpoint = true
    var executedAt: UInt64?
    while true {
      let hasStepped = machine.executedCount(hart: hart) != count
      if hasStepped, executedAt == nil { executedAt = timeline.position }
      // Far enough for one that waits, to look around now and then.
      let limit = timeline.position + Self.slice
      let stop = try showingConsole { () throws(ReplayError) in
        hasStepped
          ? try timeline.settle(
            hart: hart, until: limit, stopPoints: points, ignoringBreakpointHere: isBehindBreakpoint)
          : try timeline.step(
            hart: hart, until: limit, stopPoints: points, ignoringBreakpointHere: isBehindBreakpoint)
      }
      isBehindBreakpoint = false
      switch stop {
      case .position:
        if hasStepped, machine.isGoalReached {
          if let executedAt { trail.stepped(stops, executed: executedAt, end: timeline.position) }
          return .stepped
        }
        if isInterrupted { return .interrupted }
      case .stopPoint(let hit):
        // Whether to stop at its own next instruction, gdb sees for itself.
        if hasStepped, hit.hart == hart, hit.cause == .breakpoint { return .stepped }
        if let cause = try meet(hit, passed: passed) { return cause }
        isBehindBreakpoint = hit.cause == .breakpoint
      default:
        // What it came to is seen without the run going on.
        if hasStepped, timeline.isAtPresent, try timeline.settle() == .position, currentHart == hart {
          if let executedAt { trail.stepped(stops, executed: executedAt, end: timeline.position) }
          return .stepped
        }
        return ended(stop)
      }
    }
  }

  private func step(
    _ hart: Int, within range: ClosedRange<UInt64>, _ stops: RequestedStops
  ) throws(ReplayError) -> StopReport.Cause {
    while true {
      let traps = machine.trapCount(hart: hart)
      let cause = try stepForward(hart, stops)
      trail.goesOn()
      guard cause == .stepped else { return cause }
      guard try timeline.settle() == .position else { return .endOfHistory }
      if !stepsIntoTraps, machine.trapCount(hart: hart) != traps {
        if let cause = try runThroughTrap(hart, stops) { return cause }
      }
      let pc = machine.programCounter(hart: hart)
      guard range.contains(pc), !stops.breakpoints.contains(where: { $0.address == pc }) else {
        return .stepped
      }
      if isInterrupted { return .interrupted }
    }
  }

  /// A trap came within the step of a line: an interrupt, a page that is not there yet, a call of the system below. To where the hart is
  /// back from it, in the same mode and on the same stack; whoever never comes back runs until something else ends that.
  ///
  /// Nil: it is back.
  private func runThroughTrap(
    _ hart: Int, _ stops: RequestedStops
  ) throws(ReplayError) -> StopReport.Cause? {
    let origin = machine.trapReturn(hart: hart)
    var points = Self.points(stops)
    // The instruction is executed again, or was done for it: whether it had two bytes or four, the places in between are none.
    let returns = [0, 2, 4].map { origin.programCounter &+ $0 }
    for address in returns where !stops.breakpoints.contains(where: { $0.address == address }) {
      points.breakpoints.append(StopPoints.Breakpoint(at: address, harts: 1 << UInt64(hart)))
    }
    var isBehindBreakpoint = false
    var asked = timeline.position
    while true {
      if timeline.position - asked >= Self.slice {
        asked = timeline.position
        showProgress(Way(from: asked, to: timeline.end.position, position: asked))
        if isInterrupted { return .interrupted }
      }
      let stop = try showingConsole { () throws(ReplayError) in
        try timeline.run(
          until: timeline.position + Self.slice, stopPoints: points,
          ignoringBreakpointHere: isBehindBreakpoint)
      }
      isBehindBreakpoint = false
      switch stop {
      case .position: continue
      case .stopPoint(let hit):
        if hit.cause == .breakpoint {
          isBehindBreakpoint = true
          if hit.hart == hart, returns.contains(hit.programCounter) {
            var place = machine.place(hart: hart)
            place.programCounter = origin.programCounter
            if place == origin { return nil }
          }
          guard stops.breakpoints.contains(where: { $0.address == hit.programCounter }) else { continue }
        }
        if let cause = try meet(hit, passed: nil) { return cause }
      default: return ended(stop)
      }
    }
  }

  /// Whether a stop point that was met on the way forward ends the motion. Before an access the machine is brought back, as
  /// gdb has it on this architecture.
  private func meet(_ hit: StopPointHit, passed: UInt64?) throws(ReplayError) -> StopReport.Cause? {
    guard counts(hit), hit.position != passed || hit.cause == .breakpoint else { return nil }
    guard control?.releases(hit.hart) ?? true else {
      keep(hit)
      return nil
    }
    guard case .watchpoint(let point, _) = hit.cause else { return .breakpoint }
    // A branch cannot be gone back in: there the access is made already.
    if timeline.isForked { return Self.cause(point) }
    try goBack(to: hit.position)
    trail.met(accessAt: hit.position)
    return Self.cause(point)
  }

  // MARK: What a motion needs

  var isInterrupted: Bool { control?.isInterrupted() ?? false }

  func goBack(to position: UInt64) throws(ReplayError) {
    try timeline.seek(to: position)
    _ = try timeline.settle()
  }

  /// Settles the machine, and says where it is.
  ///
  /// - Parameter hart: the one that made the access behind which it is, which gdb steps back over it. Where that was the last
  ///   instruction of its turn, another hart is next. Nil: the one that is next.
  private func finish(_ cause: StopReport.Cause, of hart: Int? = nil) throws(ReplayError) -> StopReport {
    if cause != .endOfHistory { _ = try timeline.settle() }
    return StopReport(hart: hart ?? control?.released(currentHart) ?? currentHart, cause: cause)
  }

  private func ended(_ stop: Timeline.Stop) -> StopReport.Cause {
    if case .forkEnded(let why) = stop { control?.say("The branch ends here: \(why)\n") }
    return .endOfHistory
  }

  private func showingConsole<Result>(
    _ body: () throws(ReplayError) -> Result
  ) throws(ReplayError) -> Result {
    console.show = { [self] bytes in control?.say(String(decoding: bytes, as: UTF8.self)) }
    defer { console.show = nil }
    return try body()
  }

  func accepts(_ hit: StopPointHit) -> Bool {
    counts(hit) && (control?.releases(hit.hart) ?? true)
  }

  /// Breakpoints count if their conditions hold, and what is watched for writes if it changes.
  func counts(_ hit: StopPointHit) -> Bool {
    switch hit.cause {
    case .breakpoint: control?.meetsConditions(hit.hart, hit.programCounter) ?? true
    case .watchpoint(let point, let access): point.kind != .write || access.old != access.new
    }
  }

  /// What is known from earlier searches for the same is used again.
  func search(for stops: RequestedStops) -> HitSearch {
    let released = control?.released
    if let lastSearch, lastSearch.stops == stops, lastSearch.released == released {
      return lastSearch.search
    }
    let isSelective =
      released != nil || stops.breakpoints.contains(where: \.isConditional)
      || stops.watchpoints.contains { $0.kind == .write }
    let search = HitSearch(
      Self.points(stops), accepts: isSelective ? { [unowned self] in accepts($0) } : nil)
    lastSearch = (stops, released, search)
    return search
  }

  static func points(_ stops: RequestedStops) -> StopPoints {
    StopPoints(
      breakpoints: stops.breakpoints.map { StopPoints.Breakpoint(at: $0.address) },
      watchpoints: stops.watchpoints.compactMap { point in
        let kind: StopPoints.Watchpoint.Kind =
          switch point.kind {
          case .write: .write
          case .read: .read
          case .access: .access
          }
        return StopPoints.Watchpoint(kind, at: point.address, byteCount: point.length)
      })
  }

  static func cause(_ point: StopPoints.Watchpoint) -> StopReport.Cause {
    let kind: RequestedStops.Watchpoint.Kind =
      switch point.kind {
      case .write: .write
      case .read: .read
      case .access: .access
      }
    return .watchpoint(kind, address: point.first)
  }
}
