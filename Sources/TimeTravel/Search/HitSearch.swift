// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Finds where some stop points were met, from the newest place to the oldest.
///
/// A stretch of the recording is looked at once: it is run from a place that is known at its start, taking note of every hit,
/// at nearly full speed. What was found is kept for the next time, so that going back from hit to hit costs one look at each
/// stretch and not one at every step. There are bounds on what is kept: of a stretch with too many hits the newest are, and
/// the rest of it counts as not looked at.
///
/// A search belongs to one recording, its stop points and their conditions; when those change, make a new one.
public final class HitSearch {
  public let stopPoints: StopPoints
  /// Whether a hit counts; asked while the machine stands where it stops for it. Nil: every one does.
  private let accepts: ((StopPointHit) -> Bool)?
  private let hitLimit: Int
  private let totalHitLimit: Int

  /// Hits that a look at one stretch keeps, and that all of them keep together.
  public static let defaultHitLimit = 1 << 20
  public static let defaultTotalHitLimit = 1 << 22
  /// Instructions between two looks at whether to go on: some ten milliseconds' worth.
  static let slice: UInt64 = 10_000_000

  /// All hits with `from <= position < to`, ascending.
  private struct Stretch {
    var from: UInt64
    var to: UInt64
    var hits: [HitLog.Entry]
  }

  /// Checkpoints that a look takes are as far from each other as any: it goes on to an earlier stretch.
  static let nowhere = UInt64.max

  /// Disjoint, ascending.
  private var known: [Stretch] = []
  /// Instructions that were run to look at them.
  package private(set) var scannedCount: UInt64 = 0

  /// - Parameters:
  ///   - hitLimit: how many hits a look at one stretch keeps, at least 1.
  ///   - accepts: whether a hit counts, as long as the search lives; asked while the machine stands there.
  public init(
    _ stopPoints: StopPoints, hitLimit: Int = defaultHitLimit, totalHitLimit: Int = defaultTotalHitLimit,
    accepts: ((StopPointHit) -> Bool)? = nil
  ) {
    precondition(hitLimit >= 1 && totalHitLimit >= hitLimit)
    self.stopPoints = stopPoints
    self.hitLimit = hitLimit
    self.totalHitLimit = totalHitLimit
    self.accepts = accepts
  }

  package enum Outcome {
    case found(HitLog.Entry)
    case nothing
    case interrupted
  }

  /// The last hit in `limit..<end`. Moves the timeline.
  package func last(
    before end: UInt64, downTo limit: UInt64, on timeline: Timeline, _ control: SearchControl
  ) throws(ReplayError) -> Outcome {
    var end = end
    let total = end - min(limit, end)
    while end > limit {
      guard let stretch = known.last(where: { $0.from < end && end <= $0.to }) else {
        // From the nearest place that is known, but not over what was looked at already.
        let start = timeline.interval(endingAt: end)?.start ?? timeline.start
        let from = max(start, known.last { $0.to <= end }?.to ?? 0, limit)
        guard
          let found = try scan(
            from..<end, on: timeline, control,
            { done in control.progress(total - (end - limit) + done, total) })
        else { return .interrupted }
        keep(found)
        continue
      }
      if let hit = stretch.hits.last(where: { $0.position < end }) {
        return hit.position >= limit ? .found(hit) : .nothing
      }
      end = stretch.from
    }
    return .nothing
  }

  /// Nil when it was interrupted.
  private func scan(
    _ range: Range<UInt64>, on timeline: Timeline, _ control: SearchControl, _ progress: (UInt64) -> Void
  ) throws(ReplayError) -> Stretch? {
    if control.isInterrupted() { return nil }
    try timeline.seek(to: range.lowerBound)
    let log = HitLog(limit: hitLimit)
    defer { timeline.machine.hitLog = nil }
    timeline.machine.hitLog = accepts == nil ? log : nil
    var last: StopPointHit?
    while timeline.position < range.upperBound {
      let here = timeline.position
      let (sliceEnd, isOverflow) = here.addingReportingOverflow(Self.slice)
      let stop = try timeline.run(
        until: min(range.upperBound, isOverflow ? .max : sliceEnd), towards: Self.nowhere,
        stopPoints: stopPoints, ignoringBreakpointHere: last?.cause == .breakpoint && last?.position == here)
      scannedCount += timeline.position - here
      if case .stopPoint(let hit) = stop {
        last = hit
        if accepts?(hit) ?? true {
          log.append(
            HitLog.Entry(
              position: hit.position, hart: Int32(hit.hart), isWatchpoint: hit.cause != .breakpoint))
        }
      } else if stop != .position {
        // The recording ends within the range.
        break
      }
      progress(timeline.position - range.lowerBound)
      if control.isInterrupted() { return nil }
    }
    var found = Stretch(from: range.lowerBound, to: range.upperBound, hits: log.entries)
    // Going back meets the last hit at a position only, and of each position in the log that one is there.
    if log.isIncomplete, let oldest = found.hits.first?.position { found.from = oldest }
    return found
  }

  private func keep(_ stretch: Stretch) {
    let index = known.firstIndex { $0.from >= stretch.to } ?? known.count
    known.insert(stretch, at: index)
    // What is farthest from here goes first, if there is too much.
    while known.reduce(0, { $0 + $1.hits.count }) > totalHitLimit {
      let isFirst = known[0].from != stretch.from
      known.remove(at: isFirst ? 0 : known.count - 1)
    }
  }
}
