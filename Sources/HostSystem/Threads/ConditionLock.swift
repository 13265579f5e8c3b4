// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A mutual exclusion lock with a condition to wait for, for state that host threads share.
package final class ConditionLock: @unchecked Sendable {
  // Sendable: both live at fixed addresses for as long as the object, and are made to be used by several threads.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func withLock<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Only within `withLock`. Waits until `wakeAll`, `deadline` (`HostClock.monotonic`; nil: none) or for no reason.
  package func wait(until deadline: UInt64? = nil) {
    guard let deadline else {
      pthread_cond_wait(condition, mutex)
      return
    }
    var time = timespec()
    time.tv_sec = Int(clamping: deadline / 1_000_000_000)
    time.tv_nsec = Int(deadline % 1_000_000_000)
    pthread_cond_timedwait(condition, mutex, &time)
  }

  package func wakeAll() { pthread_cond_broadcast(condition) }
}
