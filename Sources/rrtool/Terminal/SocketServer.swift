import RecordReplay
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Listens at a Unix socket for a client of the guest's console.
final class SocketServer: ConsoleOutput, Sendable {
  private let listener: Int32
  /// The client's descriptor; -1 for none.
  private let client = Mutex<Int32>(-1)

  init(path: String) throws(Failure) { listener = try UnixSocket.listen(at: path) }

  func start(_ inbox: Inbox) {
    inbox.serveInput { [self] offer in
      while true {
        let descriptor = accept(listener, nil, nil)
        guard descriptor >= 0 else {
          if errno == EINTR { continue }
          return
        }
        client.withLock { $0 = descriptor }
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
          let count = recv(descriptor, &buffer, buffer.count, 0)
          if count > 0 { offer(Array(buffer[..<count])) } else if count == 0 || errno != EINTR { break }
        }
        client.withLock { $0 = -1 }
        close(descriptor)
      }
    }
  }

  func write(_ bytes: [UInt8]) {
    client.withLock { descriptor in
      var sent = 0
      while descriptor >= 0, sent < bytes.count {
        let count = bytes[sent...].withUnsafeBytes {
          send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
        }
        if count > 0 { sent += count } else if errno != EINTR { return }
      }
    }
  }
}
