// SPDX-License-Identifier: Apache-2.0

import Emulator

/// How going back to a stop point ended.
public enum ReverseStop: Equatable, Sendable {
  /// The timeline stands before the instruction that meets a breakpoint, or that makes the access; interrupts are taken.
  case stopPoint(StopPointHit)
  /// Nothing was met: it stands at the position that was the limit, or at the start of the recording.
  case limit
  /// It stands where it was.
  case interrupted
}

extension Timeline {
  /// Goes back to the last place before this one where a stop point was met.
  ///
  /// A place counts if its position (`StopPointHit.position`) lies before this one. Where an access was made, the timeline
  /// stands before the instruction, so that going back has undone it; `position + 1` is right after it.
  ///
  /// - Parameters:
  ///   - search: what to look for, and what is known of it from earlier.
  ///   - limit: the first position to look at.
  @discardableResult
  public func reverseContinue(
    _ search: HitSearch, to limit: UInt64 = 0, control: SearchControl = SearchControl()
  ) throws(ReplayError) -> ReverseStop {
    let here = position
    let limit = max(limit, start)
    switch try search.last(before: here, downTo: limit, on: self, control) {
    case .found(let entry): return .stopPoint(try land(at: entry, search.stopPoints))
    case .nothing:
      try seek(to: min(limit, here))
      return .limit
    case .interrupted:
      try seek(to: here)
      return .interrupted
    }
  }

  private func land(at entry: HitLog.Entry, _ points: StopPoints) throws(ReplayError) -> StopPointHit {
    // Of a breakpoint and a watchpoint at one position only one may count.
    let points =
      entry.isWatchpoint
      ? StopPoints(watchpoints: points.watchpoints) : StopPoints(breakpoints: points.breakpoints)
    try seek(to: entry.position)
    guard case .stopPoint(let hit) = try run(until: entry.position + 1, stopPoints: points) else {
      preconditionFailure("a hit is found again where it was found")
    }
    if entry.isWatchpoint {
      try seek(to: entry.position)
      _ = try settle()
    }
    return hit
  }
}
