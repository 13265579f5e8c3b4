// SPDX-License-Identifier: Apache-2.0

import Execution
import Synchronization

/// The room that a guest's dumps use, one after the other.
final class SpareRoom: Sendable {
  private let room = Mutex<CopyRoom?>(nil)

  /// The room of the dump before this one if it has the right size. Only when nobody uses that any more.
  func take(byteCount: Int) -> CopyRoom {
    room.withLock { room in
      if let room, room.byteCount == byteCount { return room }
      let new = CopyRoom(byteCount: byteCount)
      room = new
      return new
    }
  }
}
