// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Monitor

/// One client of the monitor's socket.
final class MonitorConnection: @unchecked Sendable {
  // Sendable: all state below is touched with `lock` held.

  /// Bytes that may wait for the client.
  private static let queueLimit = 8 << 20

  private let descriptor: Int32
  private let writer: SocketWriter
  private let lock = ConditionLock()
  /// A command is being carried out, whose answer is still to come.
  private var isAnswering = false
  private var isOver = false

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    writer = SocketWriter(descriptor, limit: Self.queueLimit)
  }

  /// Talks with the client until it or the run goes away.
  func serve(_ target: MonitorTarget) {
    let thread = HostThread { [writer] in writer.run() }
    let session = QMPSession(target) { [writer] bytes in writer.write(bytes) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let (count, descriptors) = OwnedDescriptor.receive(from: descriptor, into: &buffer)
      if count < 0, errno == EINTR { continue }
      guard count > 0, begin() else { break }
      session.receive(Array(buffer[..<count]), descriptors: descriptors)
      endAnswer()
    }
    session.end()
    writer.cut()
    thread.join()
    close(descriptor)
  }

  /// Waits until what is under way is answered and sent, or the deadline on the host's monotonic clock has passed; then
  /// there is no more.
  func finish(deadline: UInt64) {
    lock.withLock {
      while isAnswering, HostClock.monotonic() < deadline { lock.wait(until: deadline) }
      isOver = true
    }
    writer.drain(deadline: deadline)
    writer.cut()
  }

  private func begin() -> Bool {
    lock.withLock {
      isAnswering = !isOver
      return isAnswering
    }
  }

  private func endAnswer() {
    lock.withLock {
      isAnswering = false
      lock.wakeAll()
    }
  }
}
