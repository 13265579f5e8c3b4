// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Stream sockets that a migration goes through: none of its waits holds up who cancels it.
enum HostSocket {
  /// Waits until the descriptor is ready. Throws when it may not go on.
  static func wait(
    for descriptor: Int32, _ events: Int32, name: String, _ mayGoOn: () -> Bool
  ) throws(Failure) {
    while true {
      guard mayGoOn() else { throw cancelled(name) }
      var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      if poll(&entry, 1, 20) > 0 { return }
    }
  }

  static func connect(_ address: MigrationAddress, _ mayGoOn: () -> Bool) throws(Failure) -> Int32 {
    let name = address.description
    let place =
      switch address {
      case .unix(let path): try SocketAddress(path: path)
      case .tcp(let host, let port): try SocketAddress(host: host, port: port, name: name)
      case .file, .exec: preconditionFailure("\(address) is no socket")
      }
    return try place.makeSocket(blocking: false) { (descriptor) throws(Failure) in
      if place.withPointer({ Glibc.connect(descriptor, $0, $1) }) == 0 { return }
      guard errno == EINPROGRESS else { throw .system(errno, path: name, doing: "cannot connect") }
      try wait(for: descriptor, POLLOUT, name: name, mayGoOn)
      var problem: Int32 = 0
      var size = socklen_t(MemoryLayout<Int32>.size)
      getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &problem, &size)
      if problem != 0 { throw .system(problem, path: name, doing: "cannot connect") }
    }
  }

  /// Waits for one connection.
  static func accept(at address: MigrationAddress, _ mayGoOn: () -> Bool) throws(Failure) -> Int32 {
    let listener =
      switch address {
      case .unix(let path): try ListeningSocket(path: path)
      case .tcp(let host, let port):
        try ListeningSocket(host: host, port: port, name: address.description)
      case .file, .exec: preconditionFailure("\(address) is no socket")
      }
    guard let connection = listener.accept(while: mayGoOn) else { throw cancelled(address.description) }
    return connection
  }

  private static func cancelled(_ name: String) -> Failure {
    Failure(.cancelled, name, "was cancelled", remedy: "start it again")
  }
}
