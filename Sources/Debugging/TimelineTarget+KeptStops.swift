// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import TimeTravel

/// What harts meet that were not let go.
extension TimelineTarget {
  /// What a hart met in a motion that did not let it go ends the next motion in the same direction that does, before anything else happens.
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
    if kept.direction == .backward {
      // Right behind the access.
      try timeline.seek(to: kept.position)
      _ = try timeline.run(until: kept.position + 1)
      _ = try timeline.settle()
    }
    trail.met(accessAt: kept.position)
    return StopReport(hart: kept.hart, cause: kept.cause)
  }

  /// A hart that is not let go has met this on the way.
  func keep(_ hit: StopPointHit, _ direction: Motion.Direction = .forward) {
    guard !timeline.isForked else { return }
    switch hit.cause {
    case .breakpoint:
      trail.keep(
        MotionTrail.KeptStop(
          hart: hit.hart, position: hit.position, cause: .breakpoint, address: hit.programCounter,
          direction: direction))
    case .watchpoint(let point, _):
      trail.keep(
        MotionTrail.KeptStop(
          hart: hit.hart, position: hit.position, cause: Self.cause(point), address: nil,
          direction: direction))
    }
  }

  /// On the way back from here to `limit`: keeps the first that a hart meets which is not let go, before one is met that is. The
  /// timeline stands somewhere on that way then. False: it was interrupted.
  func keepBackward(
    _ stops: RequestedStops, to limit: UInt64, _ control: SearchControl
  ) throws(ReplayError) -> Bool {
    guard let motion = self.control, motion.released != nil, hartCount > 1, limit < timeline.position else {
      return true
    }
    let search = HitSearch(Self.points(stops), accepts: { [unowned self] in counts($0) })
    let stop = try timeline.reverseContinue(search, to: limit, control: control)
    if case .stopPoint(let hit) = stop, !motion.releases(hit.hart) { keep(hit, .backward) }
    return stop != .interrupted
  }
}
