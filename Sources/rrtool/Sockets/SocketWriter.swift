// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Sends to a socket what others bring, in order, on a thread of its own: a client that does not read holds up nobody for
/// long. One that lets the queue grow too long is cut off.
final class SocketWriter: @unchecked Sendable {
  // Sendable: all state below is touched with `lock` held.
  private let descriptor: Int32
  private let limit: Int
  private let lock = ConditionLock()
  private var queue: [UInt8] = []
  private var isSending = false
  private var isOver = false

  /// - Parameter limit: bytes that may wait for the client.
  init(_ descriptor: Int32, limit: Int) {
    self.descriptor = descriptor
    self.limit = limit
  }

  /// Sends until the conversation is over. On a thread for that alone.
  func run() {
    while let bytes = nextBytes() {
      guard send(bytes) else { return cut() }
    }
  }

  /// Brings bytes. When there is no room for them, waits for some until `deadline` on the host's monotonic clock.
  func write(_ bytes: [UInt8], deadline: UInt64 = 0) {
    let hasRoom = lock.withLock {
      while !isOver, !queue.isEmpty, queue.count + bytes.count > limit {
        guard HostClock.monotonic() < deadline else { return false }
        lock.wait(until: deadline)
      }
      if !isOver {
        queue += bytes
        lock.wakeAll()
      }
      return true
    }
    if !hasRoom { cut() }
  }

  /// Waits until everything is sent, or for `deadline`.
  func drain(deadline: UInt64) {
    lock.withLock {
      while !isOver, isSending || !queue.isEmpty, HostClock.monotonic() < deadline {
        lock.wait(until: deadline)
      }
    }
  }

  /// Ends the conversation. Whoever waits for the descriptor is woken.
  func cut() {
    lock.withLock {
      guard !isOver else { return }
      isOver = true
      queue = []
      shutdown(descriptor, Int32(SHUT_RDWR))
      lock.wakeAll()
    }
  }

  /// All that waits; nil when the conversation is over.
  private func nextBytes() -> [UInt8]? {
    lock.withLock {
      isSending = false
      lock.wakeAll()
      while queue.isEmpty {
        if isOver { return nil }
        lock.wait()
      }
      isSending = true
      defer { queue = [] }
      return queue
    }
  }

  private func send(_ bytes: [UInt8]) -> Bool {
    var sent = 0
    while sent < bytes.count {
      let count = bytes[sent...].withUnsafeBytes {
        Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count > 0 { sent += count } else if errno != EINTR { return false }
    }
    return true
  }
}
