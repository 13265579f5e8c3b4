// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// What the guest's clock says, for threads that are not the machine's: as it was last seen. While the guest idles and its idle time
/// passes as fast as the host's, it goes on.
///
/// Sendable: everything is touched within `lock` alone.
public final class GuestClock: @unchecked Sendable {
  private let lock = ConditionLock()
  private var time: UInt64 = 0
  /// While time passes by itself: since when on the host's clock, and up to when on the guest's.
  private var passing: (since: UInt64, until: UInt64)?

  public init() {}

  /// Guest nanoseconds since the machine started.
  public var now: UInt64 {
    lock.withLock {
      guard let passing else { return time }
      let (sum, overflow) = time.addingReportingOverflow(HostClock.monotonic() - passing.since)
      return overflow ? passing.until : min(sum, max(passing.until, time))
    }
  }

  /// The guest is at this time, and at work.
  package func stand(at time: UInt64) {
    lock.withLock {
      self.time = time
      passing = nil
    }
  }

  /// The guest idles from this time on, as long as the host, until `deadline`.
  package func idle(from time: UInt64, until deadline: UInt64?) {
    lock.withLock {
      self.time = time
      passing = (HostClock.monotonic(), deadline ?? .max)
    }
  }
}
