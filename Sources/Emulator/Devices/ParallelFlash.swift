// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A bank of flash: two chips of 16 bits side by side that obey Intel's command set, as on QEMU's board.
///
/// Both chips get the same commands, so that there is one state for them; a command is the low byte of what is written, whatever
/// its width and address. Nothing takes time: a program or an erase is over when it is asked for. What the bank holds is in
/// memory behind RAM (`AttachedStorage`), where harts find it while it reads as an array. It is not lost in a reset.
package final class ParallelFlash: Device {
  private enum Command {
    static let readArray: UInt8 = 0xff
    static let program: UInt8 = 0x40
    static let programToo: UInt8 = 0x10
    static let erase: UInt8 = 0x20
    static let confirm: UInt8 = 0xd0
    static let clearStatus: UInt8 = 0x50
    static let readStatus: UInt8 = 0x70
    static let readIdentity: UInt8 = 0x90
    static let query: UInt8 = 0x98
    static let lock: UInt8 = 0x60
    static let lockBlock: UInt8 = 0x01
    static let writeBuffer: UInt8 = 0xe8
  }

  private enum Status {
    static let ready: UInt8 = 0x80
    static let eraseFailed: UInt8 = 0x20
    static let programFailed: UInt8 = 0x10
    static let all: UInt8 = 0xb0
  }

  /// What the next write is.
  private enum Step: UInt8 {
    case command
    /// The second word of a command that has two.
    case second
    /// A word for the buffer.
    case word
    /// The end of the words for the buffer.
    case confirmation
  }

  /// Of a bank: what an erase sets to ones.
  package static let blockSize: UInt64 = 256 << 10
  /// Of both chips.
  private static let bufferSize: UInt64 = 4096
  /// A query finds one byte of this table in each word.
  private static let queryTable: [UInt8] = {
    var table = [UInt8](repeating: 0, count: 0x52)
    func set(_ index: Int, _ bytes: UInt8...) {
      for (place, byte) in bytes.enumerated() { table[index + place] = byte }
    }
    set(0x10, 0x51, 0x52, 0x59)  // "QRY"
    set(0x13, 0x01, 0x00)  // Intel's extended command set
    set(0x15, 0x31, 0x00)  // where its own table is
    set(0x1b, 0x45, 0x55)  // volts, lowest and highest
    set(0x1f, 0x07, 0x07, 0x0a, 0x00, 0x04, 0x04, 0x04, 0x00)  // times, of a word, a buffer, a block
    set(0x27, 0x18)  // 2^24 bytes a chip
    set(0x28, 0x02, 0x00)  // reached by bytes and halfwords
    set(0x2a, 0x0b, 0x00)  // 2^11 bytes a buffer and chip
    set(0x2c, 0x01, 0x7f, 0x00, 0x00, 0x02)  // one region: 128 blocks of 128 KiB a chip
    set(0x31, 0x50, 0x52, 0x49, 0x31, 0x30)  // "PRI10"
    set(0x3f, 0x01)  // fields of protection registers
    return table
  }()
  private static let identity: [UInt8] = [0x89, 0x18]

  package let name: String
  private unowned let board: any Board
  private let bank: Int
  private let isReadOnly: Bool

  /// The command at work: 0 while the bank reads as an array.
  private var command: UInt8 = 0
  private var step = Step.command
  private var status = Status.ready
  /// Words for the buffer after the next one.
  private var wordsLeft: UInt16 = 0
  /// Where the words in the buffer go to, and what will stand there; nil while there are none.
  private var buffer: (offset: UInt64, bytes: [UInt8])?

  package init(board: any Board, bank: Int, isReadOnly: Bool) {
    name = "flash\(bank)"
    self.board = board
    self.bank = bank
    self.isReadOnly = isReadOnly
    board.memory.setFlash(bank: bank, readsArray: true)
  }

  /// Where the bank lies behind RAM.
  private var start: UInt64 { UInt64(bank) * AttachedStorage.bankSize }

  // MARK: Reading

  package func read(offset: UInt64, size: Int) -> UInt64 {
    var value: UInt64 = 0
    for place in stride(from: 0, to: size, by: 4) {
      value |= UInt64(readWord(offset + UInt64(place), size: min(size, 4))) << UInt64(place * 8)
    }
    return size == 8 ? value : value & (1 << UInt64(size * 8) - 1)
  }

  private func readWord(_ offset: UInt64, size: Int) -> UInt32 {
    func inBoth(_ value: UInt8) -> UInt32 { UInt32(value) << 16 | UInt32(value) }
    let index = Int(offset >> 2)
    switch command {
    case 0:
      return UInt32(
        littleEndianBytes: board.memory.readAttached(at: start + offset, count: size) ?? [])
    case Command.readIdentity: return inBoth(index & 0xff < 2 ? Self.identity[index & 0xff] : 0)
    case Command.query: return inBoth(index < Self.queryTable.count ? Self.queryTable[index] : 0)
    default: return size == 4 ? inBoth(status) : UInt32(status)
    }
  }

  /// Reading has no effect.
  package func inspect(offset: UInt64) -> UInt8? { byte(of: read(offset: offset & ~3, size: 4), at: offset) }

  // MARK: Writing

  package func write(offset: UInt64, size: Int, value: UInt64) {
    for place in stride(from: 0, to: size, by: 4) {
      writeWord(
        offset + UInt64(place), size: min(size, 4), UInt32(truncatingIfNeeded: value >> UInt64(place * 8)))
    }
    board.memory.setFlash(bank: bank, readsArray: command == 0)
  }

  private func writeWord(_ offset: UInt64, size: Int, _ value: UInt32) {
    let byte = UInt8(truncatingIfNeeded: value)
    switch step {
    case .command: begin(byte, offset)
    case .second: goOn(byte, offset, size: size, value)
    case .word:
      putIntoBuffer(offset, size: size, value)
      status |= Status.ready
      if wordsLeft == 0 { step = .confirmation } else { wordsLeft -= 1 }
    case .confirmation:
      if byte == Command.confirm, status & Status.programFailed == 0, let buffer {
        board.memory.writeAttached(buffer.bytes, at: start + buffer.offset)
        step = .command
      } else {
        readArray()
      }
      buffer = nil
    }
  }

  private func begin(_ byte: UInt8, _ offset: UInt64) {
    switch byte {
    case Command.program, Command.programToo, Command.lock, Command.query: step = .second
    case Command.erase:
      if isReadOnly { status |= Status.eraseFailed } else { erase(offset) }
      status |= Status.ready
      step = .second
    case Command.writeBuffer:
      status |= Status.ready
      step = .second
    case Command.readStatus, Command.readIdentity: break
    case Command.clearStatus:
      status = 0
      return readArray()
    default: return readArray()
    }
    command = byte
  }

  private func goOn(_ byte: UInt8, _ offset: UInt64, size: Int, _ value: UInt32) {
    switch command {
    case Command.program, Command.programToo:
      if isReadOnly {
        status |= Status.programFailed
      } else {
        board.memory.writeAttached(Self.bytes(of: value, size), at: start + offset)
      }
      status |= Status.ready
      step = .command
    case Command.erase where byte == Command.confirm,
      Command.lock where byte == Command.confirm || byte == Command.lockBlock:
      status |= Status.ready
      step = .command
    case Command.writeBuffer:
      wordsLeft = UInt16(truncatingIfNeeded: value)
      step = .word
      openBuffer(offset)
    // A query goes on until the array is asked for.
    case Command.query where byte != Command.readArray: break
    default: readArray()
    }
  }

  private func readArray() {
    command = 0
    step = .command
    buffer = nil
  }

  private func erase(_ offset: UInt64) {
    let block = offset & ~(Self.blockSize - 1)
    board.memory.writeAttached([UInt8](repeating: 0xff, count: Int(Self.blockSize)), at: start + block)
  }

  /// Where the number of words is stored says which part of the bank they go to.
  private func openBuffer(_ offset: UInt64) {
    guard !isReadOnly else { return }
    let from = offset & ~(Self.bufferSize - 1)
    buffer = board.memory.readAttached(at: start + from, count: Int(Self.bufferSize)).map { (from, $0) }
  }

  private func putIntoBuffer(_ offset: UInt64, size: Int, _ value: UInt32) {
    guard let from = buffer?.offset, offset >= from, offset + UInt64(size) <= from + Self.bufferSize else {
      status |= Status.programFailed
      return
    }
    for (place, byte) in Self.bytes(of: value, size).enumerated() {
      buffer?.bytes[Int(offset - from) + place] = byte
    }
  }

  private static func bytes(of value: UInt32, _ size: Int) -> [UInt8] {
    (0..<size).map { UInt8(truncatingIfNeeded: value >> UInt32($0 * 8)) }
  }

  // MARK: State

  package func reset() {
    readArray()
    status = Status.ready
    wordsLeft = 0
    board.memory.setFlash(bank: bank, readsArray: true)
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint8(command)
    writer.uint8(step.rawValue)
    writer.uint8(status)
    writer.uint16(wordsLeft)
    writer.bool(buffer != nil)
    if let buffer {
      writer.uint32(UInt32(buffer.offset))
      writer.raw(buffer.bytes)
    }
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    let from = reader.offset
    command = try reader.uint8()
    let step = Step(rawValue: try reader.uint8())
    status = try reader.uint8(within: Status.all, "flash status")
    wordsLeft = try reader.uint16()
    buffer = nil
    if try reader.bool() {
      let offset = UInt64(try reader.uint32())
      guard offset < AttachedStorage.bankSize, offset % Self.bufferSize == 0 else {
        throw .malformed(offset: from, what: "a flash buffer that cannot be")
      }
      buffer = (offset, Array(try reader.raw(Int(Self.bufferSize))))
    }
    let isPossible =
      switch step {
      case .command, .second: true
      case .word, .confirmation: command == Command.writeBuffer
      case nil: false
      }
    guard let step, isPossible, !(command == 0 && step != .command) else {
      throw .malformed(offset: from, what: "flash in a state that cannot be")
    }
    self.step = step
    board.memory.setFlash(bank: bank, readsArray: command == 0)
  }
}
