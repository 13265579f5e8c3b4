// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Flash as harts see it: code in place, commands beside it, and what stays over a reset.
@Suite struct FlashTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister
  private static let banks = [MemoryMap.flash.base, MemoryMap.flash.base + AttachedStorage.bankSize]

  private static func machine(
    _ program: Assembly, flash: Assembly? = nil, entry: UInt64 = ramBase, harts: Int = 1,
    gate: ScriptedGate = ScriptedGate(), revision: MachineRevision = .current, engine: Machine.Engine
  ) -> Machine {
    var plan = BootPlan(
      regions: [.init(address: ramBase, bytes: program.assembled())], start: .machineMode(entry: entry),
      deviceTreeAddress: ramBase + (1 << 20))
    if let flash { plan.attached = [.init(offset: 0, bytes: flash.assembled())] }
    return Machine(
      configuration: MachineConfiguration(
        memorySize: 2 << 20, hartCount: harts, shift: 0, drives: [], revision: revision),
      plan: plan, gate: gate, engine: engine)
  }

  private static func powerOff(_ program: inout Assembly, status: UInt64 = 0) {
    program.load(R.t0, MemoryMap.testFinisher.base)
    program.load(R.t1, status == 0 ? 0x5555 : status << 16 | 0x3333)
    program.emit(I.sw(R.t1, R.t0))
    program.label("off")
    program.jump("off")
  }

  /// A function in bank 0 that adds 1 to s1.
  private static var function: Assembly {
    var flash = Assembly(base: banks[0])
    flash.emit(I.addi(R.s1, R.s1, 1), I.jalr(0, R.ra))
    return flash
  }

  /// Calls a function `count` times.
  private static func call(_ program: inout Assembly, _ address: Int, count: UInt64, _ label: String) {
    program.load(R.s11, count)
    program.label(label)
    program.emit(I.jalr(R.ra, address), I.addi(R.s11, R.s11, -1))
    program.branch(.notEqual, R.s11, R.zero, label)
  }

  /// Runs code in bank 0, looks at its table, runs it again; writes code into bank 1, runs it, changes and runs it.
  private static var program: Assembly {
    var program = Assembly()
    program.load(R.s10, banks[0])
    program.load(R.s9, banks[1])
    call(&program, R.s10, count: 1_500, "hot")
    program.load(R.t0, 0x98)
    program.emit(I.sw(R.t0, R.s10, 0x154), I.lw(R.s2, R.s10, 0x40), I.lhu(R.s3, R.s10, 0x42))
    program.load(R.t0, 0xff)
    program.emit(I.sb(R.t0, R.s10), I.lw(R.s5, R.s10))
    call(&program, R.s10, count: 10, "again")
    for (round, step) in [2, 3].enumerated() {
      for (index, word) in [I.addi(R.s4, R.s4, step), I.jalr(0, R.ra)].enumerated() {
        program.load(R.t0, 0x40)
        program.load(R.t1, UInt64(word))
        program.emit(I.sw(R.t0, R.s9, 0x100 + index * 4), I.sw(R.t1, R.s9, 0x100 + index * 4))
      }
      program.load(R.t0, 0xff)
      program.emit(I.sw(R.t0, R.s9), I.addi(R.s8, R.s9, 0x100), I.fenceI)
      call(&program, R.s8, count: 700, "written\(round)")
    }
    // Reserved for whom it may concern: a reservation may be made, and nothing stored.
    program.emit(I.lrW(R.s6, R.s9), I.scW(R.s7, R.zero, R.s9))
    powerOff(&program)
    return program
  }

  @Test(arguments: Machine.Engine.both) func codeRunsInPlace(engine: Machine.Engine) {
    var program = Assembly()
    program.loadAddress(R.t0, "trap")
    program.emit(I.csrw(C.mtvec, R.t0))
    let rest = Self.program
    program.jump("main")
    program.align(4)
    program.label("trap")
    program.emit(I.csrr(R.s0, C.mcause))
    Self.powerOff(&program, status: 9)
    program.align(4)
    program.label("main")
    let start = program.address
    let machine = Self.machine(program, flash: Self.function, engine: engine)
    machine.memory.write(rest.assembled(), at: start)
    #expect(machine.run(until: 100_000) == .poweredOff(status: 9))
    #expect(machine.register(R.s1, hart: 0) == 1_510)
    #expect(machine.register(R.s2, hart: 0) == 0x51_0051 && machine.register(R.s3, hart: 0) == 0x51)
    #expect(machine.register(R.s5, hart: 0) == UInt64(I.addi(R.s1, R.s1, 1)))
    #expect(machine.register(R.s4, hart: 0) == 700 * 2 + 700 * 3)
    // An atomic store to what is no RAM.
    #expect(machine.register(R.s0, hart: 0) == 7)
  }

  @Test func cutsAndEnginesChangeNothing() {
    for engine in Machine.Engine.both {
      SlicingTests.expectEqual(
        { Self.machine(Self.program, flash: Self.function, gate: .init(pollDistance: $0), engine: engine) },
        length: 12_000, seed: UInt64.random(in: 0...UInt64.max), "flash, \(engine)")
    }
    SlicingTests.expectSameEngines(
      { Self.machine(Self.program, flash: Self.function, engine: $0) },
      at: stride(from: 100, to: 14_000, by: 333))
  }

  /// With `--bios none` and flash every hart starts in it.
  @Test(arguments: Machine.Engine.both) func startsInFlash(engine: Machine.Engine) throws {
    var flash = Assembly(base: Self.banks[0])
    flash.emit(I.addi(R.s1, R.s1, 5))
    Self.powerOff(&flash, status: 3)
    var images = BootImages()
    images.startsInMachineMode = true
    images.flash[0] = flash.assembled()
    let configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 0, drives: [])
    let plan = try BootPlan(images: images, configuration: configuration)
    #expect(plan.start == .machineMode(entry: Self.banks[0]))
    let machine = Machine(configuration: configuration, plan: plan, gate: ScriptedGate(), engine: engine)
    #expect(machine.run(until: 100) == .poweredOff(status: 3))
    #expect(machine.register(R.s1, hart: 0) == 5)
  }

  /// What is in flash lasts over a reset, and its mode does not.
  @Test(arguments: Machine.Engine.both) func aResetLeavesIt(engine: Machine.Engine) {
    var program = Assembly()
    program.load(R.s9, Self.banks[1])
    program.emit(I.lw(R.s1, R.s9))
    program.branch(.notEqual, R.s1, R.zero, "second")
    program.emit(I.addi(R.t0, 0, 0x40), I.addi(R.t1, 0, 77), I.sw(R.t0, R.s9), I.sw(R.t1, R.s9))
    program.load(R.t0, MemoryMap.testFinisher.base)
    program.load(R.t1, 0x7777)
    program.emit(I.sw(R.t1, R.t0))
    program.label("wait")
    program.jump("wait")
    program.label("second")
    Self.powerOff(&program)
    let machine = Self.machine(program, engine: engine)
    #expect(machine.run(until: 1_000) == .poweredOff(status: 0))
    #expect(machine.register(R.s1, hart: 0) == 77)
  }

  /// It is behind page tables as RAM is, for all that loads and fetches do, and stores never see it as memory.
  @Test(arguments: Machine.Engine.both) func translationReachesIt(engine: Machine.Engine) {
    var program = Assembly()
    program.openProtection()
    program.loadAddress(R.t0, "trap")
    program.emit(I.csrw(C.mtvec, R.t0))
    // Gigabytes 0 and 2 as they are.
    program.load(R.t1, ramBase + 0x10000)
    program.load(R.t0, 0xcf)
    program.emit(I.sd(R.t0, R.t1))
    program.load(R.t0, 2 << 28 | 0xcf)
    program.emit(I.sd(R.t0, R.t1, 16))
    program.set(C.satp, 8 << 60 | (ramBase + 0x10000) >> 12)
    program.set(C.mstatus, 0x800)
    program.loadAddress(R.t0, "supervisor")
    program.emit(I.csrw(C.mepc, R.t0), I.mret)
    program.align(4)
    program.label("trap")
    program.emit(I.csrr(R.s0, C.mcause))
    Self.powerOff(&program)
    program.align(4)
    program.label("supervisor")
    program.load(R.s10, Self.banks[0])
    Self.call(&program, R.s10, count: 600, "hot")
    // Across two pages, as memory; then a command, and the status.
    program.load(R.t0, 0xffe)
    program.emit(I.add(R.t0, R.t0, R.s10), I.ld(R.s2, R.t0))
    program.load(R.t0, 0x70)
    program.emit(I.sw(R.t0, R.s10), I.lw(R.s3, R.s10))
    program.load(R.t0, 0xff)
    program.emit(I.sw(R.t0, R.s10))
    Self.call(&program, R.s10, count: 5, "again")
    program.emit(I.ecall)
    var flash = Self.function
    flash.pad(to: Self.banks[0] + 0xffe)
    flash.half(0x2211)
    flash.half(0x4433)
    flash.half(0x6655)
    flash.half(0x8877)
    let machine = Self.machine(program, flash: flash, engine: engine)
    #expect(machine.run(until: 10_000) == .poweredOff(status: 0))
    #expect(machine.register(R.s0, hart: 0) == 9)
    #expect(machine.register(R.s1, hart: 0) == 605)
    #expect(machine.register(R.s2, hart: 0) == 0x8877_6655_4433_2211)
    #expect(machine.register(R.s3, hart: 0) == 0x80_0080)
  }

  @Test(arguments: Machine.Engine.both, [MachineRevision.first, .second, .third])
  func earlierRevisionsHaveNone(engine: Machine.Engine, revision: MachineRevision) {
    for address in [Self.banks[0], Self.banks[1], MemoryMap.firmwareConfiguration.base] {
      var program = Assembly()
      program.loadAddress(R.t0, "trap")
      program.emit(I.csrw(C.mtvec, R.t0))
      program.load(R.t0, address)
      program.emit(I.lb(R.t1, R.t0))
      program.align(4)
      program.label("trap")
      program.emit(I.csrr(R.s0, C.mcause))
      Self.powerOff(&program)
      let machine = Self.machine(program, revision: revision, engine: engine)
      #expect(machine.run(until: 1_000) == .poweredOff(status: 0))
      #expect(machine.register(R.s0, hart: 0) == 5)
      #expect(!machine.digestNames.contains { $0.hasPrefix("flash") || $0 == "fw-cfg" })
    }
  }
}
