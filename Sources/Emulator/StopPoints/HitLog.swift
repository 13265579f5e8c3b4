// SPDX-License-Identifier: Apache-2.0

/// Takes note of where stop points were met while the machine runs on: the newest hits, in their order, up to a limit.
public final class HitLog {
  /// Where one was met, in the terms of `StopPointHit`.
  public struct Entry: Sendable, Equatable {
    public var position: UInt64
    public var hart: Int32
    public var isWatchpoint: Bool

    public init(position: UInt64, hart: Int32, isWatchpoint: Bool) {
      self.position = position
      self.hart = hart
      self.isWatchpoint = isWatchpoint
    }
  }

  private let limit: Int
  private var ring: [Entry] = []
  /// Where the next entry goes once the ring is full.
  private var oldest = 0
  /// All that were met, those that have been dropped included.
  public private(set) var count: UInt64 = 0

  /// - Parameter limit: how many hits are kept, at least 1.
  public init(limit: Int) {
    precondition(limit > 0, "a log keeps something")
    self.limit = limit
  }

  /// Were older hits dropped?
  public var isIncomplete: Bool { count > UInt64(ring.count) }

  /// The hits that are kept, oldest first.
  public var entries: [Entry] { Array(ring[oldest...] + ring[..<oldest]) }

  package func append(_ entry: Entry) {
    count += 1
    if ring.count < limit {
      ring.append(entry)
    } else {
      ring[oldest] = entry
      oldest = (oldest + 1) % limit
    }
  }
}
