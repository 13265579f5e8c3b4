// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem

/// Keeps a job within its bandwidth limit, over windows of a tenth of a second.
struct BandwidthGovernor {
  private static let window: UInt64 = 100_000_000

  private let state: MigrationState
  private var windowStart = HostClock.monotonic()
  private var sent: UInt64 = 0

  init(_ state: MigrationState) { self.state = state }

  /// `count` more bytes went out: waits until the limit allows for more, or the job is cancelled.
  mutating func account(_ count: UInt64) {
    sent += count
    while state.mayGoOn {
      let now = HostClock.monotonic()
      guard let limit = state.bandwidthLimit else { return begin(now) }
      let needed = Double(sent) * 1e9 / Double(max(limit, 1))
      let due = windowStart + UInt64(min(needed, 1e18))
      if now >= due {
        // A window that was not used up gives the next one nothing.
        if now - windowStart >= Self.window { begin(now) }
        return
      }
      state.pause(until: due)
    }
  }

  private mutating func begin(_ now: UInt64) {
    windowStart = now
    sent = 0
  }
}
