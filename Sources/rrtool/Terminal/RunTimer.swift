// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Does something when so much of the host's time is up, unless it is cancelled before.
final class RunTimer: @unchecked Sendable {
  // Sendable: `isOver` is touched with `lock` held.
  private let lock = ConditionLock()
  private var isOver = false

  init(_ nanoseconds: UInt64, _ body: @escaping @Sendable () -> Void) {
    let (sum, isTooFar) = HostClock.monotonic().addingReportingOverflow(nanoseconds)
    let deadline = isTooFar ? UInt64.max : sum
    HostThread { [self] in
      let isDue = lock.withLock {
        while !isOver, HostClock.monotonic() < deadline { lock.wait(until: deadline) }
        return !isOver
      }
      if isDue { body() }
    }.abandon()
  }

  func cancel() {
    lock.withLock {
      isOver = true
      lock.wakeAll()
    }
  }
}
