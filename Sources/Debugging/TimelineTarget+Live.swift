// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import TimeTravel

/// Beside a run that goes on where the timeline ends (`LiveTarget`).
extension TimelineTarget {
  /// Whether a stop point that the run has met, where the machine stands, ends a motion that began with `trail`. What harts meet that are not
  /// let go is kept.
  func accepts(_ hit: StopPointHit, after trail: MotionTrail, _ control: MotionControl) -> Bool {
    self.control = control
    defer { self.control = nil }
    if case .watchpoint = hit.cause, hit.position == trail.passed { return false }
    guard counts(hit) else { return false }
    if !control.releases(hit.hart) { keep(hit) }
    return control.releases(hit.hart)
  }

  /// Goes back to a stop point that was met going forward. Nil: something came in between, and the breakpoint is still to be met.
  func arrive(at hit: StopPointHit) throws(ReplayError) -> StopReport? {
    try goBack(to: hit.position)
    guard case .watchpoint(let point, _) = hit.cause else {
      let isThere = currentHart == hit.hart && machine.programCounter(hart: hit.hart) == hit.programCounter
      return isThere ? StopReport(hart: hit.hart, cause: .breakpoint) : nil
    }
    trail.met(accessAt: hit.position)
    return StopReport(hart: currentHart, cause: Self.cause(point))
  }
}
