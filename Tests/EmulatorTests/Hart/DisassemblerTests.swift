// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// The disassembler is compared with gdb in EndToEndTests; here is what gdb does not show without being told of it.
@Suite struct DisassemblerTests {
  @Test(
    arguments: [
      (0x20c5_a533, "sh1add a0,a1,a2"), (0x40c5_c533, "xnor a0,a1,a2"), (0x0ac5_d533, "minu a0,a1,a2"),
      (0x60c5_9533, "rol a0,a1,a2"), (0x28c5_9533, "bset a0,a1,a2"), (0x48c5_d533, "bext a0,a1,a2"),
      (0x08c5_853b, "add.uw a0,a1,a2"), (0x20c5_e53b, "sh3add.uw a0,a1,a2"), (0x60c5_d53b, "rorw a0,a1,a2"),
      (0x0805_853b, "zext.w a0,a1"), (0x0805_c53b, "zext.h a0,a1"), (0x6005_9513, "clz a0,a1"),
      (0x6045_9513, "sext.b a0,a1"), (0x2875_d513, "orc.b a0,a1"), (0x6b85_d513, "rev8 a0,a1"),
      (0x6025_951b, "cpopw a0,a1"), (0x6a55_9513, "binvi a0,a1,0x25"), (0x6255_d513, "rori a0,a1,0x25"),
      (0x6075_d51b, "roriw a0,a1,0x7"), (0x0875_951b, "slli.uw a0,a1,0x7"),
      // Ordering, rounding, and what has no operands.
      (0x1005_a52f, "lr.w a0,(a1)"), (0x06c5_b52f, "amoadd.d.aqrl a0,a2,(a1)"),
      (0x02b5_15d3, "fadd.d fa1,fa0,fa1,rtz"), (0xd205_05d3, "fcvt.d.w fa1,a0"),
      (0x1200_0073, "sfence.vma"), (0x0330_000f, "fence rw,rw"), (0x0ff0_000f, "fence"),
      (0xc010_2573, "rdtime a0"), (0x3400_1073, "csrw mscratch,zero"), (0x3a05_1073, "csrw pmpcfg0,a0"),
      // No instructions of the machine.
      (0x0000_0000, "unimp"), (0xc000_1073, "unimp"), (0x0000_007f, ".4byte 0x0000007f"),
      (0x0000_9000, ".2byte 0x9000"),
    ] as [(UInt32, String)])
  func writesInstructions(word: UInt32, text: String) {
    #expect(Disassembler(word, at: 0x8000_0000, for: ProcessorModel.max.extensions).text == text)
  }

  /// As gdb 16.3 shows them when a program says that it has Zfh and Zfa.
  @Test(
    arguments: [
      (0x0045_9507, "flh fa0,4(a1)"), (0xfea5_9e27, "fsh fa0,-4(a1)"), (0x04c5_f553, "fadd.h fa0,fa1,fa2"),
      (0x04c5_9553, "fadd.h fa0,fa1,fa2,rtz"), (0x6cc5_f543, "fmadd.h fa0,fa1,fa2,fa3"),
      (0x6cc5_b54f, "fnmadd.h fa0,fa1,fa2,fa3,rup"), (0x5c05_f553, "fsqrt.h fa0,fa1"),
      (0x24b5_8553, "fmv.h fa0,fa1"), (0x24b5_9553, "fneg.h fa0,fa1"), (0x24b5_a553, "fabs.h fa0,fa1"),
      (0x24c5_8553, "fsgnj.h fa0,fa1,fa2"), (0x2cc5_8553, "fmin.h fa0,fa1,fa2"),
      (0x4025_8553, "fcvt.s.h fa0,fa1"), (0x4225_8553, "fcvt.d.h fa0,fa1"), (0x4405_f553, "fcvt.h.s fa0,fa1"),
      (0x4415_9553, "fcvt.h.d fa0,fa1,rtz"), (0xc405_9553, "fcvt.w.h a0,fa1,rtz"),
      (0xc435_f553, "fcvt.lu.h a0,fa1"), (0xd405_f553, "fcvt.h.w fa0,a1"),
      (0xd435_8553, "fcvt.h.lu fa0,a1,rne"), (0xe405_8553, "fmv.x.h a0,fa1"), (0xf405_8553, "fmv.h.x fa0,a1"),
      (0xa4c5_a553, "feq.h a0,fa1,fa2"), (0xe405_9553, "fclass.h a0,fa1"), (0xf010_0553, "fli.s fa0,-0x1p+0"),
      (0xf210_8553, "fli.d fa0,min"), (0xf413_0553, "fli.h fa0,0x1p-4"), (0xf01e_8553, "fli.s fa0,0x1p+16"),
      (0xf01f_0553, "fli.s fa0,inf"), (0xf01f_8553, "fli.s fa0,nan"), (0xf014_8553, "fli.s fa0,0x1.4p-2"),
      (0xf01b_0553, "fli.s fa0,0x1.8p+1"), (0x28c5_a553, "fminm.s fa0,fa1,fa2"),
      (0x2cc5_b553, "fmaxm.h fa0,fa1,fa2"), (0x4045_f553, "fround.s fa0,fa1"),
      (0x4245_9553, "fround.d fa0,fa1,rtz"), (0x4455_8553, "froundnx.h fa0,fa1,rne"),
      (0xc285_9553, "fcvtmod.w.d a0,fa1,rtz"), (0xa0c5_c553, "fleq.s a0,fa1,fa2"),
      (0xa2c5_d553, "fltq.d a0,fa1,fa2"),
    ] as [(UInt32, String)])
  func writesLaterFloatingPoint(word: UInt32, text: String) {
    #expect(Disassembler(word, at: 0, for: ProcessorModel.max.extensions).text == text)
    let without = Disassembler(word, at: 0, for: []).text
    #expect(without.hasPrefix(".4byte"), "\(without)")
  }

  @Test func showsTargetsOfJumps() {
    #expect(
      Disassembler(0xffdf_f06f, at: 0x8000_0000, for: ProcessorModel.max.extensions).text == "j 0x7ffffffc")
    #expect(Disassembler(0x0000_bfdd, at: 0x10, for: ProcessorModel.max.extensions).text == "j 0x6")
    #expect(
      Disassembler(0x0000_bfdd, at: 0, for: ProcessorModel.max.extensions).text == "j 0xfffffffffffffff6")
    #expect(Disassembler(0x0000_bfdd, at: 0, for: ProcessorModel.max.extensions).length == 2)
  }
}
