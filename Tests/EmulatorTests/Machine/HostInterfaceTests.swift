// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Programs for Spike: commands in `tohost`, answers in `fromhost`.
@Suite struct HostInterfaceTests {
  private typealias I = Instruction
  private typealias R = Register
  private static let toHost = ramBase + 0xa000
  private static let fromHost = ramBase + 0xa040
  private static let counter = ramBase + 0xc000
  private static let read: UInt64 = 0x0100 << 48
  private static let write: UInt64 = 0x0101 << 48

  private static func start() -> Assembly {
    var program = Assembly()
    program.load(R.s0, toHost)
    return program
  }

  private static func end(_ program: inout Assembly) {
    program.load(R.t0, 1)
    program.emit(I.sd(R.t0, R.s0))
    program.label("end")
    program.jump("end")
  }

  private static func machine(
    _ program: Assembly, gate: ScriptedGate = ScriptedGate(), harts: Int = 1,
    revision: MachineRevision = .current, engine: Machine.Engine
  ) -> Machine {
    makeMachine(
      program, harts: harts, toHostAddress: toHost, fromHostAddress: fromHost, gate: gate, revision: revision,
      engine: engine)
  }

  /// A byte is out, and answered, with the instruction that stored it.
  @Test(arguments: Machine.Engine.both) func writes(engine: Machine.Engine) {
    var program = Self.start()
    program.load(R.t0, Self.write | 0x41)
    program.emit(I.sd(R.t0, R.s0), I.ld(R.s1, R.s0), I.ld(R.s2, R.s0, 0x40))
    Self.end(&program)
    let gate = ScriptedGate()
    let machine = Self.machine(program, gate: gate, engine: engine)
    #expect(machine.run(until: 1_000) == .poweredOff(status: 0))
    #expect(gate.output == [0x41])
    #expect(gate.outputMoments.first?.position == machine.now.position - 5, "the store's own")
    #expect(machine.register(R.s1, hart: 0) == 0)
    #expect(machine.register(R.s2, hart: 0) == Self.write | 0x141)
  }

  /// Halves in either order are one command; one alone counts after a while, and at once when nothing else will come.
  @Test(arguments: Machine.Engine.both) func halves(engine: Machine.Engine) {
    for isHighFirst in [false, true] {
      var program = Self.start()
      program.load(R.t0, 0x42)
      program.load(R.t1, Self.write >> 32)
      if isHighFirst {
        program.emit(I.sw(R.t1, R.s0, 4), I.sw(R.t0, R.s0))
      } else {
        program.emit(I.sw(R.t0, R.s0), I.sw(R.t1, R.s0, 4))
      }
      program.emit(I.addi(R.t0, 0, 7), I.sw(R.t0, R.s0))
      program.label("wait")
      program.emit(I.addi(R.s3, R.s3, 1))
      program.jump("wait")
      let gate = ScriptedGate()
      let machine = Self.machine(program, gate: gate, engine: engine)
      #expect(machine.run(until: 1_000) == .poweredOff(status: 3))
      #expect(gate.output == [0x42])
      // From the store on 100 instructions: itself, then every other one of the loop.
      #expect((49...51).contains(machine.register(R.s3, hart: 0)))
    }
    var program = Self.start()
    program.emit(I.addi(R.t0, 0, 11), I.sw(R.t0, R.s0), I.wfi)
    let machine = Self.machine(program, engine: engine)
    #expect(machine.run(until: 1_000) == .poweredOff(status: 5))
  }

  /// A program that prints what it reads, counts meanwhile, and ends with `!`.
  private static func echo(harts: Int) -> Assembly {
    var program = start()
    program.load(R.s4, counter)
    program.emit(I.slli(R.t0, R.a0, 6), I.add(R.s4, R.s4, R.t0))
    program.branch(.notEqual, R.a0, R.zero, "others")
    program.load(R.s5, read)
    program.load(R.s6, write)
    program.load(R.s7, 0x21)
    program.label("next")
    program.emit(I.sd(R.s5, R.s0))
    program.label("wait")
    program.emit(I.addi(R.s1, R.s1, 1), I.sd(R.s1, R.s4), I.ld(R.t0, R.s0, 0x40))
    program.branch(.equal, R.t0, R.zero, "wait")
    program.emit(I.sd(R.zero, R.s0, 0x40), I.andi(R.t0, R.t0, 0xff), I.or(R.t1, R.t0, R.s6), I.sd(R.t1, R.s0))
    program.emit(I.sd(R.zero, R.s0, 0x40))
    program.branch(.notEqual, R.t0, R.s7, "next")
    end(&program)
    program.label("others")
    program.emit(I.addi(R.s1, R.s1, 1), I.sd(R.s1, R.s4))
    program.jump("others")
    return program
  }

  private static func echoGate(pollDistance: @escaping () -> UInt64 = { 1 << 40 }) -> ScriptedGate {
    ScriptedGate(
      script: [
        .init(position: 700, arrival: .consoleInput(Array("abc".utf8))),
        .init(position: 5_555, arrival: .consoleInput(Array("d".utf8))),
        .init(position: 21_000, arrival: .consoleInput(Array("ef".utf8))),
        .init(position: 50_000, arrival: .consoleInput(Array("!".utf8))),
      ], pollDistance: pollDistance)
  }

  @Test(arguments: Machine.Engine.both, [1, 2]) func reads(engine: Machine.Engine, harts: Int) {
    let gate = Self.echoGate()
    let machine = Self.machine(Self.echo(harts: harts), gate: gate, harts: harts, engine: engine)
    #expect(machine.run(until: 100_000) == .poweredOff(status: 0))
    #expect(String(decoding: gate.output, as: UTF8.self) == "abcdef!")
  }

  /// What is asked and answered, and when, does not depend on cuts, nor on the engine.
  @Test(arguments: Machine.Engine.both, [1, 2]) func cutsChangeNothing(engine: Machine.Engine, harts: Int) {
    let program = Self.echo(harts: harts)
    SlicingTests.expectEqual(
      { Self.machine(program, gate: Self.echoGate(pollDistance: $0), harts: harts, engine: engine) },
      length: 60_000, seed: UInt64.random(in: 0...UInt64.max), "\(engine), \(harts) harts")
    SlicingTests.expectSameEngines(
      { Self.machine(program, gate: Self.echoGate(), harts: harts, engine: $0) },
      at: stride(from: 100, to: 60_000, by: 997))
  }

  /// A program that waits for the other half, or for a byte, goes on from a saved state as if nothing had been.
  @Test func savedStatesGoOn() throws {
    var program = Self.start()
    program.emit(I.addi(R.t0, 0, 7), I.sw(R.t0, R.s0))
    program.label("wait")
    program.jump("wait")
    let machine = Self.machine(program, engine: .interpreter)
    #expect(machine.run(until: 50) == .position)
    let copy = Self.machine(program, engine: .interpreter)
    copy.memory.write(machine.memory.read(at: ramBase, count: Int(machine.memory.size)) ?? [], at: ramBase)
    try copy.restoreState(machine.saveState())
    #expect(copy.fingerprint == machine.fingerprint)
    #expect(copy.run(until: 1_000) == .poweredOff(status: 3))
    #expect(machine.run(until: 1_000) == .poweredOff(status: 3))
    #expect(copy.now == machine.now)
  }

  /// System calls of riscv-tests' benchmarks, and such as there are none.
  @Test(arguments: Machine.Engine.both) func systemCalls(engine: Machine.Engine) {
    let block = ramBase + 0xb000
    func call(_ words: [UInt64], then: UInt64 = 0) -> (output: String, answer: UInt64, stop: Machine.Stop) {
      var program = Self.start()
      program.load(R.s1, block)
      for (index, word) in words.enumerated() {
        program.load(R.t0, word)
        program.emit(I.sd(R.t0, R.s1, index * 8))
      }
      program.emit(I.sd(R.s1, R.s0))
      program.emit(I.ld(R.s2, R.s0, 0x40))
      Self.end(&program)
      let gate = ScriptedGate()
      let machine = Self.machine(program, gate: gate, engine: engine)
      let stop = machine.run(until: 1_000)
      #expect(
        stop == .poweredOff(status: 9) || machine.register(R.s2, hart: 0) != 0 || words.isEmpty, "an answer")
      return (String(decoding: gate.output, as: UTF8.self), machine.doubleword(block), stop)
    }
    let text = ramBase + 0xb020
    let bytes = "Hello?\n".utf8.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    #expect(call([64, 1, text, 7, bytes]) == ("Hello?\n", 7, .poweredOff(status: 0)))
    #expect(call([64, 3, text, 7, bytes]) == ("", UInt64(bitPattern: -9), .poweredOff(status: 0)))
    #expect(call([64, 1, 0x1000, 7]) == ("", UInt64(bitPattern: -14), .poweredOff(status: 0)))
    #expect(call([64, 1, text, .max]) == ("", UInt64(bitPattern: -14), .poweredOff(status: 0)))
    #expect(call([1024, 1, text, 7]) == ("", UInt64(bitPattern: -38), .poweredOff(status: 0)))
    #expect(call([93, 9, 0, 0]).stop == .poweredOff(status: 9))
  }

  /// A command anywhere is harmless: of no device, with a block outside of memory, in words at the very end of it.
  @Test(arguments: Machine.Engine.both) func anyCommandIsTaken(engine: Machine.Engine) {
    var random = SeededGenerator(seed: 5)
    for end in [ramBase + (2 << 20) - 8, ramBase + 0xaffc, ramBase + (2 << 20) - 4, .max - 3] as [UInt64] {
      var program = Assembly()
      program.load(R.s0, ramBase + 0xaff0)
      for _ in 0..<40 {
        program.load(R.t0, UInt64.random(in: 0...(.max), using: &random) & ~1)
        program.emit(I.sd(R.t0, R.s0, 8 * Int.random(in: 0...1, using: &random)))
      }
      program.label("end")
      program.jump("end")
      let machine = makeMachine(
        program, toHostAddress: ramBase + 0xaff0, fromHostAddress: end, engine: engine)
      #expect(machine.run(until: 10_000) == .position)
    }
  }

  /// In machines of the first revision the words are memory, but for the end of the run.
  @Test(arguments: Machine.Engine.both) func firstRevisionHasNoConsole(engine: Machine.Engine) {
    var program = Self.start()
    program.load(R.t0, Self.write | 0x42)
    program.emit(I.sd(R.t0, R.s0), I.ld(R.s1, R.s0), I.ld(R.s2, R.s0, 0x40))
    Self.end(&program)
    let gate = ScriptedGate()
    let machine = Self.machine(program, gate: gate, revision: .first, engine: engine)
    #expect(machine.run(until: 1_000) == .poweredOff(status: 0))
    #expect(gate.output.isEmpty)
    #expect(machine.register(R.s1, hart: 0) == Self.write | 0x42)
    #expect(machine.register(R.s2, hart: 0) == 0)
    #expect(!machine.digestNames.contains("htif"))
  }
}
