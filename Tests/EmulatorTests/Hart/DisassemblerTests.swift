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
      (0x0000_8000, ".2byte 0x8000"),
    ] as [(UInt32, String)])
  func writesInstructions(word: UInt32, text: String) {
    #expect(Disassembler(word, at: 0x8000_0000, for: ProcessorModel.max.extensions).text == text)
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
