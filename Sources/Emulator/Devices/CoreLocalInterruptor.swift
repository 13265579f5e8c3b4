// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Machine timer and software interrupts in SiFive's CLINT layout, which QEMU's `virt` board builds from the
/// ACLINT's MSWI and MTIMER devices: `msip` at 0, `mtimecmp` at 0x4000, `mtime` at 0xbff8.
///
/// It does not tick: `mtime` follows from guest time, and the machine calls `updateTimerInterrupts` when a
/// `deadlineTime` has come. Between deadlines no level changes.
package final class CoreLocalInterruptor: Device {
  private enum Window {
    static let timeCompare: UInt64 = 0x4000
    static let time: UInt64 = 0xbff8
    static let end: UInt64 = 0xc000
  }

  package let name = "clint"
  private unowned let board: any Board
  private let hartCount: Int

  private var softwareInterrupts: [Bool]
  private var timeCompares: [UInt64]
  /// The timer level of each hart, as the hart last saw it.
  private var timerInterrupts: [Bool]
  /// What a guest's write to `mtime` added to guest time, in ticks and modulo 2^64. The `time` CSR counts it
  /// too.
  private var timeOffsetTicks: UInt64 = 0

  package init(board: any Board, hartCount: Int) {
    self.board = board
    self.hartCount = hartCount
    softwareInterrupts = [Bool](repeating: false, count: hartCount)
    timeCompares = [UInt64](repeating: 0, count: hartCount)
    timerInterrupts = [Bool](repeating: false, count: hartCount)
  }

  // MARK: Time

  /// `mtime`, and the `time` CSR, at a moment.
  package func ticks(at moment: Moment) -> UInt64 {
    moment.time / MemoryMap.nanosecondsPerTick &+ timeOffsetTicks
  }

  /// The guest time in nanoseconds, later than now, at which the timer level of `hart` changes next; nil for
  /// never.
  ///
  /// It rises when `mtime` reaches `mtimecmp`, and falls when `mtime` wraps to zero.
  package func deadlineTime(hart: Int) -> UInt64? { deadlineTime(compare: timeCompares[hart]) }

  /// The same for any timer that is high while `mtime` is at least `compare`; `stimecmp` is another one.
  package func deadlineTime(compare: UInt64) -> UInt64? {
    let now = board.now
    let ticks = ticks(at: now)
    let wait: UInt64
    if ticks < compare {
      wait = compare - ticks
    } else {
      guard compare != 0, ticks != 0 else { return nil }
      wait = 0 &- ticks
    }
    let (target, overflows) = (now.time / MemoryMap.nanosecondsPerTick).addingReportingOverflow(wait)
    let (time, exceeds) = target.multipliedReportingOverflow(by: MemoryMap.nanosecondsPerTick)
    return overflows || exceeds ? nil : time
  }

  /// Brings the timer level of every hart up to now.
  package func updateTimerInterrupts() {
    let ticks = ticks(at: board.now)
    for hart in 0..<hartCount {
      let level = ticks >= timeCompares[hart]
      guard level != timerInterrupts[hart] else { continue }
      timerInterrupts[hart] = level
      board.setHartInterrupt(hart: hart, .machineTimer, level: level)
    }
  }

  private func timeChanged() {
    updateTimerInterrupts()
    board.timersChanged()
  }

  // MARK: Registers

  private enum Location {
    case softwareInterrupt(hart: Int)
    case timeCompare(hart: Int)
    case time
  }

  private func location(offset: UInt64) -> Location? {
    if offset & ~7 == Window.time { return .time }
    if offset >= Window.timeCompare {
      let hart = (offset - Window.timeCompare) >> 3
      return hart < UInt64(hartCount) ? .timeCompare(hart: Int(hart)) : nil
    }
    let hart = offset >> 2
    return hart < UInt64(hartCount) ? .softwareInterrupt(hart: Int(hart)) : nil
  }

  package func accepts(offset: UInt64, size: Int) -> Bool {
    if offset < Window.timeCompare { return size == 4 }
    return offset < Window.end && size >= 4
  }

  package func read(offset: UInt64, size: Int) -> UInt64 {
    guard size >= 4 else { return 0 }
    switch location(offset: offset) {
    case .softwareInterrupt(let hart): return softwareInterrupts[hart] ? 1 : 0
    case .timeCompare(let hart): return Self.part(of: timeCompares[hart], offset: offset, size: size)
    case .time: return Self.part(of: ticks(at: board.now), offset: offset, size: size)
    case nil: return 0
    }
  }

  /// Reading has no effect.
  package func inspect(offset: UInt64) -> UInt8? {
    offset < Window.end ? byte(of: read(offset: offset & ~3, size: 4), at: offset) : nil
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    guard size >= 4 else { return }
    switch location(offset: offset) {
    case .softwareInterrupt(let hart):
      softwareInterrupts[hart] = value & 1 != 0
      board.setHartInterrupt(hart: hart, .machineSoftware, level: value & 1 != 0)
    case .timeCompare(let hart):
      timeCompares[hart] = Self.replacing(timeCompares[hart], offset: offset, size: size, with: value)
      timeChanged()
    case .time:
      let ticks = ticks(at: board.now)
      timeOffsetTicks &+= Self.replacing(ticks, offset: offset, size: size, with: value) &- ticks
      timeChanged()
    case nil: break
    }
  }

  /// All of a 64-bit register, or the half that a 4-byte access at `offset` means.
  private static func part(of register: UInt64, offset: UInt64, size: Int) -> UInt64 {
    if size == 8 { return register }
    return offset & 4 == 0 ? register & 0xffff_ffff : register >> 32
  }

  private static func replacing(_ register: UInt64, offset: UInt64, size: Int, with value: UInt64) -> UInt64 {
    if size == 8 { return value }
    return offset & 4 == 0
      ? register & ~0xffff_ffff | value & 0xffff_ffff
      : register & 0xffff_ffff | value << 32
  }

  // MARK: State

  /// `mtime` starts at zero again, as the ACLINT specification asks. It leaves `mtimecmp` open; zero, as on
  /// QEMU, means that the machine timer's interrupt is pending from the start, until the guest sets a time.
  package func reset() {
    timeOffsetTicks = 0 &- board.now.time / MemoryMap.nanosecondsPerTick
    for hart in 0..<hartCount {
      softwareInterrupts[hart] = false
      timeCompares[hart] = 0
      timerInterrupts[hart] = true
      // The harts may have been reset on their own, so they are told even what has not changed here.
      board.setHartInterrupt(hart: hart, .machineSoftware, level: false)
      board.setHartInterrupt(hart: hart, .machineTimer, level: true)
    }
    board.timersChanged()
  }

  package func save(to writer: inout ByteWriter) {
    writer.uint64(timeOffsetTicks)
    for hart in 0..<hartCount {
      writer.bool(softwareInterrupts[hart])
      writer.uint64(timeCompares[hart])
      writer.bool(timerInterrupts[hart])
    }
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    timeOffsetTicks = try reader.uint64()
    for hart in 0..<hartCount {
      softwareInterrupts[hart] = try reader.bool()
      timeCompares[hart] = try reader.uint64()
      timerInterrupts[hart] = try reader.bool()
    }
  }
}
