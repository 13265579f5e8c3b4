// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

@Suite struct CoreLocalInterruptorTests {
  let board = DeviceTestBoard()
  let clint: CoreLocalInterruptor

  init() {
    clint = CoreLocalInterruptor(board: board, hartCount: 2)
    clint.reset()
  }

  private func advance(to time: UInt64) { board.now = Moment(position: time, time: time) }

  @Test func timeCountsTicksOfOneHundredNanoseconds() {
    advance(to: 12_345_678_901_299)
    #expect(clint.read64(0xbff8) == 123_456_789_012)
    #expect(clint.read32(0xbff8) == UInt32(truncatingIfNeeded: 123_456_789_012 as UInt64))
    #expect(clint.read32(0xbffc) == 28)
    #expect(clint.ticks(at: Moment(position: 0, time: 199)) == 1)
  }

  @Test func timerIsPendingFromPowerOnUntilItIsSet() {
    #expect(board.isHigh(.machineTimer, hart: 0) && board.isHigh(.machineTimer, hart: 1))
    #expect(clint.deadlineTime(hart: 0) == nil)
    clint.write64(0x4000, 10)
    #expect(!board.isHigh(.machineTimer, hart: 0) && board.isHigh(.machineTimer, hart: 1))
  }

  @Test func timerFiresExactlyAtItsDeadline() {
    advance(to: 950)
    let changes = board.timerChangeCount
    clint.write64(0x4008, 20)
    #expect(board.timerChangeCount == changes + 1)
    #expect(clint.deadlineTime(hart: 1) == 2000)
    advance(to: 1999)
    clint.updateTimerInterrupts()
    #expect(!board.isHigh(.machineTimer, hart: 1))
    advance(to: 2000)
    clint.updateTimerInterrupts()
    #expect(board.isHigh(.machineTimer, hart: 1))
    #expect(clint.deadlineTime(hart: 1) == nil)
    clint.write64(0x4008, 21)
    #expect(!board.isHigh(.machineTimer, hart: 1))
  }

  @Test func halvesOfCompare() {
    clint.write64(0x4000, 0x1111_2222_3333_4444)
    clint.write32(0x4000, 0xaaaa_bbbb)
    clint.write32(0x4004, 0xcccc_dddd)
    #expect(clint.read64(0x4000) == 0xcccc_dddd_aaaa_bbbb)
    #expect(clint.read32(0x4000) == 0xaaaa_bbbb && clint.read32(0x4004) == 0xcccc_dddd)
    clint.write64(0x4010, 1)
    #expect(clint.read64(0x4010) == 0)
  }

  @Test func writtenTimeGoesOnFromThere() {
    advance(to: 1000)
    clint.write64(0x4000, 5_000)
    clint.write64(0xbff8, 4_990)
    #expect(clint.read64(0xbff8) == 4_990)
    #expect(clint.deadlineTime(hart: 0) == 2000)
    advance(to: 2000)
    #expect(clint.read64(0xbff8) == 5_000)
    clint.write32(0xbffc, 7)
    #expect(clint.read64(0xbff8) == 7 << 32 | 5_000)
    #expect(board.isHigh(.machineTimer, hart: 0))
    clint.write32(0xbff8, 1)
    clint.write32(0xbffc, 0)
    #expect(clint.read64(0xbff8) == 1)
    #expect(!board.isHigh(.machineTimer, hart: 0))
  }

  @Test func deadlinesBeyondAllTimeNeverCome() {
    advance(to: 500)
    for compare in [UInt64.max, UInt64.max / 100 + 1, 1 << 63] as [UInt64] {
      clint.write64(0x4000, compare)
      #expect(clint.deadlineTime(hart: 0) == nil)
    }
    clint.write64(0x4000, UInt64.max / 100)
    #expect(clint.deadlineTime(hart: 0) == UInt64.max / 100 * 100)
  }

  @Test func timerFallsWhenTimeWraps() {
    clint.write64(0x4000, 100)
    clint.write64(0xbff8, .max - 4)
    #expect(board.isHigh(.machineTimer, hart: 0))
    #expect(clint.deadlineTime(hart: 0) == 500)
    advance(to: 500)
    clint.updateTimerInterrupts()
    #expect(!board.isHigh(.machineTimer, hart: 0))
    #expect(clint.deadlineTime(hart: 0) == 500 + 100 * 100)
  }

  @Test func softwareInterrupts() {
    clint.write32(4, 0xffff_ffff)
    #expect(board.isHigh(.machineSoftware, hart: 1) && !board.isHigh(.machineSoftware, hart: 0))
    #expect(clint.read32(4) == 1 && clint.read32(0) == 0)
    clint.write32(4, 0xffff_fffe)
    #expect(!board.isHigh(.machineSoftware, hart: 1))
    clint.write32(8, 1)
    #expect(clint.read32(8) == 0)
  }

  @Test func resetStartsTimeAgain() {
    clint.write32(0, 1)
    clint.write64(0x4000, 77)
    advance(to: 123_456)
    clint.reset()
    #expect(clint.read64(0xbff8) == 0)
    #expect(!board.isHigh(.machineSoftware, hart: 0))
    #expect(board.isHigh(.machineTimer, hart: 0))
  }

  @Test func stateRoundTrip() throws {
    advance(to: 1000)
    clint.write32(4, 1)
    clint.write64(0x4000, 50)
    clint.write64(0xbff8, 9)
    let saved = clint.savedBytes()
    let copy = CoreLocalInterruptor(board: board, hartCount: 2)
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved)
    #expect(copy.deadlineTime(hart: 0) == clint.deadlineTime(hart: 0))
    #expect(copy.read64(0xbff8) == 9)
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try copy.restoreAll(Array(saved.prefix(count))) }
    }
    var bad = saved
    bad[8] = 2
    #expect(throws: ByteCodingError.self) { try copy.restoreAll(bad) }
  }
}
