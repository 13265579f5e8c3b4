// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Where the guest's console output goes on the host.
public protocol ConsoleOutput: AnyObject {
  /// All of `bytes`, in order. A failure of the host to take them must not stop the guest.
  func write(_ bytes: [UInt8])
}

/// Output that nobody wants to see.
public final class NullConsoleOutput: ConsoleOutput {
  public init() {}
  public func write(_ bytes: [UInt8]) {}
}

/// Output to a file descriptor, as whole as the descriptor takes it. A reader that went away (a closed pipe) silences it.
public final class DescriptorConsoleOutput: ConsoleOutput {
  private let descriptor: Int32
  /// The error number with which it took no more: `EPIPE` when its reader has gone.
  public private(set) var problem: Int32?

  /// Whether the last byte that was written ended no line.
  public private(set) var isWithinLine = false

  /// `descriptor` stays the caller's to close.
  public init(descriptor: Int32) { self.descriptor = descriptor }

  public func write(_ bytes: [UInt8]) {
    guard problem == nil else { return }
    if let last = bytes.last { isWithinLine = last != UInt8(ascii: "\n") }
    var offset = 0
    bytes.withUnsafeBytes { buffer in
      while offset < buffer.count {
        let written = Self.writeOnce(descriptor, UnsafeRawBufferPointer(rebasing: buffer[offset...]))
        if written > 0 {
          offset += written
        } else if written < 0, errno == EAGAIN {
          var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
          _ = Self.waitFor(&poll)
        } else if written < 0, errno != EINTR {
          problem = errno
          return
        }
      }
    }
  }

  private static func writeOnce(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    Glibc.write(descriptor, bytes.baseAddress, bytes.count)
  }

  private static func waitFor(_ poll: inout pollfd) -> Int32 {
    Glibc.poll(&poll, 1, -1)
  }
}
