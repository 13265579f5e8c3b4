import Monitor
import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// One client of the monitor's socket. What is for it waits in a queue that a thread empties, so that a client that does
/// not read keeps nobody waiting; one that lets the queue grow too long is cut off.
final class MonitorConnection: @unchecked Sendable {
  // Sendable: all state below is touched with `lock` held.

  /// Bytes that may wait for the client.
  private static let queueLimit = 8 << 20

  private let descriptor: Int32
  private let lock = ConditionLock()
  private var queue: [UInt8] = []
  private var isSending = false
  /// A command is being carried out, whose answer is still to come.
  private var isAnswering = false
  private var isOver = false

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// Talks with the client until it or the run goes away.
  func serve(_ target: MonitorTarget) {
    let writer = HostThread { [self] in sendQueue() }
    let session = QMPSession(target) { [self] bytes in enqueue(bytes) }
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0, begin() else { break }
      session.receive(Array(buffer[..<count]))
      endAnswer()
    }
    session.end()
    cut()
    writer.join()
    close(descriptor)
  }

  /// Waits until what is under way is answered and sent, or the deadline on the host's monotonic clock has passed; then
  /// there is no more.
  func finish(deadline: UInt64) {
    lock.withLock {
      while !isOver, isAnswering || isSending || !queue.isEmpty, HostClock.monotonic() < deadline {
        lock.wait(until: deadline)
      }
    }
    cut()
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

  private func enqueue(_ bytes: [UInt8]) {
    let isTooLong = lock.withLock {
      guard !isOver else { return false }
      queue += bytes
      lock.wakeAll()
      return queue.count > Self.queueLimit
    }
    if isTooLong { cut() }
  }

  /// Ends the conversation; whoever waits for the descriptor is woken.
  private func cut() {
    lock.withLock {
      guard !isOver else { return }
      isOver = true
      queue = []
      shutdown(descriptor, Int32(SHUT_RDWR))
      lock.wakeAll()
    }
  }

  private func sendQueue() {
    while true {
      let bytes: [UInt8]? = lock.withLock {
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
      guard let bytes else { return }
      guard send(bytes) else { return cut() }
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
