// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Harts that hand a token round, and wait for it in loops of many kinds, on one page and across two, entered at their start or
/// in their midst. Hart 0 changes the code of the loops meanwhile, so that they only wait, or count as well.
struct TokenGuest {
  static let token = ramBase + 0x10_0000
  /// Behind it: how often each hart had the token.
  static let rounds = token + 0x100

  /// How a hart may wait for the word at s0 to be what is in s1.
  enum Loop: CaseIterable {
    case branch, jump, pause, subtraction, reservation, exchange, twoWays, count
  }

  let program: [UInt8]

  init(
    seed: UInt64, harts: Int, loops: [Loop] = Loop.allCases, work: [UInt64] = [1, 30, 3000],
    changesCode: Bool = true
  ) {
    var random = SeededGenerator(seed: seed)
    typealias I = Instruction
    typealias R = Register
    var program = Assembly()
    program.load(R.s0, Self.token)
    program.emit(I.addi(R.s1, R.a0, 0), I.addi(R.s2, R.a0, 1), I.slli(R.s4, R.a0, 3))
    program.load(R.t0, UInt64(harts))
    program.branch(.less, R.s2, R.t0, "hasNext")
    program.load(R.s2, 0)
    program.label("hasNext")
    program.load(R.t0, Self.rounds)
    program.emit(I.add(R.s4, R.s4, R.t0))
    program.label("rounds")
    for (number, loop) in loops.enumerated() {
      for _ in 0..<Int.random(in: 0..<700, using: &random) { program.half(0x0001) }  // c.nop
      program.emit(I.ld(R.t0, R.s0))
      if Bool.random(using: &random) { program.jump("middle\(number)") }
      program.label("wait\(number)")
      program.emit(I.addi(R.t3, 0, 0))
      program.label("middle\(number)")
      Self.append(loop, number, to: &program)
      program.label("go\(number)")
      // It has the token: what it does then takes now more, now less than a turn.
      program.emit(I.ld(R.t1, R.s4), I.addi(R.t1, R.t1, 1), I.sd(R.t1, R.s4))
      program.load(R.t2, work.randomElement(using: &random)!)
      program.label("work\(number)")
      program.emit(I.addi(R.t2, R.t2, -1))
      program.branch(.notEqual, R.t2, 0, "work\(number)")
      if changesCode {
        program.branch(.notEqual, R.a0, 0, "passOn\(number)")
        // The first instruction of a loop that others are in: `addi t3, x0, 0` or `addi t3, t3, 1`.
        let other = Int.random(in: 0..<loops.count, using: &random)
        program.loadAddress(R.t5, "wait\(other)")
        program.load(R.t4, UInt64(Bool.random(using: &random) ? I.addi(R.t3, 0, 0) : I.addi(R.t3, R.t3, 1)))
        program.emit(I.sw(R.t4, R.t5))
        program.label("passOn\(number)")
      }
      program.emit(I.sd(R.s2, R.s0))
    }
    program.jump("rounds")
    self.program = program.assembled()
  }

  private static func append(_ loop: Loop, _ number: Int, to program: inout Assembly) {
    typealias I = Instruction
    typealias R = Register
    let (wait, go) = ("wait\(number)", "go\(number)")
    switch loop {
    case .branch:
      program.emit(I.ld(R.t0, R.s0))
      program.branch(.notEqual, R.t0, R.s1, wait)
    case .jump:
      program.emit(I.ld(R.t0, R.s0))
      program.branch(.equal, R.t0, R.s1, go)
      program.jump(wait)
    case .pause:
      program.emit(I.ld(R.t0, R.s0))
      program.branch(.equal, R.t0, R.s1, go)
      program.emit(0x0100_000f)
      program.jump(wait)
    case .subtraction:
      program.emit(I.addi(R.t1, R.s0, 8), I.ld(R.t0, R.t1, -8), I.sub(R.t1, R.t0, R.s1))
      program.branch(.notEqual, R.t1, 0, wait)
    case .reservation:
      program.emit(I.lrD(R.t0, R.s0))
      program.branch(.notEqual, R.t0, R.s1, wait)
      program.emit(I.scD(R.t1, R.t0, R.s0))
      program.branch(.notEqual, R.t1, 0, wait)
    case .exchange:
      program.emit(I.typeR(0x2f, 3, 0x20, R.t0, R.s0, 0))  // amoor.d t0, x0, (s0)
      program.branch(.notEqual, R.t0, R.s1, wait)
    case .twoWays:
      program.emit(I.ld(R.t0, R.s0))
      program.branch(.equal, R.t0, R.s1, "found\(number)")
      program.emit(I.addi(R.t1, 0, 1))
      program.label("found\(number)")
      program.branch(.notEqual, R.t0, R.s1, wait)
    case .count:
      program.emit(I.ld(R.t0, R.s0), I.addi(R.t4, R.t4, 1))
      program.branch(.notEqual, R.t0, R.s1, wait)
    }
  }
}
