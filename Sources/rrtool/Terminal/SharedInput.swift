// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem

/// Standard input for runs that come one after the other: each gets all of a file or pipe, from its start; the keys of a terminal are for
/// the run at which they are typed.
final class SharedInput: @unchecked Sendable {
  // Sendable: everything is touched with `lock` held, except what never changes.

  /// Bytes that are kept for the runs to come.
  private static let limit = 16 << 20

  private let lock = ConditionLock()
  private let isTerminal = isatty(0) == 1
  private var bytes: [UInt8] = []
  private var isAtEnd = false
  /// Which run it is whose input is served.
  private var run = 0

  init() {
    HostThread { [self] in read() }.abandon()
  }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = Glibc.read(0, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      let isTooMuch = lock.withLock {
        if count > 0 { bytes += buffer[..<count] }
        isAtEnd = count <= 0 || bytes.count > Self.limit
        lock.wakeAll()
        return bytes.count > Self.limit
      }
      if isTooMuch { say("standard input has more than 16 MiB; no round gets the rest of it") }
      if count <= 0 || isTooMuch { return }
    }
  }

  /// Gives what comes to `inbox`, until `release`; `filter` answers what of it is for the guest.
  func serve(_ inbox: Inbox, filter: @escaping @Sendable ([UInt8]) -> [UInt8]) {
    let (mine, start) = lock.withLock {
      run += 1
      return (run, isTerminal ? bytes.count : 0)
    }
    inbox.serveInput { [self] offer in
      var place = start
      while let piece = next(after: place, in: mine) {
        place += piece.count
        offer(filter(piece))
      }
    }
  }

  private func next(after place: Int, in mine: Int) -> [UInt8]? {
    lock.withLock {
      while mine == run, place == bytes.count, !isAtEnd { lock.wait() }
      guard mine == run, place < bytes.count else { return nil }
      return Array(bytes[place..<min(place + 4096, bytes.count)])
    }
  }

  /// The run is over that was served.
  func release() {
    lock.withLock {
      run += 1
      lock.wakeAll()
    }
  }
}
