// SPDX-License-Identifier: Apache-2.0

/// Takes instruction words apart. A pure function of the word and of what the harts have: what the privilege,
/// `menvcfg` or `mstatus.FS` forbids is found out when the instruction is executed.
///
/// Reference: The RISC-V Instruction Set Manual, volume I, "RV32/64G Instruction Set Listings".
package struct Decoder {
  /// Words of other extensions are illegal.
  let extensions: ProcessorExtensions

  package init(for extensions: ProcessorExtensions) { self.extensions = extensions }

  /// Decodes the instruction whose low 16 bits are those of `word` and, unless it is compressed, all 32.
  package func decode(_ word: UInt32, pageOffset: UInt16) -> DecodedInstruction {
    if word & 3 == 3 {
      var instruction = decodeFull(word)
      instruction.pageOffset = pageOffset
      return instruction
    }
    let half = UInt16(truncatingIfNeeded: word)
    var instruction = expand(half).map(decodeFull) ?? illegal(UInt32(half))
    instruction.pageOffset = pageOffset
    instruction.length = 2
    instruction.raw = UInt32(half)
    return instruction
  }

  func illegal(_ word: UInt32) -> DecodedInstruction {
    make(.illegal, word, immediate: 0)
  }

  func make(_ opcode: Opcode, _ word: UInt32, immediate: Int32) -> DecodedInstruction {
    let destination = UInt8(truncatingIfNeeded: word >> 7 & 31)
    return DecodedInstruction(
      opcode: opcode, destination: destination, source1: UInt8(truncatingIfNeeded: word >> 15 & 31),
      source2: UInt8(truncatingIfNeeded: word >> 20 & 31), pageOffset: 0, remaining: 0, length: 4,
      immediate: immediate, raw: word)
  }

  /// As `make`, for an instruction that writes an integer register.
  func integer(
    _ opcode: Opcode, _ word: UInt32, immediate: Int32 = 0
  ) -> DecodedInstruction {
    var instruction = make(opcode, word, immediate: immediate)
    if instruction.destination == 0 { instruction.destination = DecodedInstruction.bin }
    return instruction
  }

  private func decodeFull(_ word: UInt32) -> DecodedInstruction {
    let function3 = word >> 12 & 7
    switch word & 0x7f {
    case 0x37: return integer(.lui, word, immediate: Int32(bitPattern: word & 0xffff_f000))
    case 0x17: return integer(.auipc, word, immediate: Int32(bitPattern: word & 0xffff_f000))
    case 0x6f: return integer(.jal, word, immediate: Self.immediateJ(word))
    case 0x67: return function3 == 0 ? integer(.jalr, word, immediate: Self.immediateI(word)) : illegal(word)
    case 0x63:
      guard let opcode = Self.branches[Int(function3)] else { return illegal(word) }
      return make(opcode, word, immediate: Self.immediateB(word))
    case 0x03:
      guard let opcode = Self.loads[Int(function3)] else { return illegal(word) }
      return integer(opcode, word, immediate: Self.immediateI(word))
    case 0x23:
      guard let opcode = Self.stores[Int(function3)] else { return illegal(word) }
      return make(opcode, word, immediate: Self.immediateS(word))
    case 0x13: return decodeImmediate(word)
    case 0x1b: return decodeImmediateWord(word)
    case 0x33: return registerOperation(word, registerOperations)
    case 0x3b: return registerOperation(word, registerWordOperations)
    case 0x0f: return decodeFence(word)
    case 0x73: return decodeSystem(word)
    case 0x2f: return decodeAtomic(word)
    case 0x07:
      switch function3 {
      case 1 where extensions.contains(.zfhmin): return make(.flh, word, immediate: Self.immediateI(word))
      case 2: return make(.flw, word, immediate: Self.immediateI(word))
      case 3: return make(.fld, word, immediate: Self.immediateI(word))
      default: return illegal(word)
      }
    case 0x27:
      switch function3 {
      case 1 where extensions.contains(.zfhmin): return make(.fsh, word, immediate: Self.immediateS(word))
      case 2: return make(.fsw, word, immediate: Self.immediateS(word))
      case 3: return make(.fsd, word, immediate: Self.immediateS(word))
      default: return illegal(word)
      }
    case 0x43: return fusedMultiplyAdd(word, .fmaddS, .fmaddD, .fmaddH)
    case 0x47: return fusedMultiplyAdd(word, .fmsubS, .fmsubD, .fmsubH)
    case 0x4b: return fusedMultiplyAdd(word, .fnmsubS, .fnmsubD, .fnmsubH)
    case 0x4f: return fusedMultiplyAdd(word, .fnmaddS, .fnmaddD, .fnmaddH)
    case 0x53:
      let instruction = decodeFloatingPoint(word)
      return instruction.opcode == .illegal ? later(LaterFloatingPoint(word), word) : instruction
    default: return illegal(word)
    }
  }

  // MARK: Immediates (volume I, section 2.3)

  private static func immediateI(_ word: UInt32) -> Int32 { Int32(bitPattern: word) >> 20 }

  private static func immediateS(_ word: UInt32) -> Int32 {
    Int32(bitPattern: word & 0xfe00_0000) >> 20 | Int32(word >> 7 & 31)
  }

  private static func immediateB(_ word: UInt32) -> Int32 {
    let sign = Int32(bitPattern: word & 0x8000_0000) >> 19
    let low: UInt32 = word << 4 & 0x800 | word >> 20 & 0x7e0 | word >> 7 & 0x1e
    return sign | Int32(low)
  }

  private static func immediateJ(_ word: UInt32) -> Int32 {
    let sign = Int32(bitPattern: word & 0x8000_0000) >> 11
    let low: UInt32 = word & 0xff000 | word >> 9 & 0x800 | word >> 20 & 0x7fe
    return sign | Int32(low)
  }

  // MARK: Tables by function code

  private static let branches: [Opcode?] = [.beq, .bne, nil, nil, .blt, .bge, .bltu, .bgeu]
  private static let loads: [Opcode?] = [.lb, .lh, .lw, .ld, .lbu, .lhu, .lwu, nil]
  private static let stores: [Opcode?] = [.sb, .sh, .sw, .sd, nil, nil, nil, nil]

  /// Opcodes by funct7 and funct3, for the major opcode OP.
  private func registerOperations(_ function: UInt32) -> Opcode? {
    switch function {
    case 0x000: .add
    case 0x001: .sll
    case 0x002: .slt
    case 0x003: .sltu
    case 0x004: .xor
    case 0x005: .srl
    case 0x006: .or
    case 0x007: .and
    case 0x200: .sub
    case 0x205: .sra
    case 0x010: .mul
    case 0x011: .mulh
    case 0x012: .mulhsu
    case 0x013: .mulhu
    case 0x014: .div
    case 0x015: .divu
    case 0x016: .rem
    case 0x017: .remu
    case 0x102: .sh1add
    case 0x104: .sh2add
    case 0x106: .sh3add
    case 0x204: .xnor
    case 0x206: .orn
    case 0x207: .andn
    case 0x054: .min
    case 0x055: .minu
    case 0x056: .max
    case 0x057: .maxu
    case 0x301: .rol
    case 0x305: .ror
    case 0x141: .bset
    case 0x241: .bclr
    case 0x245: .bext
    case 0x341: .binv
    case 0x051 where extensions.contains(.zbc): .clmul
    case 0x052 where extensions.contains(.zbc): .clmulr
    case 0x053 where extensions.contains(.zbc): .clmulh
    case 0x075 where extensions.contains(.zicond): .czeroEqz
    case 0x077 where extensions.contains(.zicond): .czeroNez
    default: nil
    }
  }

  /// The same for the major opcode OP-32.
  private func registerWordOperations(_ function: UInt32) -> Opcode? {
    switch function {
    case 0x000: .addw
    case 0x001: .sllw
    case 0x005: .srlw
    case 0x200: .subw
    case 0x205: .sraw
    case 0x010: .mulw
    case 0x014: .divw
    case 0x015: .divuw
    case 0x016: .remw
    case 0x017: .remuw
    case 0x040: .addUW
    case 0x102: .sh1addUW
    case 0x104: .sh2addUW
    case 0x106: .sh3addUW
    case 0x301: .rolw
    case 0x305: .rorw
    default: nil
    }
  }

  private func registerOperation(
    _ word: UInt32, _ table: (UInt32) -> Opcode?
  ) -> DecodedInstruction {
    let function = word >> 21 & 0x7f0 | word >> 12 & 7
    if let opcode = table(function) { return integer(opcode, word) }
    // zext.h is the one instruction of Zbb here that fixes its second source.
    if word & 0xfff0_707f == 0x0800_403b { return integer(.zextH, word) }
    return illegal(word)
  }

  private func decodeImmediate(_ word: UInt32) -> DecodedInstruction {
    let shift = Int32(word >> 20 & 63)
    switch word >> 12 & 7 {
    case 0: return integer(.addi, word, immediate: Self.immediateI(word))
    case 2: return integer(.slti, word, immediate: Self.immediateI(word))
    case 3: return integer(.sltiu, word, immediate: Self.immediateI(word))
    case 4: return integer(.xori, word, immediate: Self.immediateI(word))
    case 6: return integer(.ori, word, immediate: Self.immediateI(word))
    case 7: return integer(.andi, word, immediate: Self.immediateI(word))
    case 1:
      switch word >> 26 {
      case 0x00: return integer(.slli, word, immediate: shift)
      case 0x0a: return integer(.bseti, word, immediate: shift)
      case 0x12: return integer(.bclri, word, immediate: shift)
      case 0x1a: return integer(.binvi, word, immediate: shift)
      default: break
      }
      switch word >> 20 {
      case 0x600: return integer(.clz, word)
      case 0x601: return integer(.ctz, word)
      case 0x602: return integer(.cpop, word)
      case 0x604: return integer(.sextB, word)
      case 0x605: return integer(.sextH, word)
      default: return illegal(word)
      }
    default:
      switch word >> 26 {
      case 0x00: return integer(.srli, word, immediate: shift)
      case 0x10: return integer(.srai, word, immediate: shift)
      case 0x12: return integer(.bexti, word, immediate: shift)
      case 0x18: return integer(.rori, word, immediate: shift)
      default: break
      }
      switch word >> 20 {
      case 0x287: return integer(.orcB, word)
      case 0x6b8: return integer(.rev8, word)
      default: return illegal(word)
      }
    }
  }

  private func decodeImmediateWord(_ word: UInt32) -> DecodedInstruction {
    let shift = Int32(word >> 20 & 31)
    switch (word >> 12 & 7, word >> 25) {
    case (0, _): return integer(.addiw, word, immediate: Self.immediateI(word))
    case (1, 0x00): return integer(.slliw, word, immediate: shift)
    case (1, 0x04), (1, 0x05): return integer(.slliUW, word, immediate: Int32(word >> 20 & 63))
    case (1, 0x30):
      switch word >> 20 & 31 {
      case 0: return integer(.clzw, word)
      case 1: return integer(.ctzw, word)
      case 2: return integer(.cpopw, word)
      default: return illegal(word)
      }
    case (5, 0x00): return integer(.srliw, word, immediate: shift)
    case (5, 0x20): return integer(.sraiw, word, immediate: shift)
    case (5, 0x30): return integer(.roriw, word, immediate: shift)
    default: return illegal(word)
    }
  }

  private func decodeFence(_ word: UInt32) -> DecodedInstruction {
    switch word >> 12 & 7 {
    case 0: make(word == 0x0100_000f ? .pause : .fence, word, immediate: 0)
    case 1: make(.fenceI, word, immediate: 0)
    case 2: decodeCacheBlock(word)
    default: illegal(word)
    }
  }

  private func decodeSystem(_ word: UInt32) -> DecodedInstruction {
    let csr = Int32(word >> 20)
    switch word >> 12 & 7 {
    case 1: return integer(.csrrw, word, immediate: csr)
    case 2: return integer(.csrrs, word, immediate: csr)
    case 3: return integer(.csrrc, word, immediate: csr)
    case 5: return integer(.csrrwi, word, immediate: csr)
    case 6: return integer(.csrrsi, word, immediate: csr)
    case 7: return integer(.csrrci, word, immediate: csr)
    case 0:
      switch word {
      case 0x0000_0073: return make(.ecall, word, immediate: 0)
      case 0x0010_0073: return make(.ebreak, word, immediate: 0)
      case 0x1020_0073: return make(.sret, word, immediate: 0)
      case 0x3020_0073: return make(.mret, word, immediate: 0)
      case 0x1050_0073: return make(.wfi, word, immediate: 0)
      default: break
      }
      if word & 0xfe00_7fff == 0x1200_0073 { return make(.sfenceVMA, word, immediate: 0) }
      return decodeLaterSystem(word)
    case 4: return decodeMayBeOperation(word)
    default: return illegal(word)
    }
  }

  private func decodeAtomic(_ word: UInt32) -> DecodedInstruction {
    if isLaterAtomic(word) { return integer(.laterAtomic, word) }
    let isDoubleword: Bool
    switch word >> 12 & 7 {
    case 2: isDoubleword = false
    case 3: isDoubleword = true
    default: return illegal(word)
    }
    let opcodes: (Opcode, Opcode)
    switch word >> 27 {
    case 0x02:
      guard word >> 20 & 31 == 0 else { return illegal(word) }
      opcodes = (.lrW, .lrD)
    case 0x03: opcodes = (.scW, .scD)
    case 0x01: opcodes = (.amoswapW, .amoswapD)
    case 0x00: opcodes = (.amoaddW, .amoaddD)
    case 0x04: opcodes = (.amoxorW, .amoxorD)
    case 0x0c: opcodes = (.amoandW, .amoandD)
    case 0x08: opcodes = (.amoorW, .amoorD)
    case 0x10: opcodes = (.amominW, .amominD)
    case 0x14: opcodes = (.amomaxW, .amomaxD)
    case 0x18: opcodes = (.amominuW, .amominuD)
    case 0x1c: opcodes = (.amomaxuW, .amomaxuD)
    default: return illegal(word)
    }
    return integer(isDoubleword ? opcodes.1 : opcodes.0, word)
  }

  // MARK: Floating point

  private func fusedMultiplyAdd(
    _ word: UInt32, _ single: Opcode, _ double: Opcode, _ half: LaterFloatingPoint
  ) -> DecodedInstruction {
    switch word >> 25 & 3 {
    case 0: make(single, word, immediate: 0)
    case 1: make(double, word, immediate: 0)
    case 2: later(half, word)
    default: illegal(word)
    }
  }

  private func later(_ operation: LaterFloatingPoint?, _ word: UInt32) -> DecodedInstruction {
    guard let operation, extensions.isSuperset(of: operation.required) else { return illegal(word) }
    let number = Int32(operation.rawValue)
    return operation.writesInteger
      ? integer(.laterFloatingPoint, word, immediate: number)
      : make(.laterFloatingPoint, word, immediate: number)
  }

  private func decodeFloatingPoint(_ word: UInt32) -> DecodedInstruction {
    let function3 = word >> 12 & 7
    let selector = word >> 20 & 31
    func float(_ opcode: Opcode) -> DecodedInstruction { make(opcode, word, immediate: 0) }
    func pick(_ opcodes: [Opcode], _ index: UInt32, _ isInteger: Bool) -> DecodedInstruction {
      guard index < opcodes.count else { return illegal(word) }
      let opcode = opcodes[Int(index)]
      return isInteger ? integer(opcode, word) : make(opcode, word, immediate: 0)
    }
    switch word >> 25 {
    case 0x00: return float(.faddS)
    case 0x01: return float(.faddD)
    case 0x04: return float(.fsubS)
    case 0x05: return float(.fsubD)
    case 0x08: return float(.fmulS)
    case 0x09: return float(.fmulD)
    case 0x0c: return float(.fdivS)
    case 0x0d: return float(.fdivD)
    case 0x2c: return selector == 0 ? float(.fsqrtS) : illegal(word)
    case 0x2d: return selector == 0 ? float(.fsqrtD) : illegal(word)
    case 0x10: return pick([.fsgnjS, .fsgnjnS, .fsgnjxS], function3, false)
    case 0x11: return pick([.fsgnjD, .fsgnjnD, .fsgnjxD], function3, false)
    case 0x14: return pick([.fminS, .fmaxS], function3, false)
    case 0x15: return pick([.fminD, .fmaxD], function3, false)
    case 0x20: return selector == 1 ? float(.fcvtSD) : illegal(word)
    case 0x21: return selector == 0 ? float(.fcvtDS) : illegal(word)
    case 0x50: return pick([.fleS, .fltS, .feqS], function3, true)
    case 0x51: return pick([.fleD, .fltD, .feqD], function3, true)
    case 0x60: return pick([.fcvtWS, .fcvtWUS, .fcvtLS, .fcvtLUS], selector, true)
    case 0x61: return pick([.fcvtWD, .fcvtWUD, .fcvtLD, .fcvtLUD], selector, true)
    case 0x68: return pick([.fcvtSW, .fcvtSWU, .fcvtSL, .fcvtSLU], selector, false)
    case 0x69: return pick([.fcvtDW, .fcvtDWU, .fcvtDL, .fcvtDLU], selector, false)
    case 0x70: return selector == 0 ? pick([.fmvXW, .fclassS], function3, true) : illegal(word)
    case 0x71: return selector == 0 ? pick([.fmvXD, .fclassD], function3, true) : illegal(word)
    case 0x78: return selector == 0 && function3 == 0 ? float(.fmvWX) : illegal(word)
    case 0x79: return selector == 0 && function3 == 0 ? float(.fmvDX) : illegal(word)
    default: return illegal(word)
    }
  }
}
