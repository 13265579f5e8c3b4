// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The Goldfish real-time clock, as QEMU's `virt` board has it: nanoseconds since 1970 in two words, and one
/// alarm.
///
/// The wall clock is not determined by the machine, so each look at it is a read through the gate. Setting an
/// alarm looks once: how far away the alarm is then counts in guest time, and so the interrupt comes at a
/// determined moment.
package final class RealTimeClock: Device {
  private enum Register {
    static let timeLow: UInt64 = 0x00
    static let timeHigh: UInt64 = 0x04
    static let alarmLow: UInt64 = 0x08
    static let alarmHigh: UInt64 = 0x0c
    static let interruptEnabled: UInt64 = 0x10
    static let clearAlarm: UInt64 = 0x14
    static let alarmStatus: UInt64 = 0x18
    static let clearInterrupt: UInt64 = 0x1c
  }

  /// Bytes that answer at all.
  private static let extent: UInt64 = 0x24

  package let name = "rtc"
  private unowned let board: any Board

  /// What setting the time added to the wall clock, modulo 2^64.
  private var offset: UInt64 = 0
  /// The high word that belongs to the last read of the low one.
  private var latchedHigh: UInt32 = 0
  private var alarm: UInt64 = 0
  /// Guest time at which the alarm goes off; nil while none is set.
  private var deadline: UInt64?
  private var isInterruptEnabled = false
  private var isInterruptPending = false

  package init(board: any Board) { self.board = board }

  /// The guest time in nanoseconds at which `updateAlarm` must be called; nil for never.
  package func deadlineTime() -> UInt64? { deadline }

  /// Raises the alarm if its time has come.
  package func updateAlarm() {
    guard let deadline, board.now.time >= deadline else { return }
    self.deadline = nil
    isInterruptPending = true
    updateInterrupt()
  }

  private func updateInterrupt() {
    board.setInterruptLine(
      source: MemoryMap.InterruptSource.realTimeClock, level: isInterruptEnabled && isInterruptPending)
  }

  private func readTime() -> UInt64 { board.gate.readWallClock(at: board.now) &+ offset }

  private func setAlarm() {
    let time = readTime()
    if alarm <= time {
      deadline = nil
      isInterruptPending = true
      updateInterrupt()
    } else {
      let (moment, overflows) = board.now.time.addingReportingOverflow(alarm - time)
      deadline = overflows ? .max : moment
    }
    board.timersChanged()
  }

  // MARK: Registers

  package func accepts(offset: UInt64, size: Int) -> Bool {
    size >= 4 && offset + UInt64(size) <= Self.extent
  }

  /// Eight bytes are two words, the low one first.
  package func read(offset: UInt64, size: Int) -> UInt64 {
    if size == 8, isPaired {
      let low = readWord(offset: offset)
      return low | readWord(offset: offset + 4) << 32
    }
    return size == 4 ? readWord(offset: offset) : 0
  }

  private var isPaired: Bool { board.configuration.revision.pairsClockWords }

  private func readWord(offset: UInt64) -> UInt64 {
    switch offset {
    case Register.timeLow:
      let time = readTime()
      latchedHigh = UInt32(time >> 32)
      return time & 0xffff_ffff
    case Register.timeHigh: return UInt64(latchedHigh)
    case Register.alarmLow: return alarm & 0xffff_ffff
    case Register.alarmHigh: return alarm >> 32
    case Register.interruptEnabled: return isInterruptEnabled ? 1 : 0
    case Register.alarmStatus: return deadline == nil ? 0 : 1
    default: return 0
    }
  }

  /// What the time is, only the outside can tell.
  package func inspect(offset: UInt64) -> UInt8? {
    guard offset < Self.extent, offset & ~3 != Register.timeLow else { return nil }
    return byte(of: readWord(offset: offset & ~3), at: offset)
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    if size == 8, isPaired {
      writeWord(offset: offset, value: value & 0xffff_ffff)
      writeWord(offset: offset + 4, value: value >> 32)
    } else if size == 4 {
      writeWord(offset: offset, value: value)
    }
  }

  private func writeWord(offset: UInt64, value: UInt64) {
    switch offset {
    case Register.timeLow:
      let time = readTime()
      self.offset &+= Self.replacingLow(of: time, with: value) &- time
    case Register.timeHigh:
      let time = readTime()
      self.offset &+= Self.replacingHigh(of: time, with: value) &- time
    case Register.alarmLow:
      alarm = Self.replacingLow(of: alarm, with: value)
      setAlarm()
    case Register.alarmHigh: alarm = Self.replacingHigh(of: alarm, with: value)
    case Register.interruptEnabled:
      isInterruptEnabled = value & 1 != 0
      updateInterrupt()
    case Register.clearAlarm:
      deadline = nil
      board.timersChanged()
    case Register.clearInterrupt:
      isInterruptPending = false
      updateInterrupt()
    default: break
    }
  }

  private static func replacingLow(of number: UInt64, with value: UInt64) -> UInt64 {
    number & ~0xffff_ffff | value & 0xffff_ffff
  }

  private static func replacingHigh(of number: UInt64, with value: UInt64) -> UInt64 {
    number & 0xffff_ffff | value << 32
  }

  // MARK: State

  package func reset() {
    offset = 0
    latchedHigh = 0
    alarm = 0
    deadline = nil
    isInterruptEnabled = false
    isInterruptPending = false
    updateInterrupt()
    board.timersChanged()
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint64(offset)
    writer.uint32(latchedHigh)
    writer.uint64(alarm)
    writer.bool(deadline != nil)
    writer.uint64(deadline ?? 0)
    writer.bool(isInterruptEnabled)
    writer.bool(isInterruptPending)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    offset = try reader.uint64()
    latchedHigh = try reader.uint32()
    alarm = try reader.uint64()
    let hasDeadline = try reader.bool()
    let start = reader.offset
    let time = try reader.uint64()
    guard hasDeadline || time == 0 else {
      throw .malformed(offset: start, what: "an RTC deadline without an alarm")
    }
    deadline = hasDeadline ? time : nil
    isInterruptEnabled = try reader.bool()
    isInterruptPending = try reader.bool()
  }
}
