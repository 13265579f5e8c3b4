// SPDX-License-Identifier: Apache-2.0

import Glibc

/// The host's clocks, in nanoseconds. Only code that speaks for the outside world reads them.
package enum HostClock {
  /// Since some fixed point; never goes back.
  package static func monotonic() -> UInt64 { read(CLOCK_MONOTONIC) }
  /// Since 1970, UTC.
  package static func realTime() -> UInt64 { read(CLOCK_REALTIME) }

  private static func read(_ clock: clockid_t) -> UInt64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}
