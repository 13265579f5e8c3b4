// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Programs that ask whoever holds the machine, by an `ebreak` between two instructions that do nothing.
@Suite struct SemihostingTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister
  private static let block = ramBase + 0x8000
  private static let before = I.slli(0, 0, 31)
  private static let behind: UInt32 = 0x4070_5013
  private static let failed = UInt64.max

  private static func machine(
    _ program: Assembly, commandLine: String? = "guest.elf one two", gate: ScriptedGate = ScriptedGate(),
    harts: Int = 1, engine: Machine.Engine
  ) -> Machine {
    var configuration = MachineConfiguration(memorySize: 2 << 20, hartCount: harts, shift: 0, drives: [])
    configuration.semihosting = commandLine
    return Machine(
      configuration: configuration,
      plan: BootPlan(
        regions: [.init(address: ramBase, bytes: program.assembled())],
        start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20)),
      gate: gate, engine: engine)
  }

  private static func call(_ program: inout Assembly, _ number: UInt64, parameter: UInt64? = nil) {
    program.load(R.a0, number)
    if let parameter { program.load(R.a1, parameter) }
    program.emit(before, I.ebreak, behind)
  }

  private static func put(_ program: inout Assembly, _ words: [UInt64], at address: UInt64 = block) {
    program.load(R.s1, address)
    for (index, word) in words.enumerated() {
      program.load(R.t0, word)
      program.emit(I.sd(R.t0, R.s1, index * 8))
    }
  }

  /// What one call with these parameters answers, and all else that came of it.
  private static func ask(
    _ number: UInt64, _ words: [UInt64], parameter: UInt64 = block, text: String = "",
    input: [UInt8] = [], engine: Machine.Engine
  ) -> (answer: UInt64, error: UInt64, output: String, stop: Machine.Stop, machine: Machine) {
    var program = Assembly()
    program.emit(I.addi(0, 0, 0))
    put(&program, words)
    call(&program, number, parameter: parameter)
    program.emit(I.addi(R.s2, R.a0, 0))
    call(&program, 0x13)
    program.emit(I.addi(R.s3, R.a0, 0))
    program.label("end")
    program.jump("end")
    let gate = ScriptedGate(
      script: input.isEmpty ? [] : [.init(position: 0, arrival: .consoleInput(input))])
    let machine = machine(program, gate: gate, engine: engine)
    machine.memory.write(Array(text.utf8) + [0], at: block + 0x100)
    let stop = machine.run(until: 2_000)
    return (
      machine.register(R.s2, hart: 0), machine.register(R.s3, hart: 0),
      String(decoding: gate.output, as: UTF8.self), stop, machine
    )
  }

  private static let text = block + 0x100

  @Test(arguments: Machine.Engine.both) func console(engine: Machine.Engine) {
    func ask(_ number: UInt64, _ words: [UInt64], parameter: UInt64 = Self.block, input: String = "") -> (
      UInt64, String
    ) {
      let all = Self.ask(
        number, words, parameter: parameter, text: "Hello\n", input: Array(input.utf8), engine: engine)
      return (all.answer, all.output)
    }
    #expect(ask(0x03, [], parameter: Self.text) == (0, "H"))
    #expect(ask(0x04, [], parameter: Self.text) == (6, "Hello\n"))
    #expect(ask(0x05, [2, Self.text, 4]) == (0, "Hell"))
    #expect(ask(0x05, [3, Self.text + 1, 1]) == (0, "e"))
    // What is not written is counted: no such handle, one to read from, no memory.
    #expect(ask(0x05, [9, Self.text, 4]) == (4, ""))
    #expect(ask(0x05, [1, Self.text, 4]) == (4, ""))
    #expect(ask(0x05, [2, 0x40, 4]) == (4, ""))
    #expect(ask(0x05, [2, ramBase + (2 << 20) - 2, 4]) == (2, "\0\0"))
    #expect(ask(0x07, [], input: "x") == (0x78, ""))
    // What is not read.
    let read = Self.ask(0x06, [1, Self.text, 9], input: Array("abc".utf8), engine: engine)
    #expect(read.answer == 6)
    #expect(read.machine.memory.read(at: Self.text, count: 3) == Array("abc".utf8))
    #expect(ask(0x06, [1, 0x2000, 9], input: "abc") == (9, ""))
    #expect(ask(0x06, [2, Self.text, 9], input: "abc") == (9, ""))
    #expect(ask(0x09, [1]) == (1, ""))
  }

  /// Files of the host are not there, whatever their name.
  @Test(arguments: Machine.Engine.both) func filesAreRefused(engine: Machine.Engine) {
    for (name, mode) in [("/etc/passwd", 0), ("x", 4), ("x", 8), ("", 0), (":TT", 0)] as [(String, UInt64)] {
      let asked = Self.ask(0x01, [Self.text, mode, UInt64(name.utf8.count)], text: name, engine: engine)
      #expect(asked.answer == Self.failed && asked.error == 13, "\(name)")
    }
    let bad: [[UInt64]] = [[Self.text, 12, 3], [Self.text, 0, 1 << 40], [0, 0, 3]]
    for words in bad { #expect(Self.ask(0x01, words, text: ":tt", engine: engine).answer == Self.failed) }
    for (mode, handle) in [(0, 1), (4, 2), (8, 3)] as [(UInt64, UInt64)] {
      #expect(Self.ask(0x01, [Self.text, mode, 3], text: ":tt", engine: engine).answer == handle)
    }
    // Remove, rename, a name for a scratch file, a command for the host's shell, and numbers that are no calls.
    for call in [0x0e, 0x0f, 0x0d, 0x12, 0x40, 1 << 33] as [UInt64] {
      let asked = Self.ask(call, [Self.text, 3, 3], text: "abc", engine: engine)
      #expect(asked.answer == Self.failed && asked.error == 38)
    }
  }

  @Test(arguments: Machine.Engine.both) func features(engine: Machine.Engine) {
    let name = ":semihosting-features"
    #expect(Self.ask(0x01, [Self.text, 0, UInt64(name.utf8.count)], text: name, engine: engine).answer == 4)
    #expect(Self.ask(0x0c, [4], engine: engine).answer == 5)
    let read = Self.ask(0x06, [4, Self.text, 9], engine: engine)
    #expect(read.answer == 4)
    #expect(read.machine.memory.read(at: Self.text, count: 5) == Array("SHFB".utf8) + [3])
  }

  @Test(arguments: Machine.Engine.both) func timeAndCommandLine(engine: Machine.Engine) {
    // The scripted gate's clock.
    #expect(Self.ask(0x11, [], engine: engine).answer == 1_700_000_000)
    #expect(Self.ask(0x10, [], engine: engine).answer == 0)
    let elapsed = Self.ask(0x30, [], engine: engine)
    #expect(elapsed.answer == 0 && (1..<100).contains(elapsed.machine.doubleword(Self.block)))
    #expect(Self.ask(0x31, [], engine: engine).answer == 1_000_000_000)
    let line = Self.ask(0x15, [Self.text, 100], engine: engine)
    #expect(line.answer == 0 && line.machine.doubleword(Self.block + 8) == 17)
    #expect(line.machine.memory.read(at: Self.text, count: 18) == Array("guest.elf one two\0".utf8))
    #expect(Self.ask(0x15, [Self.text, 17], engine: engine).answer == Self.failed)
  }

  @Test(arguments: Machine.Engine.both) func exits(engine: Machine.Engine) {
    for call in [0x18, 0x20] as [UInt64] {
      #expect(Self.ask(call, [0x20026, 7], engine: engine).stop == .poweredOff(status: 7))
      #expect(Self.ask(call, [0x20023, 7], engine: engine).stop == .poweredOff(status: 1))
      #expect(Self.ask(call, [], parameter: 0x3000, engine: engine).stop == .poweredOff(status: 1))
    }
  }

  /// All but the whole sequence in M or S mode, on one page, with the option, is a breakpoint.
  @Test(arguments: Machine.Engine.both) func otherBreakpointsStayBreakpoints(engine: Machine.Engine) {
    enum Case: CaseIterable {
      case call, off, before, behind, short, acrossPages, atPageEnd, user, supervisor
    }
    for kind in Case.allCases {
      var program = Assembly()
      program.openProtection()
      program.loadAddress(R.t0, "trap")
      program.emit(I.csrw(C.mtvec, R.t0))
      program.loadAddress(R.t0, "code")
      program.emit(I.csrw(C.mepc, R.t0))
      program.set(C.mstatus, kind == .user ? 0 : kind == .supervisor ? 0x800 : 0x1800)
      program.load(R.a0, 0x31)
      program.emit(I.mret)
      program.pad(to: ramBase + (kind == .acrossPages ? 0x1ff8 : kind == .atPageEnd ? 0x1ff4 : 0x1800))
      program.label("code")
      program.emit(kind == .before ? I.nop : Self.before)
      if kind == .short { program.half(0x9002) } else { program.emit(I.ebreak) }
      program.emit(kind == .behind ? I.nop : Self.behind)
      program.label("end")
      program.jump("end")
      program.align(4)
      program.label("trap")
      program.emit(I.csrr(R.s3, C.mcause))
      program.label("trapped")
      program.jump("trapped")
      let machine = Self.machine(program, commandLine: kind == .off ? nil : "", engine: engine)
      _ = machine.run(until: 200)
      let isCall = [.call, .atPageEnd, .supervisor].contains(kind)
      #expect(machine.register(R.a0, hart: 0) == (isCall ? 1_000_000_000 : 0x31), "\(kind)")
      #expect(machine.register(R.s3, hart: 0) == (isCall ? 0 : 3), "\(kind)")
    }
  }

  // MARK: Waiting

  /// Hart 0 prints what it reads, up to `!`; the others count.
  private static func echo(harts: Int) -> Assembly {
    var program = Assembly()
    program.load(R.s4, block + 0x800)
    program.emit(I.slli(R.t0, R.a0, 6), I.add(R.s4, R.s4, R.t0))
    program.branch(.notEqual, R.a0, R.zero, "others")
    program.load(R.s7, 0x21)
    program.load(R.s8, block)
    program.label("next")
    call(&program, 0x07)
    program.emit(I.sb(R.a0, R.s8), I.addi(R.s9, R.a0, 0))
    call(&program, 0x03, parameter: block)
    program.branch(.notEqual, R.s9, R.s7, "next")
    put(&program, [0x20026, 4])
    call(&program, 0x18, parameter: block)
    program.label("others")
    program.emit(I.addi(R.s1, R.s1, 1), I.sd(R.s1, R.s4))
    program.jump("others")
    return program
  }

  private static func echoGate(pollDistance: @escaping () -> UInt64 = { 1 << 40 }) -> ScriptedGate {
    ScriptedGate(
      script: [
        .init(position: 700, time: 5_000, arrival: .consoleInput(Array("abc".utf8))),
        .init(position: 5_555, time: 400_000, arrival: .consoleInput(Array("d".utf8))),
        .init(position: 21_000, time: 500_000, arrival: .consoleInput(Array("ef".utf8))),
        .init(position: 50_000, time: 600_000, arrival: .consoleInput(Array("!".utf8))),
      ], pollDistance: pollDistance)
  }

  @Test(arguments: Machine.Engine.both, [1, 2]) func aReadWaits(engine: Machine.Engine, harts: Int) {
    let gate = Self.echoGate()
    let machine = Self.machine(Self.echo(harts: harts), gate: gate, harts: harts, engine: engine)
    #expect(machine.run(until: 1_000_000) == .poweredOff(status: 4))
    #expect(String(decoding: gate.output, as: UTF8.self) == "abcdef!")
    // A lone hart that waits executes nothing.
    if harts == 1 { #expect(machine.now.position < 200 && machine.now.time >= 600_000) }
  }

  @Test(arguments: Machine.Engine.both, [1, 2]) func cutsChangeNothing(engine: Machine.Engine, harts: Int) {
    let program = Self.echo(harts: harts)
    SlicingTests.expectEqual(
      { Self.machine(program, gate: Self.echoGate(pollDistance: $0), harts: harts, engine: engine) },
      length: harts == 1 ? 100 : 60_000, seed: UInt64.random(in: 0...UInt64.max), "\(engine), \(harts) harts")
    SlicingTests.expectSameEngines(
      { Self.machine(program, gate: Self.echoGate(), harts: harts, engine: $0) },
      at: stride(from: 10, to: 60_000, by: 497))
  }

  /// A hart that waits goes on waiting in a copy.
  @Test func savedStatesGoOn() throws {
    let program = Self.echo(harts: 1)
    let machine = Self.machine(program, engine: .interpreter)
    #expect(machine.run(until: 1_000) == .requested)
    let gate = ScriptedGate(script: [.init(position: 0, arrival: .consoleInput([0x21]))])
    let copy = Self.machine(program, gate: gate, engine: .interpreter)
    copy.memory.write(machine.memory.read(at: ramBase, count: Int(machine.memory.size)) ?? [], at: ramBase)
    try copy.restoreState(machine.saveState())
    #expect(copy.fingerprint == machine.fingerprint)
    #expect(copy.run(until: 10_000) == .poweredOff(status: 4))
    #expect(gate.output == [0x21])
  }

  /// Whatever is asked, with whatever parameters.
  @Test(arguments: Machine.Engine.both) func anyCallIsAnswered(engine: Machine.Engine) {
    var random = SeededGenerator(seed: 11)
    for _ in 0..<300 {
      let values: [UInt64] = [
        0, 1, 2, 3, 4, 5, 100, Self.text, ramBase, ramBase + (2 << 20) - 1, 1 << 63, .max, .max - 7, 0x1000,
        0x1000_0000,
      ]
      let words = (0..<4).map { _ in values.randomElement(using: &random) ?? 0 }
      let parameter = Bool.random(using: &random) ? Self.block : values.randomElement(using: &random) ?? 0
      let call = UInt64.random(in: 0...0x32, using: &random)
      _ = Self.ask(call, words, parameter: parameter, text: ":tt", input: [1, 2, 3], engine: engine)
    }
  }
}
