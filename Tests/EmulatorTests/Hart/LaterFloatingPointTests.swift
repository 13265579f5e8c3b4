// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// What Zfhmin, Zfh and Zfa do beside computing (volume I, chapters on Zfh and Zfa): boxing, the unit's state, which words are
/// instructions of which hart.
@Suite struct LaterFloatingPointTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  /// A word of OP-FP by its fields: funct7, rs2, rs1, rm, rd.
  private static func word(_ function: UInt32, _ rs2: Int, _ rs1: Int, _ mode: UInt32, _ rd: Int) -> UInt32 {
    I.typeR(0x53, mode, function, rd, rs1, rs2)
  }

  private func run(
    _ word: UInt32, on processor: ProcessorModel = .max, unit: UInt64 = 1, f1: UInt64 = 0, f2: UInt64 = 0,
    x10: UInt64 = 0, _ engine: Machine.Engine
  ) -> TrapBench.Outcome {
    TrapBench(
      engine: engine, processor: processor,
      setup: {
        $0.set(C.mstatus, 1 << 13)
        for (register, value) in [(1, f1), (2, f2)] {
          $0.load(R.t0, value)
          $0.emit(I.typeR(0x53, 0, 0x79, register, R.t0, 0))  // fmv.d.x
        }
        $0.load(R.a0, x10)
        $0.set(C.mstatus, unit << 13)
      }, code: { $0.emit(word) }
    ).run()
  }

  @Test(arguments: Machine.Engine.both) func wordsAreInstructionsOfHartsThatHaveThem(engine: Machine.Engine) {
    let half: [ProcessorModel] = [.max]
    let minimal: [ProcessorModel] = [.max, .rva22s64]
    let additional: [ProcessorModel] = [.max, .rv64]
    let cases: [(String, UInt32, [ProcessorModel])] = [
      ("flh", I.typeI(0x07, 1, 1, R.s1, 0), minimal), ("fsh", I.typeS(0x27, 1, R.s1, 1, 0), minimal),
      ("fmv.x.h", Self.word(0x72, 0, 1, 0, R.a0), minimal),
      ("fmv.h.x", Self.word(0x7a, 0, R.a0, 0, 1), minimal),
      ("fcvt.s.h", Self.word(0x20, 2, 1, 0, 1), minimal), ("fcvt.h.s", Self.word(0x22, 0, 1, 7, 1), minimal),
      ("fcvt.d.h", Self.word(0x21, 2, 1, 0, 1), minimal), ("fcvt.h.d", Self.word(0x22, 1, 1, 7, 1), minimal),
      ("fadd.h", Self.word(0x02, 1, 1, 7, 1), half), ("fmadd.h", I.typeR(0x43, 7, 2, 1, 1, 1), half),
      ("fsqrt.h", Self.word(0x2e, 0, 1, 7, 1), half), ("fclass.h", Self.word(0x72, 0, 1, 1, R.a0), half),
      ("fcvt.w.h", Self.word(0x62, 0, 1, 1, R.a0), half), ("fcvt.h.lu", Self.word(0x6a, 3, R.a0, 7, 1), half),
      ("fli.s", Self.word(0x78, 1, 16, 0, 1), additional),
      ("fli.d", Self.word(0x79, 1, 16, 0, 1), additional),
      ("fli.h", Self.word(0x7a, 1, 16, 0, 1), half), ("fminm.s", Self.word(0x14, 1, 1, 2, 1), additional),
      ("fmaxm.h", Self.word(0x16, 1, 1, 3, 1), half), ("fround.d", Self.word(0x21, 4, 1, 7, 1), additional),
      ("froundnx.h", Self.word(0x22, 5, 1, 7, 1), half),
      ("fleq.d", Self.word(0x51, 1, 1, 4, R.a0), additional),
      ("fltq.h", Self.word(0x52, 1, 1, 5, R.a0), half),
      ("fcvtmod.w.d", Self.word(0x61, 8, 1, 1, R.a0), additional),
      // No hart's: a mode that is not the one there is, reserved modes, quad precision, RV32's, and no number there.
      ("fli.s, mode 1", Self.word(0x78, 1, 16, 1, 1), []),
      ("fli.h, mode 7", Self.word(0x7a, 1, 16, 7, 1), []),
      ("fcvtmod.w.d, mode 0", Self.word(0x61, 8, 1, 0, R.a0), []),
      ("fcvtmod.w.d, mode 7", Self.word(0x61, 8, 1, 7, R.a0), []),
      ("fcvtmod.w.s", Self.word(0x60, 8, 1, 1, R.a0), []),
      ("fround.s, mode 5", Self.word(0x20, 4, 1, 5, 1), []),
      ("fadd.h, mode 6", Self.word(0x02, 1, 1, 6, 1), []), ("fadd.q", Self.word(0x03, 1, 1, 7, 1), []),
      ("fli.q", Self.word(0x7b, 1, 16, 0, 1), []), ("fmvh.x.d", Self.word(0x71, 1, 1, 0, R.a0), []),
      ("fmvp.d.x", Self.word(0x59, R.a0, R.a0, 0, 1), []), ("fcvt.h.h", Self.word(0x22, 2, 1, 0, 1), []),
      ("fcvt.s.s", Self.word(0x20, 0, 1, 0, 1), []), ("fminm of mode 4", Self.word(0x14, 1, 1, 4, 1), []),
      ("fsgnj.h of mode 3", Self.word(0x12, 1, 1, 3, 1), []),
      ("fsqrt.h of two", Self.word(0x2e, 1, 1, 7, 1), []),
    ]
    for (name, word, processors) in cases {
      for processor in ProcessorModel.allCases {
        let result = run(word, on: processor, engine)
        #expect(result.cause == (processors.contains(processor) ? 11 : 2), "\(name) on \(processor)")
        if result.cause == 2 { #expect(result.value == UInt64(word), "\(name)") }
        #expect(run(word, on: processor, unit: 0, engine).cause == 2, "\(name) on \(processor), unit off")
      }
    }
  }

  @Test(arguments: Machine.Engine.both) func halvesAreBoxedAndUnboxed(engine: Machine.Engine) {
    let boxed: UInt64 = 0xffff_ffff_ffff_0000
    let canonical = boxed | 0x7e00
    // TrapBench.frame holds the bytes 11 12 and so on.
    #expect(
      run(I.typeI(0x07, 1, 3, R.s1, 1), engine).machine.floatingPointRegister(3, hart: 0) == boxed | 0x1312)
    let stored = run(I.typeS(0x27, 1, R.s1, 1, 8), f1: 0x1234_5678_9abc_def0, engine).machine
    #expect(stored.doubleword(TrapBench.frame + 8) == 0x201f_1e1d_1c1b_def0, "as it is, boxed or not")
    func float(_ word: UInt32, f1: UInt64 = 0, f2: UInt64 = 0, x10: UInt64 = 0) -> UInt64 {
      run(word, f1: f1, f2: f2, x10: x10, engine).machine.floatingPointRegister(3, hart: 0)
    }
    func integer(_ word: UInt32, f1: UInt64) -> UInt64 { run(word, f1: f1, engine).register(R.a1) }
    #expect(float(Self.word(0x7a, 0, R.a0, 0, 3), x10: 0x1234_5678_9abc_def0) == boxed | 0xdef0)
    #expect(
      integer(Self.word(0x72, 0, 1, 0, R.a1), f1: 0x9abc)
        == UInt64(bitPattern: Int64(Int16(bitPattern: 0x9abc))))
    #expect(
      integer(Self.word(0x72, 0, 1, 0, R.a1), f1: 0xffff_0000_0000_1abc) == 0x1abc, "not boxed, as it is")
    #expect(
      integer(Self.word(0x72, 0, 1, 1, R.a1), f1: 0xffff_ffff_0000_3c00) == 1 << 9, "a single is a quiet NaN")
    let one: UInt64 = boxed | 0x3c00
    #expect(float(Self.word(0x02, 2, 1, 7, 3), f1: one, f2: one) == boxed | 0x4000)
    #expect(float(Self.word(0x02, 2, 1, 7, 3), f1: one, f2: 0x3c00) == canonical)
    #expect(
      float(Self.word(0x12, 2, 1, 0, 3), f1: 0x3c00, f2: boxed | 0x8000) == canonical | 0x8000, "fsgnj.h")
    #expect(float(Self.word(0x20, 2, 1, 0, 3), f1: 0x3c00) == 0xffff_ffff_7fc0_0000, "fcvt.s.h")
    #expect(float(Self.word(0x21, 2, 1, 0, 3), f1: boxed | 0xbc00) == (-1.0).bitPattern, "fcvt.d.h")
    #expect(float(Self.word(0x22, 1, 1, 7, 3), f1: (65520.0).bitPattern) == boxed | 0x7c00, "fcvt.h.d")
    #expect(float(Self.word(0x7a, 1, 29, 0, 3)) == boxed | 0x7c00, "fli.h of 2^16")
    #expect(float(Self.word(0x78, 1, 20, 0, 3)) == 0xffff_ffff_4000_0000, "fli.s of 2")
    #expect(float(Self.word(0x79, 1, 0, 0, 3)) == (-1.0).bitPattern, "fli.d of -1")
    #expect(integer(Self.word(0x61, 8, 1, 1, R.a1), f1: (4294967298.75).bitPattern) == 2, "fcvtmod.w.d")
    #expect(
      integer(Self.word(0x61, 8, 1, 1, R.a1), f1: (-2147483649.0).bitPattern) == 0x7fff_ffff, "fcvtmod.w.d")
  }

  /// The unit is dirty behind what writes to a floating-point register or may raise a flag.
  @Test(arguments: Machine.Engine.both) func unitGetsDirty(engine: Machine.Engine) {
    let cases: [(String, UInt32, Bool)] = [
      ("flh", I.typeI(0x07, 1, 1, R.s1, 0), true), ("flh from two pages", I.typeI(0x07, 1, 1, R.s2, 0), true),
      ("fsh", I.typeS(0x27, 1, R.s1, 1, 0), false), ("fmv.x.h", Self.word(0x72, 0, 1, 0, R.a0), false),
      ("fmv.h.x", Self.word(0x7a, 0, R.a0, 0, 1), true), ("fli.d", Self.word(0x79, 1, 16, 0, 1), true),
      ("fadd.h", Self.word(0x02, 1, 1, 7, 1), true), ("fleq.s", Self.word(0x50, 1, 1, 4, R.a0), true),
    ]
    for (name, word, isDirty) in cases {
      let result = TrapBench(
        engine: engine, processor: .max,
        setup: {
          $0.load(R.s2, TrapBench.frame + 0xfff)
          $0.set(C.mstatus, 1 << 13)
        }, code: { $0.emit(word) }
      ).run()
      #expect(result.cause == 11, "\(name)")
      #expect(result.status >> 13 & 3 == (isDirty ? 3 : 1), "\(name)")
    }
  }
}
