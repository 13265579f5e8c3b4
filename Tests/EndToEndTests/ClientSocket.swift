// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A socket that is connected to another's, in the file system.
final class ClientSocket {
  private let descriptor: Int32

  /// Connects as soon as somebody listens at `path`, for a minute at most.
  ///
  /// - Parameters:
  ///   - patience: how many seconds `receive` waits for something to come.
  ///   - program: who is to listen there; nobody does any more when it has ended.
  init(_ path: String, patience: Int, of program: HostProgram? = nil) throws {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    self.descriptor = descriptor
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    try waitUntil("somebody listens at \(path)") {
      try #require(program?.isRunning ?? true, "who was to listen at \(path) has ended")
      return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
      } == 0
    }
    // One that is never answered must not hold up the tests.
    var limit = timeval(tv_sec: patience, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
  }

  deinit { close(descriptor) }

  /// False when the other end has closed.
  func send(_ bytes: some Sequence<UInt8>) -> Bool {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count <= 0 { return false }
      rest = rest.dropFirst(count)
    }
    return true
  }

  /// The same with descriptors beside the bytes.
  func send(_ text: String, passing descriptors: [Int32]) -> Bool {
    TestSupport.send(text, passing: descriptors, over: descriptor)
  }

  /// What came next; nil when the other end has closed, or nothing came for too long.
  func receive() -> ArraySlice<UInt8>? {
    var buffer = [UInt8](repeating: 0, count: 65536)
    var count: Int
    // With a limit, it also comes back when the process was stopped and goes on.
    repeat { count = recv(descriptor, &buffer, buffer.count, 0) } while count < 0 && errno == EINTR
    return count > 0 ? buffer[..<count] : nil
  }

  /// Ends the connection for both.
  func hangUp() { shutdown(descriptor, Int32(SHUT_RDWR)) }
}
