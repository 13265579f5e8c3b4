// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Whatever a guest does, the host lives. What these tests assert is above all that the process gets to their end.
@Suite struct HostileGuestTests {
  @Test(arguments: [1, 3]) func randomCode(harts: Int) {
    for _ in 0..<60 {
      let seed = UInt64.random(in: 0...UInt64.max)
      print("random code: seed \(seed), \(harts) harts")
      let machine = RandomGuest(seed: seed, harts: harts).machine(shift: 1)
      let stop = machine.run(until: 100_000)
      #expect(machine.now.position == 100_000 || stop != .position, "seed \(seed)")
    }
  }

  /// RAM full of random words in M mode, without any handler that would put things right.
  @Test func randomWordsEverywhere() {
    for _ in 0..<30 {
      let seed = UInt64.random(in: 0...UInt64.max)
      print("random words: seed \(seed)")
      var random = SeededGenerator(seed: seed)
      let words = (0..<(1 << 18)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let machine = makeMachine(program: words, harts: 2)
      let stop = machine.run(until: 100_000)
      #expect(machine.now.position == 100_000 || stop != .position, "seed \(seed)")
    }
  }

  /// Loads and stores of every size all over the devices' windows, with random values.
  @Test func randomAccessesToDevices() {
    typealias I = Instruction
    typealias R = Register
    let windows: [(UInt64, UInt64)] = [
      (0x1000, 0xf000), (0x10_1000, 0x1000), (0x200_0000, 0x1_0000), (0xc00_0000, 0x1000),
      (0xc00_2000, 0x1000),
      (0xc20_0000, 0x1_0000), (0x1000_0000, 0x100), (0x1000_1000, 0x8000), (0x10_0000, 0x1000), (0, 1 << 33),
    ]
    for _ in 0..<20 {
      let seed = UInt64.random(in: 0...UInt64.max)
      print("random accesses: seed \(seed)")
      var random = SeededGenerator(seed: seed)
      var program = Assembly()
      program.loadAddress(R.t0, "handler")
      program.emit(I.csrw(ControlRegister.mtvec, R.t0))
      program.set(ControlRegister.mie, 0x888)
      program.jump("start")
      program.align(4)
      program.label("handler")
      program.emit(I.csrr(R.t0, ControlRegister.mcause))
      program.branch(.less, R.t0, 0, "return")
      program.emit(
        I.csrr(R.t0, ControlRegister.mepc), I.addi(R.t0, R.t0, 4), I.csrw(ControlRegister.mepc, R.t0))
      program.label("return")
      program.emit(I.mret)
      program.label("start")
      for _ in 0..<1_500 {
        let window = windows[Int.random(in: 0..<windows.count, using: &random)]
        var address = window.0 + UInt64.random(in: 0..<window.1, using: &random)
        if Int.random(in: 0..<8, using: &random) != 0 { address &= ~7 }
        if Int.random(in: 0..<4, using: &random) == 0 {
          address = window.0 + UInt64.random(in: 0..<64, using: &random) * 4
        }
        // The finisher ends the run at once: only its reads are of interest.
        let isLoad = window.0 == 0x10_0000 || Bool.random(using: &random)
        let size = UInt32.random(in: 0..<4, using: &random)
        program.load(R.a0, address)
        if isLoad {
          program.emit(I.typeI(0x03, size, R.a1, R.a0, 0))
        } else {
          let value = Bool.random(using: &random) ? random.next() : random.next() & 0xf
          program.load(R.a2, value)
          program.emit(I.typeS(0x23, size, R.a0, R.a2, 0))
        }
      }
      program.label("end")
      program.jump("end")
      let machine = makeMachine(program, harts: 2)
      _ = machine.run(until: 60_000)
      #expect(machine.now.position > 10_000, "seed \(seed)")
    }
  }

  /// The clock goes on for ever: a guest that sleeps to the end of 64 bits of nanoseconds gets no further than
  /// what a snapshot can hold.
  @Test func sleepingToTheEndOfTime() throws {
    typealias I = Instruction
    let last: UInt64 = (1 << 62) / 100
    let deadlines: [UInt64] = [.max, .max - 1, .max / 100, .max / 100 - 1, last + 1, last, last - 1]
    for deadline in deadlines {
      var program = Assembly()
      program.set(ControlRegister.mie, 0x80)
      program.load(Register.a1, 0x200_4000)
      program.load(Register.a2, deadline)
      program.emit(I.sd(Register.a2, Register.a1), I.wfi)
      // Awake, or not: set the timer to something near again.
      program.load(Register.a2, 5)
      program.emit(I.sd(Register.a2, Register.a1))
      program.label("end")
      program.jump("end")
      let machine = makeMachine(program)
      let stop = machine.run(until: 20_000)
      #expect(stop == (deadline <= last ? .position : .requested), "deadline \(deadline)")
      #expect(machine.now.time < 1 << 63)
      _ = try machine.copied(gate: ScriptedGate())
    }
  }

  /// Bits 48 to 63 of a jump's target are seen, however warm the caches are.
  @Test func jumpsToAddressesThatDoNotExist() {
    typealias I = Instruction
    typealias R = Register
    var program = Assembly()
    program.loadAddress(R.t0, "handler")
    program.emit(I.csrw(ControlRegister.mtvec, R.t0))
    program.load(R.s1, 1 << 48)
    program.loadAddress(R.s2, "target")
    program.emit(I.addi(R.s3, 0, 0))
    program.label("loop")
    program.emit(I.jalr(R.ra, R.s2))  // the target is in every cache now
    program.emit(I.xor(R.a0, R.s2, R.s1))
    program.emit(I.jalr(R.ra, R.a0))
    program.label("back")
    program.load(R.t1, 1 << 48)
    program.emit(I.add(R.s1, R.s1, R.t1))
    program.branch(.notEqual, R.s1, 0, "loop")
    program.label("end")
    program.jump("end")
    program.label("target")
    program.emit(I.addi(R.s4, R.s4, 1), I.jalr(0, R.ra))
    program.align(4)
    program.label("handler")
    program.emit(I.addi(R.s3, R.s3, 1), I.csrr(R.t2, ControlRegister.mtval), I.xor(R.t2, R.t2, R.a0))
    program.emit(I.or(R.s5, R.s5, R.t2), I.csrr(R.t2, ControlRegister.mcause), I.add(R.s6, R.s6, R.t2))
    program.loadAddress(R.t0, "back")
    program.emit(I.csrw(ControlRegister.mepc, R.t0), I.mret)
    let machine = makeMachine(program)
    #expect(machine.run(until: 4_000_000) == .position)
    #expect(machine.register(R.s4, hart: 0) == 65_535, "the target is reached by its own address only")
    #expect(machine.register(R.s3, hart: 0) == 65_535, "every other address faults")
    #expect(machine.register(R.s6, hart: 0) == 65_535, "with an instruction access fault")
    #expect(machine.register(R.s5, hart: 0) == 0, "whose mtval is the address")
  }
}

/// Random guests are of use only while they do much.
@Suite struct RandomGuestTests {
  @Test(arguments: [1, 2]) func staysAliveAndGetsEverywhere(harts: Int) {
    var alive = 0
    var codeChanges = 0
    var tableChanges = 0
    let count = 40
    for seed in 0..<UInt64(count) {
      let machine = RandomGuest(seed: seed, harts: harts).machine(shift: 2)
      machine.forgetChangedPages()
      if machine.run(until: 50_000) == .position { alive += 1 }
      let changed = machine.changedPages
      if (2...9).contains(where: { changed.contains($0) }) { codeChanges += 1 }
      if (16...19).contains(where: { changed.contains($0) }) { tableChanges += 1 }
    }
    #expect(alive > count / 2)
    #expect(codeChanges > count / 2)
    #expect(tableChanges > count / 2)
  }
}
