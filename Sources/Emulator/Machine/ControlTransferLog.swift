// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where both engines write jumps while somebody wants to hear of them. It is emptied when it is full, at the end of each turn, and
/// before anything else is told, so that all comes in its order.
final class ControlTransferLog {
  /// So few that they stay in the processor's cache until they are read.
  private static let capacity = 4096

  private let table = HostTable<ControlTransfer>(count: ControlTransferLog.capacity)
  let hear: (ControlTransfers) -> Void

  init(_ hear: @escaping (ControlTransfers) -> Void) { self.hear = hear }

  /// The next jump of any hart goes to the start.
  func connect(_ harts: [Hart]) {
    let start = UInt(bitPattern: table.entries)
    for hart in harts {
      hart.state.pointee.transferCursor = start
      hart.state.pointee.transferLimit = UInt(bitPattern: table.entries + Self.capacity)
    }
  }

  /// Tells the hart's jumps, and empties the log.
  func hand(_ hart: Hart, base: UInt64, end: UInt64) {
    let cursor = hart.state.pointee.transferCursor
    let count = (Int(cursor) - Int(bitPattern: table.entries)) / MemoryLayout<ControlTransfer>.stride
    hear(
      ControlTransfers(
        hart: hart.index, jumps: UnsafeBufferPointer(start: table.entries, count: count), base: base, end: end
      ))
    hart.state.pointee.transferCursor = UInt(bitPattern: table.entries)
  }
}
