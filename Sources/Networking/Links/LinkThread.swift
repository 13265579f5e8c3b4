// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// What a back end that is a link to another machine has besides its sockets: a thread, the frames on their way to it, and when there
/// was one last.
///
/// Sendable: the thread is started and joined by the machine's thread alone; all else is made for several threads.
final class LinkThread: @unchecked Sendable {
  /// Nanoseconds for which an answer to a frame is waited for.
  private static let answerTime: UInt64 = 200_000_000

  let queue = FrameQueue()
  private var thread: HostThread?
  private let lastFrame = Atomic<UInt64>(0)

  func start(_ body: @escaping @Sendable () -> Void) { thread = HostThread(body) }

  func send(_ frame: [UInt8]) {
    noteFrame()
    queue.add(frame)
  }

  func noteFrame() { lastFrame.store(HostClock.monotonic(), ordering: .relaxed) }

  var isBusy: Bool { HostClock.monotonic() - lastFrame.load(ordering: .relaxed) < Self.answerTime }

  func finish() {
    queue.end()
    thread?.join()
    thread = nil
  }
}
