// SPDX-License-Identifier: Apache-2.0

import GDBRemote

/// What a motion leaves for the next one.
///
/// Who goes on from where it was stopped does not want to stop there again, and whether that is so depends on the motion before:
/// what it met, whether the client had taken its stop points away for it, whether it has sent a hart elsewhere since. This
/// knows, without a machine: it is told how motions end, and answers how the next one begins.
package struct MotionTrail {
  /// How a run forward begins.
  package struct RunStart: Equatable {
    /// Where to go back to first; nil: it begins where the machine stands.
    package var position: UInt64?
    /// A breakpoint at the place where it begins has been seen.
    package var ignoresBreakpointHere: Bool
    /// A watched access at this position has been told of.
    package var passed: UInt64?

    package init(position: UInt64?, ignoresBreakpointHere: Bool, passed: UInt64?) {
      self.position = position
      self.ignoresBreakpointHere = ignoresBreakpointHere
      self.passed = passed
    }
  }

  /// A step for which the client took away what it has set.
  ///
  /// So it steps over a breakpoint. But others have their turns within a step of a hart, and may come to the same breakpoint. When
  /// everything is set again as it was before, going on begins where their turns began.
  private struct UnwatchedStep {
    /// Of the motion before it.
    var stops: RequestedStops
    /// Behind the instruction of the hart that was stepped.
    var start: UInt64
    /// Where that hart came next.
    var end: UInt64
  }

  /// What a hart met that had not been let go.
  package struct KeptStop: Equatable {
    package var hart: Int
    package var position: UInt64
    package var cause: StopReport.Cause
    /// Of a breakpoint.
    package var address: UInt64?
    /// Of the motion that met it.
    package var direction: Motion.Direction

    package init(
      hart: Int, position: UInt64, cause: StopReport.Cause, address: UInt64?,
      direction: Motion.Direction = .forward
    ) {
      self.hart = hart
      self.position = position
      self.cause = cause
      self.address = address
      self.direction = direction
    }

    fileprivate func isSet(in stops: RequestedStops) -> Bool {
      switch cause {
      case .watchpoint(let kind, let address):
        stops.watchpoints.contains { $0.kind == kind && $0.address == address }
      default: stops.breakpoints.contains { $0.address == address }
      }
    }
  }

  /// The first one that the motions in its direction since then have left.
  private var kept: KeptStop?
  /// Where the last motion ended.
  private var lastEnd: UInt64?
  /// The position of the watched access that the last motion ended at.
  private var passedWatchpoint: UInt64?
  private var unwatchedStep: UnwatchedStep?
  /// Harts that the client sent elsewhere since the last motion: a call of a function, or a jump.
  private var jumpedHarts: Set<Int> = []
  /// Of the last motion.
  private var lastStops = RequestedStops()

  package init() {}

  /// The next motion passes the watched access at this position.
  package var passed: UInt64? { passedWatchpoint }

  // MARK: How a motion begins

  /// What is still to be told of a hart that was not let go, if this motion does: the motion is over with that.
  package mutating func takeKept(
    _ motion: Motion, _ stops: RequestedStops, at position: UInt64, isForked: Bool,
    _ releases: (Int) -> Bool
  ) -> KeptStop? {
    guard let stop = kept else { return nil }
    let direction: Motion.Direction =
      switch motion {
      case .run(let direction), .step(_, let direction): direction
      case .stepWithin: .forward
      }
    guard direction == stop.direction, lastEnd == position, !isForked else {
      kept = nil
      return nil
    }
    guard releases(stop.hart) else { return nil }
    kept = nil
    guard stop.isSet(in: stops) else { return nil }
    // The run begins before it then, and meets it.
    if case .run = motion, let step = unwatchedStep, step.stops == stops, step.end == position,
      step.start <= stop.position
    {
      return nil
    }
    unwatchedStep = nil
    return stop
  }

  /// A run forward with `stops`, from `position`, where the hart `hart` is next.
  ///
  /// - Parameter isForked: what lies before cannot be gone back to.
  package mutating func beginRun(
    _ stops: RequestedStops, at position: UInt64, hart: Int, isForked: Bool
  ) -> RunStart {
    defer { unwatchedStep = nil }
    let passed = takePassed()
    if let step = unwatchedStep, step.stops == stops, step.end == position, !isForked {
      return RunStart(position: step.start, ignoresBreakpointHere: false, passed: passed)
    }
    // Where a motion begins it does not end: who continues at a breakpoint has seen it, unless the client has put the
    // hart there.
    return RunStart(position: nil, ignoresBreakpointHere: !jumpedHarts.contains(hart), passed: passed)
  }

  /// Any other motion. Answers the position of the watched access that it passes.
  package mutating func begin() -> UInt64? {
    unwatchedStep = nil
    return takePassed()
  }

  // MARK: How it ends

  /// On the way a hart that is not let go meets something.
  package mutating func keep(_ stop: KeptStop) {
    if kept == nil { kept = stop }
  }

  /// It ends at a watched access.
  package mutating func met(accessAt position: UInt64) { passedWatchpoint = position }

  /// A step forward with `stops` ends, whose instruction was over at `executed`, at `end`.
  package mutating func stepped(_ stops: RequestedStops, executed: UInt64, end: UInt64) {
    if executed < end, stops != lastStops {
      unwatchedStep = UnwatchedStep(stops: lastStops, start: executed, end: end)
    }
  }

  /// What `stepped` told was one of several steps within a line, and the motion goes on behind it.
  package mutating func goesOn() { unwatchedStep = nil }

  /// It is over, whatever it met.
  package mutating func end(_ stops: RequestedStops, at position: UInt64) {
    lastStops = stops
    lastEnd = position
    jumpedHarts = []
  }

  // MARK: Between motions

  /// The client sends a hart elsewhere: a breakpoint there has not been seen.
  package mutating func jumped(hart: Int) { jumpedHarts.insert(hart) }

  /// The machine was taken to another position: nothing that a motion left is true there.
  package mutating func leave() {
    passedWatchpoint = nil
    unwatchedStep = nil
    kept = nil
    jumpedHarts = []
  }

  private mutating func takePassed() -> UInt64? {
    defer { passedWatchpoint = nil }
    return passedWatchpoint
  }
}
