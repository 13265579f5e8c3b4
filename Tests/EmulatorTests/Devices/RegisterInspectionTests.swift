// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

/// Registers looked at from outside: what a read would answer, and no effect of it.
@Suite struct RegisterInspectionTests {
  /// Devices do not own it.
  let board = DeviceTestBoard()

  private func bytes(_ device: some Device, _ offset: UInt64, _ count: UInt64) -> [UInt8?] {
    (offset..<offset + count).map { device.inspect(offset: $0) }
  }

  @Test func whatWasReceivedStays() {
    let uart = SerialPort(board: board)
    uart.write8(1, 0x03)
    uart.receive([0x41, 0x42])
    for _ in 0..<2 {
      #expect(bytes(uart, 0, 8) == [0x41, 0x03, 0x04, 0, 0x08, 0x61, 0xb0, 0])
      #expect(uart.inspect(offset: 8) == nil)
    }
    #expect(board.highSources.contains(10))
    #expect(uart.read8(0) == 0x41 && uart.read8(0) == 0x42)
    // The transmitter's interrupt ends with the look of the guest, not with ours.
    uart.write8(0, 0x43)
    #expect(uart.inspect(offset: 2) == 0x02 && uart.inspect(offset: 2) == 0x02)
    #expect(uart.read8(2) == 0x02 && uart.read8(2) == 0x01)
  }

  @Test func anInterruptIsNotClaimed() {
    let plic = PlatformInterruptController(board: board, hartCount: 1)
    plic.write(offset: 0x28, size: 4, value: 3)
    plic.write(offset: 0x2000, size: 4, value: 1 << 10)
    plic.setSource(10, level: true)
    for _ in 0..<2 { #expect(bytes(plic, 0x20_0004, 4) == [10, 0, 0, 0]) }
    #expect(bytes(plic, 0x28, 4) == [3, 0, 0, 0])
    #expect(plic.read(offset: 0x20_0004, size: 4) == 10)
    #expect(bytes(plic, 0x20_0004, 4) == [0, 0, 0, 0])
  }

  @Test func theWallClockIsNotAsked() {
    let clock = RealTimeClock(board: board)
    clock.write(offset: 0x0c, size: 4, value: 0x1234_5678)
    #expect(clock.inspect(offset: 0) == nil && clock.inspect(offset: 3) == nil)
    #expect(bytes(clock, 0x0c, 4) == [0x78, 0x56, 0x34, 0x12])
    #expect(clock.inspect(offset: 0x24) == nil)
  }

  /// The whole board, with each read of a word that has no effect beside it; nothing of the machine changes.
  @Test func lookingLeavesNoTrace() {
    var program = Assembly()
    program.label("spin")
    program.jump("spin")
    let machine = makeMachine(
      program, harts: 2, drives: [.init(sectorCount: 64, isReadOnly: false, serial: "disk")])
    _ = machine.run(until: 1_000)
    let before = machine.fingerprint
    for area in machine.addressMap where area.name != "ram" {
      let found = machine.inspect(physical: area.base, count: min(Int(area.size), 0x2000))
      #expect(found == machine.readMemory(virtual: area.base, count: min(Int(area.size), 0x2000), hart: 1))
      if ["rtc", "fw-cfg"].contains(area.name) {
        #expect(found.isEmpty)
      } else {
        #expect(!found.isEmpty, "\(area.name)")
      }
    }
    #expect(machine.inspect(physical: 0x200_bff8, count: 8) == [10, 0, 0, 0, 0, 0, 0, 0])
    #expect(machine.inspect(physical: 0x1000_1000, count: 4) == Array("virt".utf8))
    #expect(machine.inspect(physical: 0x10_3000, count: 4).isEmpty)
    #expect(machine.fingerprint == before)
    #expect(!machine.canWriteMemory([0], virtual: 0x1000_0000, hart: 0))
    #expect(machine.canWriteMemory([0], virtual: 0x8000_0000, hart: 0))
  }

  /// Whatever a hart has can be shown, but for what is always zero, and nothing else.
  @Test(arguments: ProcessorModel.allCases) func everyRegisterIsListed(_ processor: ProcessorModel) {
    let machine = makeMachine(program: [0x6f, 0, 0, 0], processor: processor)
    let listed = Dictionary(
      uniqueKeysWithValues: machine.controlAndStatusRegisters.map { ($0.number, $0.name) })
    let zero = Array(0xb03...0xb1f) + Array(0xc03...0xc1f) + Array(0x323...0x33f) + Array(0x7a0...0x7a4)
    for (number, name) in listed {
      #expect(machine.controlAndStatusRegister(number, hart: 0) != nil, "\(name)")
    }
    for number in 0..<4096 where machine.controlAndStatusRegister(number, hart: 0) != nil {
      #expect(listed[number] != nil || zero.contains(number), "0x\(String(number, radix: 16))")
    }
    #expect(listed[0x3a2] == "pmpcfg2" && listed[0x3bf] == "pmpaddr15")
  }
}
