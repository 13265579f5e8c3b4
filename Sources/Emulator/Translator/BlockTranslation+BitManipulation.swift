// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Zba, Zbb, Zbs, and what is as simple.
  extension BlockTranslation {
    /// False: it is none of these, and nothing was emitted.
    mutating func emitBitManipulation(_ instruction: DecodedInstruction) -> Bool {
      let first = RegisterMap.operand(instruction.source1)
      let second = RegisterMap.operand(instruction.source2)
      let amount = UInt8(truncatingIfNeeded: instruction.immediate) & 63
      switch instruction.opcode {
      case .sh1add, .sh1addUW: shiftAndAdd(instruction, 1)
      case .sh2add, .sh2addUW: shiftAndAdd(instruction, 2)
      case .sh3add, .sh3addUW: shiftAndAdd(instruction, 3)
      case .addUW: shiftAndAdd(instruction, 0)
      case .slliUW:
        compute(instruction) {
          $0.move($1, first, wide: false)
          if amount != 0 { $0.shift(.left, $1, by: amount) }
        }
      case .andn:
        inScratch(instruction) {
          $0.move(.rax, second)
          $0.not(.rax)
          $0.arithmetic(.and, .rax, first)
        }
      case .orn:
        inScratch(instruction) {
          $0.move(.rax, second)
          $0.not(.rax)
          $0.arithmetic(.or, .rax, first)
        }
      case .xnor:
        inScratch(instruction) {
          $0.move(.rax, second)
          $0.arithmetic(.xor, .rax, first)
          $0.not(.rax)
        }
      // lzcnt, tzcnt and popcnt: `Translator` is used on hosts that have them only.
      case .clz: compute(instruction) { $0.instruction(0xf3_0fbd, $1.rawValue, first, wide: true) }
      case .ctz: compute(instruction) { $0.instruction(0xf3_0fbc, $1.rawValue, first, wide: true) }
      case .cpop: compute(instruction) { $0.instruction(0xf3_0fb8, $1.rawValue, first, wide: true) }
      case .clzw: compute(instruction) { $0.instruction(0xf3_0fbd, $1.rawValue, first, wide: false) }
      case .ctzw: compute(instruction) { $0.instruction(0xf3_0fbc, $1.rawValue, first, wide: false) }
      case .cpopw: compute(instruction) { $0.instruction(0xf3_0fb8, $1.rawValue, first, wide: false) }
      case .max: select(instruction, .less)
      case .min: select(instruction, .greater)
      case .maxu: select(instruction, .below)
      case .minu: select(instruction, .above)
      case .sextB:
        compute(instruction) { $0.instruction(0x0fbe, $1.rawValue, first, wide: true, isByte: true) }
      case .sextH: compute(instruction) { $0.instruction(0x0fbf, $1.rawValue, first, wide: true) }
      case .zextH: compute(instruction) { $0.instruction(0x0fb7, $1.rawValue, first, wide: false) }
      case .rev8: withImmediate(instruction) { $0.byteSwap($1) }
      case .orcB: orCombineBytes(instruction)
      case .bclr: bitTest(instruction, 0x0fb3)
      case .binv: bitTest(instruction, 0x0fbb)
      case .bset: bitTest(instruction, 0x0fab)
      case .bclri: bitTestImmediate(instruction, 6, amount)
      case .binvi: bitTestImmediate(instruction, 7, amount)
      case .bseti: bitTestImmediate(instruction, 5, amount)
      case .bext:
        assembler.move(.rcx, second, wide: false)
        inScratch(instruction) {
          $0.move(.rax, first)
          $0.shiftByCL(.right, .rax)
          $0.arithmetic(.and, .register(.rax), immediate: 1)
        }
      case .bexti:
        withImmediate(instruction) {
          if amount != 0 { $0.shift(.right, $1, by: amount) }
          $0.arithmetic(.and, .register($1), immediate: 1)
        }
      case .czeroEqz, .czeroNez:
        inScratch(instruction) {
          $0.move(.rax, first)
          $0.arithmetic(.cmp, second, immediate: 0)
          // x0's place holds zero.
          $0.moveIf(instruction.opcode == .czeroEqz ? .equal : .notEqual, .rax, RegisterMap.operand(0))
        }
      case .mop: compute(instruction) { $0.moveImmediate($1, 0) }
      case .pause, .wrsSto:
        // The hart may lose its turn.
        if translator.endsTurnsThatWait { return false }
      default: return false
      }
      return true
    }

    /// Has `body` compute the destination in rax, so that it may read the sources at any time.
    private mutating func inScratch(_ instruction: DecodedInstruction, _ body: (inout Assembler) -> Void) {
      body(&assembler)
      assembler.move(RegisterMap.operand(instruction.destination), .rax)
    }

    private mutating func shiftAndAdd(_ instruction: DecodedInstruction, _ amount: UInt8) {
      let isWord: Bool
      switch instruction.opcode {
      case .addUW, .sh1addUW, .sh2addUW, .sh3addUW: isWord = true
      default: isWord = false
      }
      let first = RegisterMap.operand(instruction.source1)
      let second = RegisterMap.operand(instruction.source2)
      inScratch(instruction) {
        $0.move(.rax, first, wide: !isWord)
        if case .register(let base) = second {
          $0.loadAddress(.rax, base, index: .rax, scale: amount)
        } else {
          if amount != 0 { $0.shift(.left, .rax, by: amount) }
          $0.arithmetic(.add, .rax, second)
        }
      }
    }

    /// source1, or source2 where source1 is `condition` of it.
    private mutating func select(_ instruction: DecodedInstruction, _ condition: Condition) {
      let second = RegisterMap.operand(instruction.source2)
      inScratch(instruction) {
        $0.move(.rax, RegisterMap.operand(instruction.source1))
        $0.arithmetic(.cmp, .rax, second)
        $0.moveIf(condition, .rax, second)
      }
    }

    private mutating func bitTest(_ instruction: DecodedInstruction, _ code: UInt32) {
      assembler.move(.rcx, RegisterMap.operand(instruction.source2))
      withImmediate(instruction) {
        // The register form takes the bit's number modulo 64.
        $0.instruction(code, HostRegister.rcx.rawValue, .register($1), wide: true)
      }
    }

    private mutating func bitTestImmediate(_ instruction: DecodedInstruction, _ number: UInt8, _ bit: UInt8) {
      withImmediate(instruction) {
        $0.instruction(0x0fba, number, .register($1), wide: true)
        $0.byte(bit)
      }
    }

    /// A byte's top bit in (v & 0x7f…) + 0x7f… | v is set exactly if the byte is not zero.
    private mutating func orCombineBytes(_ instruction: DecodedInstruction) {
      inScratch(instruction) {
        $0.move(.rax, RegisterMap.operand(instruction.source1))
        $0.move(.rdx, .register(.rax))
        $0.moveImmediate(.rcx, 0x7f7f_7f7f_7f7f_7f7f)
        $0.arithmetic(.and, .rdx, .register(.rcx))
        $0.arithmetic(.add, .rdx, .register(.rcx))
        $0.arithmetic(.or, .rax, .register(.rdx))
        $0.not(.rcx)
        $0.arithmetic(.and, .rax, .register(.rcx))
        $0.shift(.right, .rax, by: 7)
        $0.instruction(0x69, HostRegister.rax.rawValue, .register(.rax), wide: true)
        $0.int32(0xff)
      }
    }
  }
#endif
