// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where a migration goes to, or comes from, as a user writes it.
public enum MigrationAddress: Equatable, Sendable, CustomStringConvertible {
  case file(String)
  /// A command for `sh -c`, which gets the stream on its standard input, or gives it on its standard output.
  case exec(String)
  case unix(String)
  case tcp(host: String, port: String)

  /// Where `tcp::PORT` is: nobody else can reach it.
  private static let loopback = "127.0.0.1"

  /// Reads `file:PATH`, `exec:COMMAND`, `unix:PATH` or `tcp:[HOST]:PORT`.
  public init(parsing text: String) throws(Failure) {
    let refusal = Failure(
      .usage, text, "is no address of a migration",
      remedy: "write file:PATH, exec:COMMAND, unix:PATH or tcp:[HOST]:PORT")
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[1].isEmpty else { throw refusal }
    switch parts[0] {
    case "file": self = .file(parts[1])
    case "exec": self = .exec(parts[1])
    case "unix": self = .unix(parts[1])
    case "tcp":
      guard let colon = parts[1].lastIndex(of: ":") else { throw refusal }
      let host = String(parts[1][..<colon])
      let port = String(parts[1][parts[1].index(after: colon)...])
      guard let number = UInt16(port), number > 0 else { throw refusal }
      self = .tcp(host: host.isEmpty ? Self.loopback : host, port: port)
    default: throw refusal
    }
  }

  public var description: String {
    switch self {
    case .file(let path): "file:\(path)"
    case .exec(let command): "exec:\(command)"
    case .unix(let path): "unix:\(path)"
    case .tcp(let host, let port): "tcp:\(host):\(port)"
    }
  }
}
