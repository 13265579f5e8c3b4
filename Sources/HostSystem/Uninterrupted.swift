// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What `call` answers, called again for as long as a signal interrupts it. On file systems that are programs or far away that
/// befalls opening, locking and syncing too.
@inline(__always)
package func uninterrupted<Answer: SignedInteger>(_ call: () -> Answer) -> Answer {
  while true {
    let answer = call()
    if answer >= 0 || errno != EINTR { return answer }
  }
}

/// Has all of `count` bytes transferred by `call`, which is told how many are and answers how many more it moved, as read and write do.
/// Answers what stopped it, a number of `errno`; nil when nothing did. A call that moves nothing found no room.
package func transferAll(_ count: Int, _ call: (_ done: Int) -> Int) -> Int32? {
  var done = 0
  while done < count {
    let moved = uninterrupted { call(done) }
    guard moved > 0 else { return moved == 0 ? ENOSPC : errno }
    done += moved
  }
  return nil
}

/// Writes all of `bytes` where `descriptor` stands. Answers as `transferAll` does.
package func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Int32? {
  bytes.withUnsafeBytes { buffer in
    transferAll(buffer.count) { done in
      write(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done)
    }
  }
}
