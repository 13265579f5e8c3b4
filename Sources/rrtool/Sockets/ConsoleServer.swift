// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem
import Synchronization

/// Listens at a Unix socket for a client of the guest's console. Output without a client is lost, as on a serial line.
final class ConsoleServer: ConsoleOutput, Sendable {
  /// Bytes of output that may wait for the client, and for how many nanoseconds the guest waits for it when there are
  /// more. One that has not read for so long is cut off.
  private static let queueLimit = 1 << 20
  private static let patience: UInt64 = 1_000_000_000

  private let listener: ListeningSocket
  private let client = Mutex<SocketWriter?>(nil)

  init(path: String) throws(Failure) { listener = try ListeningSocket(path: path) }

  func start(_ inbox: Inbox) {
    inbox.serveInput { [self] offer in
      while true { serve(listener.accept(), offer) }
    }
  }

  private func serve(_ descriptor: Int32, _ offer: ([UInt8]) -> Void) {
    let writer = SocketWriter(descriptor, limit: Self.queueLimit)
    let thread = HostThread { writer.run() }
    client.withLock { $0 = writer }
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      if count > 0 { offer(Array(buffer[..<count])) } else if count == 0 || errno != EINTR { break }
    }
    client.withLock { $0 = nil }
    writer.cut()
    thread.join()
    close(descriptor)
  }

  func write(_ bytes: [UInt8]) {
    client.withLock { $0 }?.write(bytes, deadline: HostClock.monotonic() + Self.patience)
  }

  /// Removes the socket, and waits until the client has what was written, for a while at most.
  func finish() {
    listener.removeName()
    client.withLock { $0 }?.drain(deadline: HostClock.monotonic() + Self.patience)
  }
}
