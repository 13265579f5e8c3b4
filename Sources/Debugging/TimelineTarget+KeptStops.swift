// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import TimeTravel

/// What harts meet that were not let go.
extension TimelineTarget {
  /// What a hart met in a motion that did not let it go ends the next motion forward that does, before anything else happens.
  func keptStop(
    _ motion: Motion, _ stops: RequestedStops, _ control: MotionControl
  ) throws(ReplayError) -> StopReport? {
    let here = timeline.position
    guard
      let kept = trail.takeKept(motion, stops, at: here, isForked: timeline.isForked, control.releases)
    else { return nil }
    try goBack(to: kept.position)
    guard case .watchpoint = kept.cause else {
      // Its conditions may be others by now.
      if let address = kept.address, control.meetsConditions(kept.hart, address) {
        return StopReport(hart: kept.hart, cause: kept.cause)
      }
      try goBack(to: here)
      return nil
    }
    trail.met(accessAt: kept.position)
    return StopReport(hart: kept.hart, cause: kept.cause)
  }

  /// A hart that is not let go has met this on the way forward.
  func keep(_ hit: StopPointHit) {
    guard !timeline.isForked else { return }
    switch hit.cause {
    case .breakpoint:
      trail.keep(
        MotionTrail.KeptStop(
          hart: hit.hart, position: hit.position, cause: .breakpoint, address: hit.programCounter))
    case .watchpoint(let point, _):
      trail.keep(
        MotionTrail.KeptStop(
          hart: hit.hart, position: hit.position, cause: Self.cause(point), address: nil))
    }
  }
}
