// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Synchronization

/// What a back end has besides its sockets: a thread, the frames on their way to it, and when there was one last.
///
/// Sendable: the thread is started and joined by the machine's thread alone; all else is made for several threads.
final class BackendThread: @unchecked Sendable {
  let queue = FrameQueue()
  /// Nanoseconds for which an answer to a frame is waited for.
  private let answerTime: UInt64
  private var thread: HostThread?
  private let lastFrame = Atomic<UInt64>(0)

  init(answerTime: UInt64) { self.answerTime = answerTime }

  func start(_ body: @escaping @Sendable () -> Void) { thread = HostThread(body) }

  func send(_ frame: [UInt8]) {
    noteFrame()
    queue.add(frame)
  }

  func noteFrame() { lastFrame.store(HostClock.monotonic(), ordering: .relaxed) }

  /// Whether an answer may be on its way.
  var isBusy: Bool { HostClock.monotonic() - lastFrame.load(ordering: .relaxed) < answerTime }

  /// What people should know of it; nothing, as a rule.
  var remarks: [String] {
    let count = queue.lost
    return count == 0
      ? [] : ["\(count) frame\(count == 1 ? "" : "s") of the guest's found no room and were lost"]
  }

  func finish() {
    queue.end()
    thread?.join()
    thread = nil
  }
}
