// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// What does not retire is not counted, and a reservation does not outlive another hart's turn.
@Suite struct RetirementTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  /// `minstret` leaves out an instruction that traps, be it `ecall`, illegal or a faulting load; the position counts it.
  @Test(arguments: Machine.Engine.both) func whatTrapsIsNotCounted(engine: Machine.Engine) {
    for trapping in [I.ecall, 0xffff_ffff, I.ld(R.a7, 0), 0x0010_0073] as [UInt32] {
      var program = Assembly()
      program.loadAddress(R.t0, "handler")
      program.emit(I.csrw(C.mtvec, R.t0), I.csrr(R.a0, C.minstret), trapping, I.nop)
      program.label("end")
      program.jump("end")
      program.align(4)
      program.label("handler")
      program.emit(
        I.csrr(R.a1, C.minstret), I.csrr(R.a2, C.mcycle), I.csrr(R.t0, C.mepc), I.addi(R.t0, R.t0, 4))
      program.emit(I.csrw(C.mepc, R.t0), I.mret)
      let machine = makeMachine(program, engine: engine)
      while machine.programCounter(hart: 0) != program.address(of: "end") {
        _ = machine.run(until: machine.now.position + 1)
      }
      // Between the two reads stand the first read itself and what trapped.
      #expect(machine.register(R.a1, hart: 0) &- machine.register(R.a0, hart: 0) == 1, "\(trapping)")
      #expect(machine.register(R.a2, hart: 0) &- machine.register(R.a1, hart: 0) == 2, "cycles count it")
    }
  }

  /// Hart 1 stores another value and the old one again between hart 0's `lr` and `sc`.
  @Test(arguments: Machine.Engine.both) func aStoreByAnotherHartEndsAReservation(engine: Machine.Engine) {
    var program = Assembly()
    let (word, flag, back) = (ramBase + 0x8000, ramBase + 0x8100, ramBase + 0x8200)
    program.load(R.s0, word)
    program.load(R.s1, flag)
    program.load(R.s2, back)
    program.load(R.t2, 1)
    program.branch(.notEqual, R.a0, 0, "other")
    program.emit(I.lrD(R.t0, R.s0), I.sd(R.t2, R.s1))
    program.label("wait")
    program.emit(I.ld(R.t1, R.s2))
    program.branch(.equal, R.t1, 0, "wait")
    program.emit(I.scD(R.a1, R.t2, R.s0))
    // Undisturbed, the next try succeeds.
    program.emit(I.lrD(R.t0, R.s0), I.scD(R.a2, R.t2, R.s0))
    program.label("end")
    program.jump("end")
    program.label("other")
    program.emit(I.ld(R.t1, R.s1))
    program.branch(.equal, R.t1, 0, "other")
    program.emit(I.sd(R.t2, R.s0), I.sd(0, R.s0), I.sd(R.t2, R.s2))
    program.jump("end")
    let machine = makeMachine(program, harts: 2, engine: engine)
    _ = machine.run(until: 60_000)
    #expect(machine.register(R.a1, hart: 0) == 1, "the first fails")
    #expect(machine.register(R.a2, hart: 0) == 0, "the second succeeds")
    #expect(machine.doubleword(word) == 1)
  }
}
