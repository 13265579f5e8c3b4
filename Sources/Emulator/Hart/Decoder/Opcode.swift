// SPDX-License-Identifier: Apache-2.0

/// What a decoded instruction does. Compressed instructions are decoded to the instruction they abbreviate.
///
/// The order is that of the manual's chapters. The numbers are not part of any format. They are bytes, which are not enough for
/// all extensions there are: a family of rare instructions has one opcode, and its decoder leaves in `immediate` which one it is.
package enum Opcode: UInt8 {
  // Not an instruction: the end of a block that runs on into the next one.
  case blockEnd
  case illegal

  // RV32I and RV64I
  case lui, auipc, jal, jalr
  case beq, bne, blt, bge, bltu, bgeu
  // No instructions of their own: these jumps while somebody wants to hear of them (`ControlTransfer`)
  case notedJal, notedJalr
  // No instructions of their own: one of these that closes a loop which only waits (`WaitingLoop`), and one that is told when it is
  // taken; `DecodedInstruction.condition` says which
  case waitingBranch, notedBranch
  case lb, lh, lw, ld, lbu, lhu, lwu
  case sb, sh, sw, sd
  case addi, slti, sltiu, xori, ori, andi, slli, srli, srai
  case add, sub, sll, slt, sltu, xor, srl, sra, or, and
  case addiw, slliw, srliw, sraiw, addw, subw, sllw, srlw, sraw
  case fence, fenceI, ecall, ebreak

  // Zicsr
  case csrrw, csrrs, csrrc, csrrwi, csrrsi, csrrci

  // Privileged
  case mret, sret, wfi, sfenceVMA

  // M
  case mul, mulh, mulhsu, mulhu, div, divu, rem, remu
  case mulw, divw, divuw, remw, remuw

  // A
  case lrW, scW, amoswapW, amoaddW, amoxorW, amoandW, amoorW, amominW, amomaxW, amominuW, amomaxuW
  case lrD, scD, amoswapD, amoaddD, amoxorD, amoandD, amoorD, amominD, amomaxD, amominuD, amomaxuD

  // F
  case flw, fsw, fmaddS, fmsubS, fnmsubS, fnmaddS
  case faddS, fsubS, fmulS, fdivS, fsqrtS, fsgnjS, fsgnjnS, fsgnjxS, fminS, fmaxS
  case fcvtWS, fcvtWUS, fcvtLS, fcvtLUS, fcvtSW, fcvtSWU, fcvtSL, fcvtSLU
  case fmvXW, fmvWX, feqS, fltS, fleS, fclassS

  // D
  case fld, fsd, fmaddD, fmsubD, fnmsubD, fnmaddD
  case faddD, fsubD, fmulD, fdivD, fsqrtD, fsgnjD, fsgnjnD, fsgnjxD, fminD, fmaxD
  case fcvtSD, fcvtDS
  case fcvtWD, fcvtWUD, fcvtLD, fcvtLUD, fcvtDW, fcvtDWU, fcvtDL, fcvtDLU
  case fmvXD, fmvDX, feqD, fltD, fleD, fclassD

  // Zfhmin, Zfh and Zfa: which one `laterFloatingPoint` is, see there
  case flh, fsh, laterFloatingPoint

  // Zba
  case addUW, sh1add, sh2add, sh3add, sh1addUW, sh2addUW, sh3addUW, slliUW

  // Zbb
  case andn, orn, xnor, clz, ctz, cpop, clzw, ctzw, cpopw, max, maxu, min, minu
  case sextB, sextH, zextH, rol, ror, rori, rolw, rorw, roriw, orcB, rev8

  // Zbs
  case bclr, bclri, bext, bexti, binv, binvi, bset, bseti

  // Zbc and Zicond
  case clmul, clmulh, clmulr, czeroEqz, czeroNez

  // Families: Zimop; Zihintpause; Zawrs; Zicbom and Zicboz (`CacheBlockOperation`); Zacas and Zabha, told by their word
  case mop, pause, wrsNto, wrsSto, cacheBlock, laterAtomic

  // Svinval: which one, by the word
  case svinval
}

extension Opcode {
  /// Does a block go on behind this instruction unless it jumps?
  var isBranch: Bool { rawValue >= Opcode.beq.rawValue && rawValue <= Opcode.bgeu.rawValue }

  /// Executed by `Interpreter.executeLater`.
  var isLater: Bool { rawValue >= Opcode.clmul.rawValue && rawValue <= Opcode.laterAtomic.rawValue }

  /// Does nothing of a block follow this instruction in memory? That holds for jumps, and for everything after which
  /// translation, privilege, counters or pending interrupts may be different.
  var endsBlock: Bool {
    switch self {
    case .blockEnd, .illegal, .jal, .jalr, .notedJal, .notedJalr, .fenceI, .ecall, .ebreak,
      .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci, .mret, .sret, .wfi, .sfenceVMA,
      .svinval:
      true
    default:
      false
    }
  }
}
