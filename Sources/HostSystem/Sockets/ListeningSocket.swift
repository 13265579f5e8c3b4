// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A stream socket that listens. A name that it has in the file system goes when it goes.
public final class ListeningSocket: Sendable {
  private let descriptor: Int32
  private let path: String?
  /// Where clients connect to, as gdb takes it: a path, or a host and a port.
  public let place: String

  /// Milliseconds between two questions whether to go on waiting.
  private static let patience: Int32 = 50

  /// Listens at a name in the file system, where nothing may stand yet. Only the user may connect.
  ///
  /// It appears there when it listens already: who waits for it to appear is not refused. So it is made under a name beside
  /// it first, which is a few characters longer and must fit as well.
  public init(path: String) throws(Failure) {
    let name = "unix:\(path)"
    let first = path + ".\(getpid())"
    let address = try SocketAddress(path: first, name: name)
    descriptor = try address.makeSocket(blocking: false) { (descriptor) throws(Failure) in
      guard address.withPointer({ bind(descriptor, $0, $1) }) == 0 else { throw Self.refusal(errno, name) }
      defer { unlink(first) }
      guard chmod(first, 0o600) == 0, listen(descriptor, 1) == 0, link(first, path) == 0 else {
        throw Self.refusal(errno, name)
      }
    }
    self.path = path
    place = path
  }

  /// Listens at a port of this machine alone; 0 takes any that is free.
  public convenience init(port: UInt16) throws(Failure) {
    try self.init(host: "127.0.0.1", port: String(port), name: "tcp:\(port)")
  }

  package init(host: String, port: String, name: String) throws(Failure) {
    let address = try SocketAddress(host: host, port: port, name: name)
    var found = sockaddr_in()
    descriptor = try address.makeSocket(blocking: false) { (descriptor) throws(Failure) in
      var isOn: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
      var length = socklen_t(MemoryLayout<sockaddr_in>.size)
      let isBound =
        address.withPointer({ bind(descriptor, $0, $1) }) == 0 && listen(descriptor, 1) == 0
        && withUnsafeMutablePointer(to: &found) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        } == 0
      guard isBound else { throw Self.refusal(errno, name, isPort: true) }
    }
    path = nil
    place = "\(host):\(UInt16(bigEndian: found.sin_port))"
  }

  deinit {
    removeName()
    close(descriptor)
  }

  /// From here on nobody finds it any more.
  public func removeName() {
    if let path { unlink(path) }
  }

  /// Can be read from when a client has come, for `poll`.
  package var pollDescriptor: Int32 { descriptor }

  /// Waits for a client.
  public func accept() -> Int32 {
    while true {
      if let client = accept(waiting: -1) { return client }
    }
  }

  /// Waits for a client as long as one is wanted; nil: none is any more.
  public func accept(while isWanted: () -> Bool) -> Int32? {
    while isWanted() {
      if let client = accept(waiting: Self.patience) { return client }
    }
    return nil
  }

  /// A client that is there already.
  public func acceptNow() -> Int32? { accept(waiting: 0) }

  /// A client that comes within so many milliseconds; -1: whenever it comes.
  private func accept(waiting milliseconds: Int32) -> Int32? {
    var state = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&state, 1, milliseconds) > 0 else { return nil }
    let client = Glibc.accept(descriptor, nil, nil)
    guard client >= 0 else {
      // Whoever came has gone again, or there are too many open files: not at once again.
      usleep(10_000)
      return nil
    }
    // Not for the commands that a migration starts.
    _ = fcntl(client, F_SETFD, FD_CLOEXEC)
    if path == nil {
      // A debugger's packets are small, and each waits for the one before.
      var isOn: Int32 = 1
      setsockopt(client, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
    }
    return client
  }

  private static func refusal(_ number: Int32, _ name: String, isPort: Bool = false) -> Failure {
    // A name that is taken is a file that exists.
    let isTaken = number == EADDRINUSE || number == EEXIST
    return Failure(
      .file, name,
      "cannot listen there: \(String(cString: strerror(isTaken ? EADDRINUSE : number)))",
      remedy: isTaken
        ? "\(isPort ? "end what listens" : "remove what stands") there, or name another \(isPort ? "port" : "place")"
        : "check the place and its permissions")
  }
}
