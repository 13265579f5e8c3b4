// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Where harts begin, and how a program ends by itself.
@Suite struct StartTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  /// Bit 0 of an ELF file's entry point falls away, with firmware and without.
  @Test(arguments: Machine.Engine.both, [false, true])
  func oddEntryPoints(engine: Machine.Engine, isKernel: Bool) throws {
    var program = Assembly()
    program.emit(I.addi(R.s0, 0, 77))
    program.label("end")
    program.jump("end")
    let address = ramBase + (isKernel ? 0x20_0000 : 0)
    let file = BootTestFiles.elf(
      segments: [.init(address: address, bytes: program.assembled())], entry: address + 1)
    let configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 0, drives: [])
    let plan = try BootPlan(
      images: BootImages(
        bios: isKernel ? nil : file, kernel: isKernel ? file : nil, initrd: nil, commandLine: ""),
      configuration: configuration)
    let machine = Machine(configuration: configuration, plan: plan, gate: ScriptedGate(), engine: engine)
    #expect(machine.run(until: 100) == .position)
    #expect(machine.register(R.s0, hart: 0) == 77)
    #expect(machine.programCounter(hart: 0) == address + 4)
  }

  /// As OpenSBI hands over: U mode may read the clock, and floating point is on. Recordings of rrtool 0.1 were made without.
  @Test(arguments: Machine.Engine.both, MachineRevision.allCases)
  func builtInSBIHandsOver(engine: Machine.Engine, revision: MachineRevision) throws {
    var program = Assembly()
    program.emit(I.csrrs(R.s0, C.scounteren, 0))
    program.emit(I.csrrs(R.s1, C.sstatus, 0))
    program.label("end")
    program.jump("end")
    let file = BootTestFiles.elf(
      segments: [.init(address: ramBase, bytes: program.assembled())], entry: ramBase)
    var configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 0, drives: [])
    configuration.revision = revision
    let plan = try BootPlan(images: BootImages(kernel: file), configuration: configuration)
    let machine = Machine(configuration: configuration, plan: plan, gate: ScriptedGate(), engine: engine)
    #expect(machine.run(until: 100) == .position)
    let isFirst = revision == .first
    #expect(machine.register(R.s0, hart: 0) == (isFirst ? 0 : 7))
    #expect(machine.register(R.s1, hart: 0) >> 13 & 3 == (isFirst ? 0 : 3))
  }

  /// By the SBI's calls to stop and to start: what is written holds for the next instruction, as with a CSR.
  @Test(arguments: Machine.Engine.both) func builtInSBIStopsCounters(engine: Machine.Engine) throws {
    var program = Assembly()
    func call(_ function: Int, _ flags: Int, _ value: Int) {
      program.load(R.a7, 0x50_4d55)
      program.emit(I.addi(R.a6, 0, function), I.addi(R.a0, 0, 2), I.addi(R.a1, 0, 1))
      program.emit(I.addi(R.a2, 0, flags), I.addi(R.a3, 0, value), I.ecall)
    }
    call(4, 0, 0)
    program.emit(I.csrr(R.s0, 0xc02), I.csrr(R.s1, 0xc02))
    call(3, 1, 100)
    program.emit(I.csrr(R.s2, 0xc02), I.csrr(R.s3, 0xc02))
    program.label("end")
    program.jump("end")
    let file = BootTestFiles.elf(
      segments: [.init(address: ramBase, bytes: program.assembled())], entry: ramBase)
    let configuration = MachineConfiguration(memorySize: 16 << 20, hartCount: 1, shift: 0, drives: [])
    let plan = try BootPlan(images: BootImages(kernel: file), configuration: configuration)
    let machine = Machine(configuration: configuration, plan: plan, gate: ScriptedGate(), engine: engine)
    #expect(machine.run(until: 100) == .position)
    #expect(machine.register(R.s0, hart: 0) == machine.register(R.s1, hart: 0))
    #expect(machine.register(R.s2, hart: 0) == 100)
    #expect(machine.register(R.s3, hart: 0) == 101)
    // What the SBI keeps is part of the state.
    machine.performanceCounters[0].values[3] = 42
    let other = Machine(configuration: configuration, plan: plan, gate: ScriptedGate(), engine: engine)
    try other.restoreState(machine.saveState())
    #expect(other.performanceCounters == machine.performanceCounters)
  }

  /// `tohost` ends the run with the instruction that wrote it, be it through a device.
  @Test(arguments: Machine.Engine.both, [false, true])
  func hostInterfaceIsHeardAtOnce(engine: Machine.Engine, byDevice: Bool) {
    let toHost = ramBase + 0xa000
    var program = Assembly()
    program.load(R.s0, toHost)
    program.load(R.s1, 5 << 1 | 1)
    if byDevice { program.fetchEntropy(to: toHost, count: 8) } else { program.emit(I.sd(R.s1, R.s0)) }
    program.label("next")
    program.emit(I.addi(R.s2, 0, 1))
    program.label("end")
    program.jump("end")
    let machine = makeMachine(
      program, toHostAddress: toHost, gate: ScriptedGate(entropy: [11, 0, 0, 0, 0, 0, 0, 0]), engine: engine)
    #expect(machine.run(until: 10_000) == .poweredOff(status: 5))
    #expect(machine.programCounter(hart: 0) == program.address(of: "next"))
    #expect(machine.register(R.s2, hart: 0) == 0)
  }
}
