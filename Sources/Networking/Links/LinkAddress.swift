// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Where a link's other end is, or this one.
public enum LinkAddress: Equatable, Sendable, CustomStringConvertible {
  /// A socket in the file system.
  case path(String)
  case port(host: String, port: String)

  /// Nanoseconds that the machine at the other end may take to answer.
  static let answerTime: UInt64 = 200_000_000

  public var description: String {
    switch self {
    case .path(let path): "unix:\(path)"
    case .port(let host, let port): "\(host):\(port)"
    }
  }

  func resolved() throws(Failure) -> SocketAddress {
    switch self {
    case .path(let path): try SocketAddress(path: path)
    case .port(let host, let port): try SocketAddress(host: host, port: port, name: description)
    }
  }

  /// Takes away a socket that nobody listens at any more, as a process leaves it that was killed. Nothing else is ever removed.
  ///
  /// - Parameter type: SOCK_STREAM or SOCK_DGRAM.
  func removeDeadSocket(_ type: Int32) throws(Failure) {
    guard case .path(let path) = self else { return }
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { return }
    let address = try resolved()
    let descriptor = socket(AF_UNIX, type | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    if address.withPointer({ connect(descriptor, $0, $1) }) != 0, errno == ECONNREFUSED { unlink(path) }
  }
}
