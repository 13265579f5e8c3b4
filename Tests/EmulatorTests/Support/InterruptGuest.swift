// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A well-behaved guest in M mode with all that happens between instructions: timers, `wfi` and idle gaps, interrupts
/// from one hart to the next, and console input that it echoes, claimed from the PLIC by hart 0.
enum InterruptGuest {
  static func program(harts: Int) -> Assembly {
    typealias I = Instruction
    typealias R = Register
    typealias C = ControlRegister
    var program = Assembly()
    program.loadAddress(R.t0, "handler")
    program.emit(I.csrw(C.mtvec, R.t0))
    // s0: where this hart's counters are; s1: its mtimecmp; s2: the next hart's msip; s3: its own msip.
    program.load(R.s0, ramBase + 0x8000)
    program.emit(I.slli(R.t0, R.a0, 8), I.add(R.s0, R.s0, R.t0))
    program.load(R.s1, 0x200_4000)
    program.emit(I.slli(R.t0, R.a0, 3), I.add(R.s1, R.s1, R.t0))
    program.load(R.s3, 0x200_0000)
    program.emit(I.slli(R.t0, R.a0, 2), I.add(R.s3, R.s3, R.t0))
    program.emit(I.addi(R.s2, R.s3, 4))
    program.load(R.t0, UInt64(harts - 1))
    program.branch(.notEqual, R.a0, R.t0, "hasNext")
    program.load(R.s2, 0x200_0000)
    program.label("hasNext")
    program.branch(.notEqual, R.a0, 0, "secondary")
    // The UART's received-data interrupt, source 10, for context 0: the PLIC first, which takes note of it when the UART speaks.
    program.load(R.t0, 0xc00_0000)
    program.emit(I.addi(R.t1, 0, 1), I.sw(R.t1, R.t0, 40))
    program.load(R.t0, 0xc00_2000)
    program.emit(I.addi(R.t2, 0, 1024), I.sw(R.t2, R.t0))
    program.load(R.t0, 0x1000_0000)
    program.emit(I.sb(R.t1, R.t0, 1))
    program.label("secondary")
    program.set(C.mie, 0x888)
    program.emit(I.csrrs(0, C.mstatus, 0))
    program.load(R.t0, 8)
    program.emit(I.csrrs(0, C.mstatus, R.t0))

    // Work of a varying length, then a wait.
    program.label("loop")
    program.emit(I.addi(R.s4, R.s4, 1), I.andi(R.t2, R.s4, 0x1ff), I.addi(R.t2, R.t2, 1))
    program.label("work")
    program.emit(I.addi(R.t2, R.t2, -1), I.ld(R.t3, R.s0), I.addi(R.t3, R.t3, 1), I.sd(R.t3, R.s0))
    program.branch(.notEqual, R.t2, 0, "work")
    // A counter that all harts share.
    program.load(R.t4, ramBase + 0x9000)
    program.label("retry")
    program.emit(I.lrD(R.t3, R.t4), I.addi(R.t3, R.t3, 1), I.scD(R.t5, R.t3, R.t4))
    program.branch(.notEqual, R.t5, 0, "retry")
    program.emit(I.amoaddD(R.t5, R.s4, R.t4), I.wfi)
    program.jump("loop")

    program.align(4)
    program.label("handler")
    program.emit(I.csrr(R.t6, C.mcause), I.andi(R.t6, R.t6, 15), I.addi(R.s6, R.s6, 1))
    program.emit(I.addi(R.s5, 0, 7))
    program.branch(.equal, R.t6, R.s5, "timer")
    program.emit(I.addi(R.s5, 0, 3))
    program.branch(.equal, R.t6, R.s5, "software")
    // External: claim, echo, complete.
    program.load(R.s7, 0xc20_0000)
    program.emit(I.lw(R.s8, R.s7, 4))
    program.load(R.s9, 0x1000_0000)
    program.emit(I.lbu(R.s10, R.s9), I.sb(R.s10, R.s9), I.sw(R.s8, R.s7, 4), I.mret)
    program.label("timer")
    // The next one comes after 200 to 20,000 ticks; the next hart is woken.
    program.emit(I.csrr(R.s5, C.time), I.andi(R.s7, R.s6, 0x7f), I.addi(R.s7, R.s7, 2), I.slli(R.s7, R.s7, 7))
    program.emit(I.add(R.s5, R.s5, R.s7), I.sd(R.s5, R.s1), I.addi(R.s5, 0, 1), I.sw(R.s5, R.s2), I.mret)
    program.label("software")
    program.emit(I.sw(0, R.s3), I.sd(R.s6, R.s0, 8), I.mret)
    return program
  }

  /// Console input at odd positions and in idle gaps.
  static func gate(pollDistance: @escaping () -> UInt64 = { 1 << 40 }) -> ScriptedGate {
    ScriptedGate(
      script: (1...40).map { (index: Int) -> ScriptedGate.ScriptedArrival in
        let bytes = [UInt8(index), UInt8(65 + index)]
        return ScriptedGate.ScriptedArrival(
          position: UInt64(index * index * 97), arrival: .consoleInput(bytes))
      }, pollDistance: pollDistance)
  }
}
