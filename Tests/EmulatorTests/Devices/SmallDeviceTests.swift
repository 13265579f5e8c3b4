// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

@Suite struct RealTimeClockTests {
  let board = DeviceTestBoard()
  let clock: RealTimeClock

  init() { clock = RealTimeClock(board: board) }

  @Test func lowWordLatchesHighWord() {
    board.testGate.wallClock = 0x1122_3344_ffff_ffff
    #expect(clock.read32(0) == 0xffff_ffff)
    board.testGate.wallClock += 1
    #expect(clock.read32(4) == 0x1122_3344)
    #expect(board.testGate.wallClockReadCount == 1)
    #expect(clock.read32(0) == 0)
    #expect(clock.read32(4) == 0x1122_3345)
  }

  @Test func settingTheTimeMovesIt() {
    board.testGate.wallClock = 1000
    clock.write32(4, 5)
    clock.write32(0, 77)
    board.testGate.wallClock = 1010
    #expect(clock.read32(0) == 87)
    #expect(clock.read32(4) == 5)
  }

  @Test func alarmGoesOffInGuestTime() {
    board.testGate.wallClock = 10 << 32 | 500
    board.now = Moment(position: 3, time: 2000)
    clock.write32(0x10, 1)
    clock.write32(0x0c, 10)
    clock.write32(0x08, 900)
    #expect(clock.deadlineTime() == 2400)
    #expect(clock.read32(0x18) == 1)
    #expect(clock.read32(0x08) == 900 && clock.read32(0x0c) == 10)
    board.now.time = 2399
    clock.updateAlarm()
    #expect(!board.highSources.contains(11))
    board.now.time = 2400
    clock.updateAlarm()
    #expect(board.highSources.contains(11))
    #expect(clock.deadlineTime() == nil && clock.read32(0x18) == 0)
    clock.write32(0x1c, 0)
    #expect(!board.highSources.contains(11))
    // Only setting the alarm looked at the wall clock.
    #expect(board.testGate.wallClockReadCount == 1)
  }

  @Test func alarmInThePastGoesOffAtOnceIfEnabled() {
    board.testGate.wallClock = 500
    clock.write32(0x08, 500)
    #expect(!board.highSources.contains(11))
    clock.write32(0x10, 1)
    #expect(board.highSources.contains(11))
  }

  @Test func clearedOrUnreachableAlarms() {
    clock.write32(0x08, 900)
    #expect(clock.deadlineTime() == 900)
    clock.write32(0x14, 0)
    #expect(clock.deadlineTime() == nil)
    board.now.time = 1000
    clock.write32(0x0c, 0xffff_ffff)
    clock.write32(0x08, 0xffff_ffff)
    #expect(clock.deadlineTime() == .max)
  }

  @Test func stateRoundTrip() throws {
    board.testGate.wallClock = 7 << 32
    clock.write32(0, 9)
    _ = clock.read32(0)
    clock.write32(0x10, 1)
    clock.write32(0x0c, 100)
    clock.write32(0x08, 5)
    let saved = clock.savedBytes()
    let copy = RealTimeClock(board: board)
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved)
    #expect(copy.deadlineTime() == clock.deadlineTime() && copy.deadlineTime() != nil)
    #expect(copy.read32(4) == 7)
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try copy.restoreAll(Array(saved.prefix(count))) }
    }
    // A deadline, but no alarm.
    var bad = saved
    bad[20] = 0
    #expect(throws: ByteCodingError.self) { try copy.restoreAll(bad) }
    clock.reset()
    #expect(clock.savedBytes() == RealTimeClock(board: board).savedBytes())
  }
}

@Suite struct TestFinisherTests {
  let board = DeviceTestBoard()

  @Test func commands() {
    let finisher = TestFinisher(board: board)
    for value in [0, 0x1234, 0x5554] as [UInt32] { finisher.write32(0, value) }
    finisher.write32(4, 0x5555)
    finisher.write8(0, 0x55)
    #expect(board.powerOffStatus == nil && board.resetCount == 0)
    finisher.write32(0, 0x7777)
    #expect(board.resetCount == 1 && board.powerOffStatus == nil)
    finisher.write32(0, 0x002a_3333)
    #expect(board.powerOffStatus == 42)
    finisher.write32(0, 0x002a_5555)
    #expect(board.powerOffStatus == 0)
    #expect(finisher.read32(0) == 0)
  }
}

@Suite struct BootROMTests {
  @Test func readsAreLittleEndianAndEndWithTheBytes() {
    let rom = BootROM(bytes: Array(1...10))
    #expect(rom.read64(0) == 0x0807_0605_0403_0201)
    #expect(rom.read32(4) == 0x0807_0605)
    #expect(rom.read8(9) == 10)
    #expect(rom.read64(8) == 0x0a09)
    #expect(rom.read64(16) == 0)
    #expect(rom.read(offset: .max - 7, size: 8) == 0)
    rom.write32(0, 0)
    #expect(rom.read32(0) == 0x0403_0201)
  }
}
