// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Walking back over a recording, a stretch at a time.
extension Timeline {
  /// A stretch of the recording that begins at a place which can be gone to without running.
  package struct Interval: Equatable, Sendable {
    package var start: UInt64
    package var end: UInt64
    /// The pages of RAM that may change in it, in no order; nil when nothing is known of them.
    fileprivate var changedPages: [Int32]?

    /// Whether a page of RAM may change in it.
    package func mayChange(page: Int) -> Bool {
      changedPages.map { $0.contains(Int32(truncatingIfNeeded: page)) } ?? true
    }
  }

  /// The shortest such stretch that ends at `end`; nil at the start of the recording.
  package func interval(endingAt end: UInt64) -> Interval? {
    guard end > start else { return nil }
    var interval: Interval?
    if let snapshot = knownSnapshots.last(where: { $0.moment.position < end }) {
      interval = Interval(start: snapshot.moment.position, end: end)
    }
    if let chain = session.checkpoints, let number = chain.index(atOrBefore: end - 1),
      chain.position(of: number) >= interval?.start ?? 0
    {
      // Beyond where the machine has been nothing is known.
      interval = Interval(
        start: chain.position(of: number), end: end,
        changedPages: end <= chain.reached ? chain.delta(number).pages : nil)
    }
    return interval
  }
}
