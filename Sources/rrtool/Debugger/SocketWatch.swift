// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Calls somebody on a thread of its own when a client at a socket has said something, once each time that it is asked to.
///
/// Sendable: `isArmed` and `isOver` are touched with `lock` held, `thread` by the thread that made it alone.
final class SocketWatch: @unchecked Sendable {
  private let lock = ConditionLock()
  private var isArmed = false
  private var isOver = false
  private let descriptor: Int32
  private var thread: HostThread?

  /// `descriptor` stays the caller's to close, after `finish`.
  init(_ descriptor: Int32, wake: @escaping @Sendable () -> Void) {
    self.descriptor = descriptor
    thread = HostThread { [self] in
      while waitUntilArmed() {
        var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&state, 1, -1) > 0 else { continue }
        lock.withLock { isArmed = false }
        wake()
      }
    }
  }

  /// From here on it listens, until it has heard something.
  func arm() {
    lock.withLock {
      isArmed = true
      lock.wakeAll()
    }
  }

  /// Ends the thread. Nothing more can be read from the client.
  func finish() {
    lock.withLock {
      isOver = true
      lock.wakeAll()
    }
    // Its `poll` comes back.
    shutdown(descriptor, Int32(SHUT_RD))
    thread?.join()
    thread = nil
  }

  private func waitUntilArmed() -> Bool {
    lock.withLock {
      while !isArmed, !isOver { lock.wait() }
      return !isOver
    }
  }
}
