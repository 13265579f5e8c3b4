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

  init(path: String) throws(Failure) {
    func refuse(_ problem: Int32, _ doing: String) -> Failure {
      Failure(
        .file, "unix:\(path)", "\(doing): \(String(cString: strerror(problem)))",
        remedy: problem == EADDRINUSE ? "remove what stands there or name another socket" : "check the path")
    }
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
      throw Failure(.usage, "unix:\(path)", "is too long for a socket", remedy: "name a shorter path")
    }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else { throw refuse(errno, "cannot make a socket") }
    let bound = withUnsafePointer(to: address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    guard bound == 0 else { throw refuse(errno, "cannot listen there") }
    guard listen(listener, 1) == 0 else { throw refuse(errno, "cannot listen there") }
  }

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
