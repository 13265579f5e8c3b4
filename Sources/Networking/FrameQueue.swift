// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Frames that the guest has sent, on their way to a thread that waits in `poll`.
///
/// Sendable: everything is touched within `lock` alone, but the descriptor, which never changes.
final class FrameQueue: @unchecked Sendable {
  /// More than a guest sends before a thread gets its turn.
  private static let frameLimit = 1024
  private static let byteLimit = 4 << 20

  /// Readable when there is something to see to.
  let wakeDescriptor: Int32
  /// The other end of the pipe, where a byte is put to wake the thread.
  private let wakingDescriptor: Int32

  private let lock = ConditionLock()
  private var frames: [[UInt8]] = []
  private var byteCount = 0
  private var isClosed = false
  private var lostCount = 0

  init() {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      giveUp("the host has no descriptor left for a network", remedy: "raise the limit on open files")
    }
    for end in ends {
      _ = fcntl(end, F_SETFD, FD_CLOEXEC)
      _ = fcntl(end, F_SETFL, O_NONBLOCK)
    }
    (wakeDescriptor, wakingDescriptor) = (ends[0], ends[1])
  }

  deinit {
    close(wakeDescriptor)
    close(wakingDescriptor)
  }

  /// A frame that there is no room for is lost.
  func add(_ frame: [UInt8]) {
    let mustWake = lock.withLock {
      guard !isClosed, frames.count < Self.frameLimit, byteCount + frame.count <= Self.byteLimit else {
        lostCount += 1
        return false
      }
      frames.append(frame)
      byteCount += frame.count
      return frames.count == 1
    }
    if mustWake { wake() }
  }

  /// The thread is to end.
  func end() {
    lock.withLock { isClosed = true }
    wake()
  }

  /// Frames that were lost because the thread did not come to take them.
  var lost: Int { lock.withLock { lostCount } }

  /// All that waits; nil: the thread is to end.
  func take() -> [[UInt8]]? {
    var bytes = [UInt8](repeating: 0, count: 64)
    // Nothing to read means that nobody has woken the thread, which is as good.
    _ = read(wakeDescriptor, &bytes, bytes.count)
    return lock.withLock {
      if isClosed { return nil }
      defer {
        frames = []
        byteCount = 0
      }
      return frames
    }
  }

  func wake() {
    var byte: UInt8 = 1
    // It fails only when the pipe is full, and then the thread is woken already.
    _ = write(wakingDescriptor, &byte, 1)
  }
}
