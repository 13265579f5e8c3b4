// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Entropy of the host, fetched in large pieces: a system call for each request of a guest would cost more than the
/// bytes.
package struct EntropyPool {
  private static let batch = 16 << 10
  private var bytes: [UInt8] = []
  private var used = 0

  package init() {}

  package mutating func take(_ count: Int) -> [UInt8] {
    if bytes.count - used < count {
      bytes = Self.fromHost(max(count, Self.batch))
      used = 0
    }
    defer { used += count }
    return Array(bytes[used..<used + count])
  }

  private static func fromHost(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        // getentropy gives at most 256 bytes a call, all or nothing.
        let piece = min(256, count - filled)
        let part = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[filled..<filled + piece])
        guard let start = part.baseAddress else { return }
        precondition(getentropy(start, piece) == 0, "the host's entropy source failed (error \(errno))")
        filled += piece
      }
    }
  }
}
