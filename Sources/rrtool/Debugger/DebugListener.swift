import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Where debuggers connect: a TCP port of this machine alone, or a Unix socket.
final class DebugListener {
  private let descriptor: Int32
  private let path: String?
  /// What a user gives to gdb's `target remote`.
  let address: String

  /// Listens at a port of the loopback interface; 0 takes any that is free.
  init(port: UInt16) throws(Failure) {
    let name = "tcp:\(port)"
    let descriptor = try Self.open(AF_INET, name)
    self.descriptor = descriptor
    var reuse: Int32 = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &reuse, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
    path = nil
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0
          && getsockname(descriptor, $0, &length) == 0
      }
    }
    self.address = "localhost:\(UInt16(bigEndian: address.sin_port))"
    guard bound else { throw Self.refusal(errno, name) }
  }

  /// Listens at a socket that is made for it, and removed with it.
  init(path: String) throws(Failure) {
    let name = "unix:\(path)"
    do throws(ListeningSocket.Problem) {
      descriptor = try ListeningSocket.make(at: path)
    } catch {
      throw error.tooLong(name) ?? Self.refusal(error.code, name)
    }
    address = path
    self.path = path
  }

  deinit {
    close(descriptor)
    if let path { unlink(path) }
  }

  /// Waits for a client, and asks now and then whether to go on waiting; nil: no.
  func accept(while isWanted: () -> Bool) -> Int32? {
    while isWanted() {
      var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&state, 1, 100) > 0 else { continue }
      let client = Glibc.accept(descriptor, nil, nil)
      guard client >= 0 else { continue }
      _ = fcntl(client, F_SETFD, FD_CLOEXEC)
      // Packets are small, and each waits for the one before. A Unix socket has no such delay to switch off.
      var isOn: Int32 = 1
      setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
      return client
    }
    return nil
  }

  private static func open(_ family: Int32, _ name: String) throws(Failure) -> Int32 {
    let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { throw refusal(errno, name) }
    return descriptor
  }

  private static func refusal(_ problem: Int32, _ name: String) -> Failure {
    Failure(
      .file, "--gdb \(name)", "cannot listen there: \(String(cString: strerror(problem)))",
      remedy: problem == EADDRINUSE ? "remove what stands there, or name another place" : "check the place")
  }
}
