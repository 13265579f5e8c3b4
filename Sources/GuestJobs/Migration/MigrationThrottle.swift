// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem

/// Slows down a guest that writes memory faster than a migration can send it, as QEMU's `auto-converge` does: a share of each
/// slice of time the machine stands still. The guest's course is the same; it takes longer.
///
/// Sendable: `share` is touched with `lock` held; everything else belongs to the migration's thread.
package final class MigrationThrottle: @unchecked Sendable {
  /// How much the guest is slowed down first, how much more with each pass that was no better, and at most. Percent.
  package static let firstPercentage = 20
  static let step = 10
  static let limit = 99
  /// Microseconds for which the machine runs between two times of standing still.
  private static let runningTime = 10_000.0

  private let control: RunControl
  private let lock = ConditionLock()
  /// Percent of the time for which the machine stands still; nil: it is over.
  private var share: Int? = 0
  private var thread: HostThread?
  /// Passes in a row after which more was left than half of what was sent.
  private var poorPasses = 0

  init(_ control: RunControl) { self.control = control }

  var percentage: Int { lock.withLock { share ?? 0 } }

  /// What a pass sent, and what the guest wrote meanwhile, in bytes. After two poor passes the guest is slowed down.
  func note(sent: UInt64, dirtied: UInt64) {
    guard dirtied > sent / 2 else {
      poorPasses = 0
      return
    }
    poorPasses += 1
    guard poorPasses >= 2 else { return }
    poorPasses = 0
    lock.withLock { share = share.map { Self.percentage(after: $0) } }
    if thread == nil { thread = HostThread { [self] in work() } }
  }

  /// The guest runs at its own speed again.
  func end() {
    lock.withLock {
      share = nil
      lock.wakeAll()
    }
    guard let thread else { return }
    thread.join()
    self.thread = nil
    // When the run is over it stands still anyway.
    try? control.perform { [control] _ in control.stand(until: 0) }
  }

  package static func percentage(after percentage: Int) -> Int {
    percentage == 0 ? firstPercentage : min(percentage + step, limit)
  }

  private func work() {
    while let share = lock.withLock({ share }) {
      let standing = Self.runningTime * Double(share) / Double(100 - share)
      let deadline = HostClock.monotonic() + UInt64(standing * 1000)
      do throws(Failure) {
        try control.perform { [control] _ in control.stand(until: deadline) }
      } catch {
        // The run is over.
        return
      }
      wait(until: deadline + UInt64(Self.runningTime * 1000))
    }
  }

  /// Shorter when it is over.
  private func wait(until deadline: UInt64) {
    lock.withLock {
      while share != nil, HostClock.monotonic() < deadline { lock.wait(until: deadline) }
    }
  }
}
