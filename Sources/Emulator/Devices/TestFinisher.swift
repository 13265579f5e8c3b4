// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// SiFive's test finisher: one word whose low half ends or restarts the machine.
package final class TestFinisher: Device {
  private enum Command {
    static let fail: UInt64 = 0x3333
    static let pass: UInt64 = 0x5555
    static let reset: UInt64 = 0x7777
  }

  package let name = "finisher"
  private unowned let board: any Board

  package init(board: any Board) { self.board = board }

  package func accepts(offset: UInt64, size: Int) -> Bool { size == 2 || size == 4 }

  package func read(offset: UInt64, size: Int) -> UInt64 { 0 }

  package func inspect(offset: UInt64) -> UInt8? { 0 }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    guard offset == 0, size == 2 || size == 4 else { return }
    switch value & 0xffff {
    case Command.fail: board.requestPowerOff(status: UInt32(truncatingIfNeeded: value >> 16 & 0xffff))
    case Command.pass: board.requestPowerOff(status: 0)
    case Command.reset: board.requestReset()
    default: break
    }
  }

  package func reset() {}
  package func save(to writer: inout ByteWriter) {}
  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {}
}
