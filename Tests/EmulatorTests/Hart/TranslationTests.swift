// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Page tables (volume II, sections 4.3 to 4.5): what they let through and what they refuse, with cause and value.
@Suite struct TranslationTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias Bench = TrapBench

  private static let load = I.ld(R.a0, R.s0)
  private static let store = I.sd(R.s1, R.s0)
  private static let adue: UInt64 = 1 << 61

  private func outcome(
    _ engine: Machine.Engine, _ word: UInt32, entry: UInt64, mode: Bench.Mode = .supervisor,
    status: UInt64 = 0, adue: Bool = false,
    isSv48: Bool = false
  ) -> Bench.Outcome {
    Bench(
      engine: engine, mode: mode, pages: [0: entry], isSv48: isSv48,
      setup: { program in
        program.set(ControlRegister.menvcfg, adue ? Self.adue : 0)
        program.load(R.t0, status)
        program.emit(I.csrrs(0, ControlRegister.mstatus, R.t0))
      }, code: { $0.emit(word) }
    ).run()
  }

  private func expectFault(
    _ outcome: Bench.Outcome, _ cause: UInt64, value: UInt64 = 0x4000_0000, _ what: Comment,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.cause == cause, what, sourceLocation: sourceLocation)
    #expect(outcome.value == value, what, sourceLocation: sourceLocation)
    #expect(outcome.epc == outcome.code, what, sourceLocation: sourceLocation)
  }

  @Test(arguments: Machine.Engine.both, [false, true])
  func loadsAndStores(engine: Machine.Engine, isSv48: Bool) {
    let frame = Bench.frame
    let good = outcome(engine, Self.load, entry: Bench.entry(frame, 0xc7), isSv48: isSv48)
    #expect(good.cause == 9)
    #expect(good.register(R.a0) == 0x1817_1615_1413_1211)
    let stored = outcome(engine, Self.store, entry: Bench.entry(frame, 0xc7), isSv48: isSv48)
    #expect(stored.machine.doubleword(frame) == frame)
    let cases: [(UInt32, UInt64, UInt64, Comment)] = [
      (Self.load, Bench.entry(frame, 0xc6), 13, "not valid"),
      (Self.store, Bench.entry(frame, 0xc6), 15, "not valid"),
      (Self.load, Bench.entry(frame, 0xc5), 13, "writable and not readable is reserved"),
      (Self.load, Bench.entry(frame, 0xcd), 13, "writable, executable and not readable is reserved"),
      (Self.store, Bench.entry(frame, 0xc3), 15, "read-only"),
      (Self.load, Bench.entry(frame, 0xc9), 13, "execute-only"),
      (Self.load, Bench.entry(frame, 0xd7), 13, "a user page without SUM"),
      (Self.load, Bench.entry(frame, 0x87), 13, "A is clear, and hardware does not set it"),
      (Self.store, Bench.entry(frame, 0x47), 15, "D is clear, and hardware does not set it"),
      (Self.load, Bench.entry(frame, 0xc7) | 1 << 54, 13, "a reserved bit"),
      (Self.load, Bench.entry(frame, 0xc7) | 1 << 61, 13, "PBMT, without Svpbmt"),
      (Self.load, Bench.entry(frame, 0xc7) | 1 << 63, 13, "N, without Svnapot"),
      (Self.load, Bench.entry(frame, 1), 13, "a pointer where the last level is"),
      (Self.load, Bench.entry(1 << 40, 0xc7), 5, "a frame that nothing answers at"),
      (Self.store, Bench.entry(1 << 40, 0xc7), 7, "a frame that nothing answers at"),
    ]
    for (word, entry, cause, what) in cases {
      expectFault(outcome(engine, word, entry: entry, isSv48: isSv48), cause, what)
      if cause == 15 {
        #expect(
          outcome(engine, word, entry: entry, isSv48: isSv48).machine.doubleword(frame)
            == 0x1817_1615_1413_1211)
      }
    }
  }

  @Test(arguments: Machine.Engine.both) func userPages(engine: Machine.Engine) {
    let sum: UInt64 = 1 << 18
    let userPage = Bench.entry(Bench.frame, 0xd7)
    #expect(outcome(engine, Self.load, entry: userPage, mode: .user).cause == 8)
    #expect(outcome(engine, Self.load, entry: userPage, mode: .supervisor, status: sum).cause == 9)
    expectFault(
      outcome(engine, Self.load, entry: Bench.entry(Bench.frame, 0xc7), mode: .user), 13,
      "U mode, supervisor page")
    // SUM does not let S mode execute user pages.
    let jump = outcome(engine, I.jalr(0, R.s0), entry: Bench.entry(Bench.frame, 0xdf), status: sum)
    #expect(jump.cause == 12)
    #expect(jump.value == 0x4000_0000)
    #expect(jump.epc == 0x4000_0000)
  }

  @Test(arguments: Machine.Engine.both) func executableMadeReadable(engine: Machine.Engine) {
    let mxr: UInt64 = 1 << 19
    #expect(outcome(engine, Self.load, entry: Bench.entry(Bench.frame, 0xc9), status: mxr).cause == 9)
    expectFault(
      outcome(engine, Self.store, entry: Bench.entry(Bench.frame, 0xc9), status: mxr), 15, "MXR is for loads")
  }

  @Test(arguments: Machine.Engine.both) func hardwareSetsAccessedAndDirty(engine: Machine.Engine) {
    for (word, flags, expected) in [
      (Self.load, 0x07, 0x47), (Self.store, 0x07, 0xc7), (Self.store, 0x47, 0xc7), (Self.load, 0x87, 0xc7),
    ] as [(UInt32, UInt64, UInt64)] {
      let result = outcome(engine, word, entry: Bench.entry(Bench.frame, flags), adue: true)
      #expect(result.cause == 9)
      #expect(result.machine.doubleword(Bench.leaves) == Bench.entry(Bench.frame, expected))
    }
    // A refused access sets nothing.
    let refused = outcome(engine, Self.store, entry: Bench.entry(Bench.frame, 0x03), adue: true)
    expectFault(refused, 15, "read-only")
    #expect(refused.machine.doubleword(Bench.leaves) == Bench.entry(Bench.frame, 0x03))
  }

  @Test(arguments: Machine.Engine.both) func superpages(engine: Machine.Engine) {
    for (entry, cause) in [
      (Bench.entry(ramBase, 0xc7), 9), (Bench.entry(ramBase + 0x1000, 0xc7), 13),
      (Bench.entry(ramBase + 0x10_0000, 0xc7), 13),
    ] as [(UInt64, UInt64)] {
      let result = Bench(
        engine: engine, mode: .supervisor, pages: [:], megapages: [1: entry],
        code: {
          $0.load(R.a1, 0x4022_0000)
          $0.emit(I.ld(R.a0, R.a1))
        }
      ).run()
      #expect(result.cause == cause)
      if cause == 9 { #expect(result.register(R.a0) == 0x1817_1615_1413_1211) }
    }
  }

  @Test(arguments: Machine.Engine.both) func addressesThatAreNotSignExtended(engine: Machine.Engine) {
    for (address, isSv48) in [
      (1 << 38, false), (1 << 39, false), (0xffff_ff80_0000_0000, false), (1 << 63, false), (1 << 47, true),
      (1 << 48, true), (1 << 38 | 0x4000_0000, false),
    ] as [(UInt64, Bool)] {
      let result = Bench(
        engine: engine, mode: .supervisor, pages: [0: Bench.entry(Bench.frame, 0xc7)], isSv48: isSv48,
        code: {
          $0.load(R.a1, address)
          $0.emit(I.sd(R.a0, R.a1))
        }
      ).run()
      #expect(result.cause == 15)
      #expect(result.value == address)
    }
  }

  /// An access over the end of a page that faults on the second page: value is where, and nothing is stored.
  @Test(arguments: Machine.Engine.both) func accessesAcrossPages(engine: Machine.Engine) {
    func run(_ word: UInt32, second: UInt64?) -> Bench.Outcome {
      var pages: [Int: UInt64] = [0: Bench.entry(Bench.frame, 0xc7)]
      pages[1] = second
      return Bench(
        engine: engine, mode: .supervisor, pages: pages,
        code: {
          $0.load(R.a1, 0x4000_0ffd)
          $0.emit(word)
        }
      ).run()
    }
    let away = Bench.entry(Bench.frame + 0x1000, 0xc7)
    let load = I.typeI(0x03, 3, R.a0, R.a1, 0)
    #expect(run(load, second: away).register(R.a0) == 0x1514_1312_1110_0f0e)
    for (word, cause) in [(load, 13), (I.sd(R.s1, R.a1), 15)] as [(UInt32, UInt64)] {
      let result = run(word, second: nil)
      #expect(result.cause == cause)
      #expect(result.value == 0x4000_1000)
      #expect(result.machine.doubleword(Bench.frame + 0xff8) == 0x100f_0e0d_0c0b_0a09, "nothing is stored")
    }
    // And to frames that are not neighbours.
    let stored = run(I.sd(R.s1, R.a1), second: Bench.entry(Bench.frame, 0xc7))
    #expect(stored.cause == 9)
    #expect(stored.machine.doubleword(Bench.frame + 0xff8) >> 40 == Bench.frame & 0xff_ffff)
    #expect(stored.machine.doubleword(Bench.frame) & 0xff_ffff_ffff == Bench.frame >> 24)
  }

  @Test(arguments: Machine.Engine.both) func fetchAcrossPages(engine: Machine.Engine) {
    // The second half of an instruction is on a page that is not there.
    let result = Bench(
      engine: engine, mode: .supervisor, pages: [0: Bench.entry(Bench.frame, 0xcf)],
      setup: {
        $0.load(R.t1, Bench.frame + 0xffc)
        $0.load(R.t2, UInt64(I.nop) << 16 | 1)
        $0.emit(I.sw(R.t2, R.t1))
      },
      code: {
        $0.load(R.a1, 0x4000_0ffc)
        $0.emit(I.jalr(0, R.a1))
      }
    ).run()
    #expect(result.cause == 12)
    #expect(result.epc == 0x4000_0ffe)
    #expect(result.value == 0x4000_1000)
  }
}
