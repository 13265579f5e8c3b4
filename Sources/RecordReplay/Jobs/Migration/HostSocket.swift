#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Stream sockets.
enum HostSocket {
  /// Waits until the descriptor is ready. Throws when it may not go on.
  static func wait(
    for descriptor: Int32, _ events: Int32, name: String, _ mayGoOn: () -> Bool
  ) throws(Failure) {
    while true {
      guard mayGoOn() else { throw Failure(.cancelled, name, "was cancelled", remedy: "start it again") }
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      if poll(&entry, 1, 20) > 0 { return }
    }
  }

  static func connect(_ address: MigrationAddress, _ mayGoOn: () -> Bool) throws(Failure) -> Int32 {
    try open(address) { (descriptor, socketAddress, length) throws(Failure) in
      if Glibc.connect(descriptor, socketAddress, length) == 0 { return }
      guard errno == EINPROGRESS else {
        throw .system(errno, path: address.description, doing: "cannot connect")
      }
      try wait(for: descriptor, POLLOUT, name: address.description, mayGoOn)
      var problem: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
      if problem != 0 { throw .system(problem, path: address.description, doing: "cannot connect") }
    }
  }

  /// Waits for one connection.
  static func accept(at address: MigrationAddress, _ mayGoOn: () -> Bool) throws(Failure) -> Int32 {
    let listener = try listen(at: address)
    defer {
      close(listener)
      if case .unix(let path) = address { unlink(path) }
    }
    while true {
      try wait(for: listener, POLLIN, name: address.description, mayGoOn)
      let connection = Glibc.accept(listener, nil, nil)
      guard connection >= 0 else { continue }
      _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
      return connection
    }
  }

  private static func listen(at address: MigrationAddress) throws(Failure) -> Int32 {
    if case .unix(let path) = address {
      do throws(ListeningSocket.Problem) {
        let listener = try ListeningSocket.make(at: path)
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        return listener
      } catch {
        throw error.tooLong(path)
          ?? .system(error.code, path: address.description, doing: "cannot listen there")
      }
    }
    return try open(address) { (descriptor, socketAddress, length) throws(Failure) in
      var yes: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
      guard bind(descriptor, socketAddress, length) == 0, Glibc.listen(descriptor, 1) == 0 else {
        throw .system(errno, path: address.description, doing: "cannot listen there")
      }
    }
  }

  /// A socket, that does not block, for an address, which `body` binds or connects it to.
  private static func open(
    _ address: MigrationAddress,
    _ body: (Int32, UnsafePointer<sockaddr>, socklen_t) throws(Failure) -> Void
  ) throws(Failure) -> Int32 {
    let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    func use(_ family: Int32, _ socketAddress: UnsafePointer<sockaddr>, _ length: socklen_t) throws(Failure)
      -> Int32
    {
      let descriptor = socket(family, type, 0)
      guard descriptor >= 0 else {
        throw .system(errno, path: address.description, doing: "cannot make a socket")
      }
      do throws(Failure) {
        try body(descriptor, socketAddress, length)
        return descriptor
      } catch {
        close(descriptor)
        throw error
      }
    }
    switch address {
    case .unix(let path):
      var name = sockaddr_un()
      name.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      guard bytes.count < MemoryLayout.size(ofValue: name.sun_path) else {
        throw Failure(.usage, path, "is too long for the name of a socket", remedy: "choose a shorter name")
      }
      withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
      let length = socklen_t(MemoryLayout<sockaddr_un>.size)
      let storage = UnsafeMutablePointer<sockaddr_un>.allocate(capacity: 1)
      defer { storage.deallocate() }
      storage.initialize(to: name)
      return try use(AF_UNIX, UnsafeRawPointer(storage).assumingMemoryBound(to: sockaddr.self), length)
    case .tcp(let host, let port):
      var hints = addrinfo()
      hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
      hints.ai_family = AF_INET
      var found: UnsafeMutablePointer<addrinfo>?
      let status = getaddrinfo(host, port, &hints, &found)
      defer { if let found { freeaddrinfo(found) } }
      guard status == 0, let first = found?.pointee, let socketAddress = first.ai_addr else {
        throw Failure(
          .file, address.description, "cannot be found: \(String(cString: gai_strerror(status)))",
          remedy: "check the host's name")
      }
      return try use(first.ai_family, socketAddress, first.ai_addrlen)
    case .file, .exec: preconditionFailure("\(address) is no socket")
    }
  }
}
