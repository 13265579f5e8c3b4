// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// The loop around a live machine, a turn at a time: who visits the machine has it take turns as well.
package final class LiveLoop {
  /// What came of a turn.
  package enum Turn {
    case goesOn
    /// A stop point of a visitor was met.
    case stopPoint(StopPointHit)
    /// The run is over; `outcome` says how.
    case over
  }

  private let run: LiveRun
  private let limit: UInt64?
  private let interval: UInt64?
  private let atInterval: () -> Void
  private let watch: StandstillWatch
  private var hasTold = false
  package private(set) var outcome: LiveRun.Outcome?

  init(_ run: LiveRun, limit: UInt64?, interval: UInt64?, atInterval: @escaping () -> Void) {
    self.run = run
    watch = StandstillWatch(run.machine)
    self.limit = limit
    self.interval = interval
    self.atInterval = atInterval
  }

  private var machine: Machine { run.machine }
  private var visitor: (any RunVisitor)? { run.visitor }

  /// Turns until the run is over.
  func toTheEnd() -> LiveRun.Outcome {
    while true {
      serve()
      if let visitor, visitor.isWaiting { visitor.visit(self) }
      _ = turn()
      if let outcome { return outcome }
    }
  }

  /// Has the machine go on, to `goal` at most. It stops at its stop points.
  package func turn(until goal: UInt64 = .max, ignoringBreakpointHere: Bool = false) -> Turn {
    if outcome != nil { return .over }
    let position = machine.now.position
    if let limit, position >= limit { return end(LiveRun.Outcome(end: .limit)) }
    let boundary = interval.map { (position / $0 + 1) * $0 } ?? .max
    let look = watch.nextPosition
    let visit = visitor?.nextLook(after: position) ?? .max
    let stop = machine.run(
      until: min(min(goal, visit), min(limit ?? .max, boundary, look)),
      ignoringBreakpointHere: ignoringBreakpointHere)
    if let outcome = run.outcome(of: stop) { return end(outcome) }
    if machine.now.position == boundary { atInterval() }
    visitor?.look()
    if case .stopPoint(let hit) = stop { return .stopPoint(hit) }
    if stop == .position, machine.now.position >= look,
      let outcome = run.outcome(of: watch.look(run.live.prospects), &hasTold)
    {
      return end(outcome)
    }
    return .goesOn
  }

  /// Does what other threads ask for, and waits while the machine is to stand still.
  private func serve() {
    guard let (control, controlled) = run.control else { return }
    run.live.passPause(control.serve(controlled, until: { visitor?.isWaiting ?? false }))
  }

  /// Does what other threads ask for, and does not wait.
  package func servePending() {
    guard let (control, controlled) = run.control else { return }
    control.servePending(controlled)
  }

  /// So many of the host's nanoseconds pass the guest by.
  package func passPause(_ nanoseconds: UInt64) { run.live.passPause(nanoseconds) }

  private func end(_ outcome: LiveRun.Outcome) -> Turn {
    self.outcome = outcome
    return .over
  }
}
