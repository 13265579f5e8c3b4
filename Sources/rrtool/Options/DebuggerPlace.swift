// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where a debugger connects to, as `--gdb` says it.
enum DebuggerPlace: Equatable {
  /// Of this machine alone.
  case tcp(UInt16)
  case unix(String)
  case stdio

  /// `tcp:PORT`, with a name of this machine before the port or without, `unix:SOCKET` or `stdio`.
  init(parsing text: String) throws(Failure) {
    if text == "stdio" {
      self = .stdio
    } else if text.hasPrefix("unix:"), text.utf8.count > 5 {
      self = .unix(String(text.dropFirst(5)))
    } else if text.hasPrefix("tcp:") {
      let address = text.dropFirst(4)
      let colon = address.lastIndex(of: ":")
      let host = colon.map { address[..<$0] } ?? ""
      guard let port = UInt16(colon.map { address[address.index(after: $0)...] } ?? address) else {
        throw Self.refusal(text)
      }
      guard ["", "localhost", "127.0.0.1"].contains(host) else {
        throw Failure(
          .usage, "--gdb \(text)",
          "a debugger may do anything with a guest, and is served on this machine alone",
          remedy: "give tcp:\(port), and reach it from elsewhere through ssh -L")
      }
      self = .tcp(port)
    } else {
      throw Self.refusal(text)
    }
  }

  private static func refusal(_ text: String) -> Failure {
    Failure(.usage, "--gdb \(text)", "is no place to listen", remedy: "give tcp:PORT, unix:SOCKET or stdio")
  }

  /// A socket that listens there; not for `stdio`.
  func listen() throws(Failure) -> ListeningSocket {
    switch self {
    case .tcp(let port): try ListeningSocket(port: port)
    case .unix(let path): try ListeningSocket(path: path)
    case .stdio: preconditionFailure("standard input and output are open already")
    }
  }
}
