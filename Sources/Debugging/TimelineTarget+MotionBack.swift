// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import TimeTravel

/// Going back. What a motion is, and where it ends, is said in `TimelineTarget+Motion`.
extension TimelineTarget {
  /// Answers also whose access was met.
  func runBackward(
    _ stops: RequestedStops
  ) throws(ReplayError) -> (cause: StopReport.Cause, hart: Int?) {
    endBranch()
    if let passed = trail.begin(), passed < timeline.position { try timeline.seek(to: passed) }
    guard timeline.position > timeline.start else {
      // Nothing is before it, but it may be a branch that begins here.
      try timeline.seek(to: timeline.start)
      return (.beginningOfHistory, nil)
    }
    let search = search(for: stops)
    guard !search.stopPoints.isEmpty else {
      try timeline.seek(to: timeline.start)
      return (.beginningOfHistory, nil)
    }
    let control = SearchControl(
      isInterrupted: { [self] in isInterrupted },
      progress: { [self] done, total in showProgress(Way(from: 0, to: total, position: done)) })
    let here = timeline.position
    guard try keepBackward(stops, to: timeline.start, control) else { return (.interrupted, nil) }
    if timeline.position != here { try timeline.seek(to: here) }
    switch try timeline.reverseContinue(search, control: control) {
    case .limit: return (.beginningOfHistory, nil)
    case .interrupted: return (.interrupted, nil)
    case .stopPoint(let hit):
      guard case .watchpoint(let point, _) = hit.cause else { return (.breakpoint, nil) }
      // Right behind the access.
      _ = try timeline.run(until: hit.position + 1)
      trail.met(accessAt: hit.position)
      return (Self.cause(point), hit.hart)
    }
  }

  /// To where the hart was about to execute its previous instruction.
  func stepBackward(_ hart: Int, _ stops: RequestedStops) throws(ReplayError) -> StopReport.Cause {
    endBranch()
    let here = timeline.position
    let passed = trail.begin()
    guard let target = try previousInstruction(of: hart) else {
      try goBack(to: timeline.start)
      return .beginningOfHistory
    }
    // An access that is watched is told of before it is undone.
    let watchpoints = StopPoints(watchpoints: Self.points(stops).watchpoints)
    if !watchpoints.isEmpty, target != passed {
      try timeline.seek(to: target)
      if case .stopPoint(let hit) = try timeline.run(until: target + 1, stopPoints: watchpoints),
        accepts(hit), case .watchpoint(let point, _) = hit.cause
      {
        if target + 1 != here { try timeline.seek(to: target + 1) }
        trail.met(accessAt: target)
        return Self.cause(point)
      }
    }
    if !stops.breakpoints.isEmpty || !stops.watchpoints.isEmpty, target + 1 < here {
      try timeline.seek(to: here)
      _ = try keepBackward(
        stops, to: target + 1, SearchControl(isInterrupted: { [self] in isInterrupted }))
    }
    try goBack(to: target)
    return .stepped
  }

  /// The position of the last instruction before here that `hart` executed; nil when there is none.
  private func previousInstruction(of hart: Int) throws(ReplayError) -> UInt64? {
    let here = timeline.position
    guard here > timeline.start else { return nil }
    if hartCount == 1 { return here - 1 }
    let count = machine.executedCount(hart: hart)
    // The last position at which it had executed fewer lies in `low..<high`.
    var (low, high) = (here, here)
    var distance: UInt64 = 1
    repeat {
      guard low > timeline.start else { return nil }
      if isInterrupted { return nil }
      high = low
      low = max(timeline.start, low - min(low, distance))
      distance *= 2
      try timeline.seek(to: low)
    } while machine.executedCount(hart: hart) == count
    while high - low > 1 {
      let middle = low + (high - low) / 2
      try timeline.seek(to: middle)
      if machine.executedCount(hart: hart) == count { high = middle } else { low = middle }
    }
    return low
  }
}
