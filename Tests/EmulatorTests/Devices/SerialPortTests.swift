// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

/// Offsets and values are those of the 16550A's datasheet.
@Suite struct SerialPortTests {
  let board = DeviceTestBoard()
  let uart: SerialPort

  init() { uart = SerialPort(board: board) }

  private var isInterrupting: Bool { board.highSources.contains(10) }

  @Test func registersAfterPowerOn() {
    #expect(uart.read8(1) == 0)
    #expect(uart.read8(2) == 0x01)
    #expect(uart.read8(3) == 0)
    #expect(uart.read8(4) == 0x08)
    #expect(uart.read8(5) == 0x60)
    #expect(uart.read8(6) == 0xb0)
    #expect(uart.read8(7) == 0)
    #expect(uart.read8(8) == 0)
    #expect(!isInterrupting)
  }

  @Test func transmittedBytesLeaveAtOnce() {
    board.now = Moment(position: 7, time: 9)
    uart.write8(0, 0x41)
    board.now = Moment(position: 8, time: 10)
    uart.write(offset: 0, size: 4, value: 0x1234_5642)
    #expect(board.testGate.output == [0x41, 0x42])
    #expect(board.testGate.outputMoments.map(\.position) == [7, 8])
    #expect(uart.read8(5) == 0x60)
  }

  @Test func divisorLatchHidesDataAndInterruptEnable() {
    uart.write8(3, 0x83)
    #expect(uart.read8(0) == 12)
    uart.write8(0, 0x34)
    uart.write8(1, 0x12)
    #expect(uart.read8(0) == 0x34)
    #expect(uart.read8(1) == 0x12)
    uart.write8(3, 0x03)
    #expect(uart.read8(1) == 0)
    #expect(board.testGate.output.isEmpty)
  }

  @Test func readingIdentificationClearsTransmitterInterrupt() {
    uart.write8(1, 0x02)
    #expect(isInterrupting)
    #expect(uart.read8(2) == 0x02)
    #expect(!isInterrupting)
    #expect(uart.read8(2) == 0x01)
    uart.write8(0, 0x41)
    #expect(isInterrupting)
    // Masking and unmasking raises it again even after it was read: Linux tests for this.
    _ = uart.read8(2)
    uart.write8(1, 0x00)
    uart.write8(1, 0x02)
    #expect(isInterrupting)
  }

  @Test func readingAnotherInterruptLeavesTransmitterInterrupt() {
    uart.write8(1, 0x03)
    uart.receive([0x61])
    #expect(uart.read8(2) == 0x04)
    #expect(uart.read8(2) == 0x04)
    #expect(uart.read8(0) == 0x61)
    #expect(uart.read8(2) == 0x02)
    #expect(uart.read8(2) == 0x01)
  }

  @Test func withoutFIFOBytesComeOneByOne() {
    uart.write8(1, 0x01)
    uart.receive([1, 2, 3])
    var bytes: [UInt8] = []
    while uart.read8(5) & 1 != 0 {
      #expect(isInterrupting)
      #expect(uart.read8(2) == 0x04)
      bytes.append(uart.read8(0))
    }
    #expect(bytes == [1, 2, 3])
    #expect(!isInterrupting)
    // RBR keeps its last byte.
    #expect(uart.read8(0) == 3)
  }

  @Test(arguments: [(0x01, 1), (0x41, 4), (0x81, 8), (0xc1, 14)] as [(UInt8, Int)])
  func triggerLevelAndCharacterTimeout(control: UInt8, level: Int) {
    uart.write8(2, control)
    uart.write8(1, 0x01)
    #expect(uart.read8(2) == 0xc1)
    for count in 1...level {
      uart.receive([UInt8(count)])
      #expect(uart.read8(2) == (count < level ? 0xcc : 0xc4))
      #expect(isInterrupting)
    }
    for count in 1...level { #expect(uart.read8(0) == UInt8(count)) }
    #expect(uart.read8(2) == 0xc1)
    #expect(!isInterrupting)
  }

  @Test func receiverResetKeepsBacklog() {
    uart.write8(2, 0x41)
    uart.receive(Array(1...10))
    // Four are in the FIFO, and go; the rest had not arrived there.
    uart.write8(2, 0x43)
    #expect(uart.takeInput(count: 100) == Array(5...10))
  }

  @Test func switchingFIFOsEmptiesThem() {
    uart.write8(2, 0x01)
    uart.receive([1, 2])
    uart.write8(2, 0x00)
    #expect(uart.read8(0) == 2)
    #expect(uart.read8(2) == 0x01)
  }

  @Test func loopbackTurnsEverythingAround() {
    uart.write8(2, 0xc1)
    uart.receive([])
    for (control, status) in [(0x11, 0x20), (0x12, 0x10), (0x14, 0x40), (0x18, 0x80)] as [(UInt8, UInt8)] {
      uart.write8(4, control)
      #expect(uart.read8(6) == status)
    }
    uart.receive([0xee])
    for byte in 1...17 as ClosedRange<UInt8> { uart.write8(0, byte) }
    #expect(board.testGate.output.isEmpty)
    uart.write8(1, 0x05)
    // The seventeenth byte overran; line status comes first, and reading it clears the error.
    #expect(uart.read8(2) == 0xc6)
    #expect(uart.read8(5) == 0x63)
    #expect(uart.read8(5) == 0x61)
    #expect(uart.read8(2) == 0xc4)
    #expect((1...16).map { _ in uart.read8(0) } == Array(1...16))
    #expect(uart.read8(5) == 0x60)
    // Input from outside waited for the end of loopback.
    uart.write8(4, 0x08)
    #expect(uart.read8(0) == 0xee)
  }

  @Test func overrunWithoutFIFOKeepsLastByte() {
    uart.write8(4, 0x10)
    uart.write8(0, 1)
    uart.write8(0, 2)
    #expect(uart.read8(5) == 0x63)
    #expect(uart.read8(0) == 2)
  }

  @Test func backlogIsBounded() {
    uart.receive([UInt8](repeating: 1, count: SerialPort.backlogLimit - 1))
    uart.receive([2, 3, 4])
    // One byte left the backlog for RBR before the second call, which thus found room for two.
    let all = uart.takeInput(count: .max)
    #expect(all.count == SerialPort.backlogLimit + 1)
    #expect(all.suffix(3) == [1, 2, 3])
  }

  @Test func directInputAndRegistersShareOneOrder() {
    uart.write8(2, 0x41)
    uart.receive(Array(1...9))
    #expect(uart.read8(0) == 1)
    #expect(uart.takeInput(count: 0) == [])
    #expect(uart.takeInput(count: 6) == Array(2...7))
    #expect(uart.read8(0) == 8)
    #expect(uart.takeInput(count: 6) == [9])
  }

  @Test func stateRoundTrip() throws {
    uart.write8(3, 0x80)
    uart.write8(0, 0x55)
    uart.write8(3, 0x03)
    uart.write8(2, 0x81)
    uart.write8(1, 0x0f)
    uart.write8(4, 0x0b)
    uart.write8(7, 0x77)
    uart.receive(Array(1...100))
    _ = uart.read8(0)
    let saved = uart.savedBytes()
    let copy = SerialPort(board: board)
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved)
    for offset in [3, 4, 5, 6, 7, 1, 2] as [UInt64] { #expect(copy.read8(offset) == uart.read8(offset)) }
    #expect(copy.takeInput(count: 200) == uart.takeInput(count: 200))
    uart.reset()
    #expect(uart.savedBytes() == SerialPort(board: board).savedBytes())
  }

  @Test func badStateIsRefused() {
    uart.receive([1, 2, 3])
    let saved = uart.savedBytes()
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try uart.restoreAll(Array(saved.prefix(count))) }
    }
    // IER, FCR, MCR, the truth values, and a receiver of two bytes without a FIFO.
    for (index, value) in [(0, 0x10), (1, 0x02), (3, 0x20), (7, 2), (8, 2), (10, 2)] as [(Int, UInt8)] {
      var bad = saved
      bad[index] = value
      #expect(throws: ByteCodingError.self) { try uart.restoreAll(bad) }
    }
  }
}
