// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// One guest instruction after the other.
  extension BlockTranslation {
    mutating func emit(_ op: UnsafePointer<DecodedInstruction>) {
      lookAtUpperHalf(op)
      let instruction = op.pointee
      let here = Int32(instruction.pageOffset)
      let next = here + Int32(instruction.length)
      let immediate = instruction.immediate
      switch instruction.opcode {
      case .blockEnd: goTo(here)
      case .lui: constant(instruction, UInt64(bitPattern: Int64(immediate)))
      case .auipc:
        compute(instruction) { assembler, target in
          assembler.move(target, .memory(RegisterMap.pageBase))
          assembler.arithmetic(.add, .register(target), immediate: here)
          if immediate != 0 { assembler.arithmetic(.add, .register(target), immediate: immediate) }
        }
      case .jal:
        if instruction.destination != DecodedInstruction.bin { setLink(instruction, next) }
        // One that is not the last has its target behind it.
        if instruction.remaining == 1 { goTo(here &+ immediate) }
      case .jalr:
        formTarget(instruction)
        goToRAX()
      case .notedJal, .notedJalr: notedJump(instruction)
      case .beq, .bne, .blt, .bge, .bltu, .bgeu: branch(instruction)
      case .notedBranch: notedBranch(op)
      case .waitingBranch: waitingBranch(op)

      case .lb, .lbu, .lh, .lhu, .lw, .lwu, .ld: load(op)
      case .sb, .sh, .sw, .sd: store(op)
      case .fence: break

      case .addi: addImmediate(instruction)
      case .slti: compare(instruction, .less, immediate: immediate)
      case .sltiu: compare(instruction, .below, immediate: immediate)
      case .xori:
        withImmediate(instruction) { $0.arithmetic(.xor, .register($1), immediate: immediate) }
      case .ori: withImmediate(instruction) { $0.arithmetic(.or, .register($1), immediate: immediate) }
      case .andi: withImmediate(instruction) { $0.arithmetic(.and, .register($1), immediate: immediate) }
      case .slli: if !isExtension(op) { shiftImmediate(instruction, .left) }
      case .srli:
        if op > UnsafePointer(block.instructions) && isExtension(op - 1) {
          extend(op)
        } else {
          shiftImmediate(instruction, .right)
        }
      case .srai: shiftImmediate(instruction, .arithmeticRight)
      case .rori: shiftImmediate(instruction, .rotateRight)
      case .addiw: addImmediateWord(instruction)
      case .slliw: shiftImmediate(instruction, .left, isWord: true)
      case .srliw: shiftImmediate(instruction, .right, isWord: true)
      case .sraiw: shiftImmediate(instruction, .arithmeticRight, isWord: true)
      case .roriw: shiftImmediate(instruction, .rotateRight, isWord: true)

      case .add where instruction.source1 == 0: copy(instruction)
      case .add: binary(instruction, isCommutative: true) { $0.arithmetic(.add, $1, $2) }
      case .sub: binary(instruction) { $0.arithmetic(.sub, $1, $2) }
      case .xor: binary(instruction, isCommutative: true) { $0.arithmetic(.xor, $1, $2) }
      case .or: binary(instruction, isCommutative: true) { $0.arithmetic(.or, $1, $2) }
      case .and: binary(instruction, isCommutative: true) { $0.arithmetic(.and, $1, $2) }
      case .addw:
        binary(instruction, isCommutative: true, isWord: true) { $0.arithmetic(.add, $1, $2, wide: false) }
      case .subw: binary(instruction, isWord: true) { $0.arithmetic(.sub, $1, $2, wide: false) }
      case .slt: compare(instruction, .less)
      case .sltu: compare(instruction, .below)
      case .sll: shift(instruction, .left)
      case .srl: shift(instruction, .right)
      case .sra: shift(instruction, .arithmeticRight)
      case .rol: shift(instruction, .rotateLeft)
      case .ror: shift(instruction, .rotateRight)
      case .sllw: shift(instruction, .left, isWord: true)
      case .srlw: shift(instruction, .right, isWord: true)
      case .sraw: shift(instruction, .arithmeticRight, isWord: true)
      case .rolw: shift(instruction, .rotateLeft, isWord: true)
      case .rorw: shift(instruction, .rotateRight, isWord: true)

      case .mul: binary(instruction, isCommutative: true) { $0.multiply($1, $2) }
      case .mulw: binary(instruction, isCommutative: true, isWord: true) { $0.multiply($1, $2, wide: false) }
      case .mulh, .mulhu, .mulhsu: multiplyHigh(instruction)
      case .div, .rem, .divw, .remw, .divu, .remu, .divuw, .remuw: divide(instruction)

      default:
        if emitBitManipulation(instruction) || emitAtomic(op) || emitFloatingPoint(op)
          || emitLaterExtension(op)
        {
          return
        }
        if instruction.opcode.endsBlock {
          callOutAtEnd(op)
        } else {
          callOut(op, translator.thunks.execute)
        }
      }
    }

    // MARK: Shapes of instructions

    /// Has `body` compute the destination in a register: its own, if it has one, else rax.
    mutating func compute(
      _ instruction: DecodedInstruction, isWord: Bool = false,
      _ body: (inout Assembler, HostRegister) -> Void
    ) {
      let target = RegisterMap.host(instruction.destination) ?? .rax
      body(&assembler, target)
      if isWord && !isUpperHalfDead { assembler.signExtendWord(target, .register(target)) }
      assembler.move(RegisterMap.operand(instruction.destination), target)
    }

    /// destination = source1 `body` source2
    mutating func binary(
      _ instruction: DecodedInstruction, isCommutative: Bool = false, isWord: Bool = false,
      _ body: (inout Assembler, HostRegister, HostOperand) -> Void
    ) {
      let first = RegisterMap.operand(instruction.source1)
      let second = RegisterMap.operand(instruction.source2)
      compute(instruction, isWord: isWord) { assembler, target in
        if second == .register(target) && first != second {
          // The destination still holds the second operand.
          if isCommutative {
            body(&assembler, target, first)
          } else {
            assembler.move(.rax, first)
            body(&assembler, .rax, second)
            assembler.move(target, .register(.rax))
          }
        } else {
          assembler.move(target, first)
          body(&assembler, target, second)
        }
      }
    }

    /// destination = `body` of source1
    mutating func withImmediate(
      _ instruction: DecodedInstruction, isWord: Bool = false,
      _ body: (inout Assembler, HostRegister) -> Void
    ) {
      compute(instruction, isWord: isWord) { assembler, target in
        assembler.move(target, RegisterMap.operand(instruction.source1))
        body(&assembler, target)
      }
    }

    /// destination = source2, the long form of `mv`.
    private mutating func copy(_ instruction: DecodedInstruction) {
      if let source = RegisterMap.host(instruction.source2) {
        assembler.move(RegisterMap.operand(instruction.destination), source)
      } else {
        compute(instruction) { $0.move($1, RegisterMap.operand(instruction.source2)) }
      }
    }

    private mutating func constant(_ instruction: DecodedInstruction, _ value: UInt64) {
      compute(instruction) { $0.moveImmediate($1, value) }
    }

    private mutating func addImmediate(_ instruction: DecodedInstruction) {
      let immediate = instruction.immediate
      if instruction.source1 == 0 {
        constant(instruction, UInt64(bitPattern: Int64(immediate)))
      } else if let source = RegisterMap.host(instruction.source1), immediate != 0,
        RegisterMap.host(instruction.destination) != source
      {
        compute(instruction) { $0.loadAddress($1, source, immediate) }
      } else {
        withImmediate(instruction) {
          if immediate != 0 { $0.arithmetic(.add, .register($1), immediate: immediate) }
        }
      }
    }

    private mutating func addImmediateWord(_ instruction: DecodedInstruction) {
      let immediate = instruction.immediate
      if immediate == 0 && !isUpperHalfDead {
        compute(instruction) { $0.signExtendWord($1, RegisterMap.operand(instruction.source1)) }
      } else {
        withImmediate(instruction, isWord: true) {
          if immediate != 0 { $0.arithmetic(.add, .register($1), immediate: immediate, wide: false) }
        }
      }
    }

    mutating func setLink(_ instruction: DecodedInstruction, _ pageOffset: Int32) {
      compute(instruction) { assembler, target in
        assembler.move(target, .memory(RegisterMap.pageBase))
        assembler.arithmetic(.add, .register(target), immediate: pageOffset)
      }
    }

    private mutating func branch(_ instruction: DecodedInstruction) {
      let here = Int32(instruction.pageOffset)
      compareSources(instruction)
      goTo(
        here &+ instruction.immediate, if: condition(of: instruction.opcode),
        givingBack: Int32(instruction.remaining) - 1)
    }

    /// As `branch`, but it is written down when it is taken.
    private mutating func notedBranch(_ op: UnsafePointer<DecodedInstruction>) {
      compareSources(op.pointee)
      noteAndGo(op, if: condition(of: op.pointee.condition))
    }

    /// As `branch`, but where it leads back the interpreter is called, which may end the hart's turn.
    private mutating func waitingBranch(_ op: UnsafePointer<DecodedInstruction>) {
      compareSources(op.pointee)
      callOutAtEnd(op, if: condition(of: op.pointee.condition))
    }

    /// When a branch leads away, as the flags say that `compareSources` sets.
    private func condition(of branch: Opcode) -> Condition {
      switch branch {
      case .beq: .equal
      case .bne: .notEqual
      case .blt: .less
      case .bge: .greaterOrEqual
      case .bltu: .below
      default: .aboveOrEqual
      }
    }

    /// Sets the flags from source1 - source2.
    private mutating func compareSources(_ instruction: DecodedInstruction) {
      let first = RegisterMap.operand(instruction.source1)
      if instruction.source2 == 0 {
        assembler.arithmetic(.cmp, first, immediate: 0)
      } else if case .register(let register) = first {
        assembler.arithmetic(.cmp, register, RegisterMap.operand(instruction.source2))
      } else {
        assembler.move(.rax, first)
        assembler.arithmetic(.cmp, .rax, RegisterMap.operand(instruction.source2))
      }
    }

    private mutating func compare(
      _ instruction: DecodedInstruction, _ condition: Condition, immediate: Int32? = nil
    ) {
      if let immediate {
        assembler.arithmetic(.cmp, RegisterMap.operand(instruction.source1), immediate: immediate)
      } else {
        compareSources(instruction)
      }
      assembler.set(condition, .rcx)
      assembler.instruction(0x0fb6, HostRegister.rcx.rawValue, .register(.rcx), wide: false, isByte: true)
      assembler.move(RegisterMap.operand(instruction.destination), .rcx)
    }

    private mutating func shiftImmediate(
      _ instruction: DecodedInstruction, _ shift: Shift, isWord: Bool = false
    ) {
      let amount = UInt8(truncatingIfNeeded: instruction.immediate) & (isWord ? 31 : 63)
      withImmediate(instruction, isWord: isWord) {
        if amount != 0 { $0.shift(shift, $1, by: amount, wide: !isWord) }
      }
    }

    /// Is it a `slli` that the `srli` behind it, of the same register, undoes in part? Compilers extend words and halfwords so.
    private func isExtension(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      let (left, right) = (op.pointee, (op + 1).pointee)
      return left.opcode == .slli && left.remaining > 1 && right.opcode == .srli
        && right.source1 == left.destination && right.destination == left.destination
        && (left.immediate == 32 || (left.immediate == 48 && right.immediate == 48))
    }

    /// What `isExtension` found, at its `srli`: extends, then shifts by the difference.
    private mutating func extend(_ op: UnsafePointer<DecodedInstruction>) {
      let (left, right) = ((op - 1).pointee, op.pointee)
      let source = RegisterMap.operand(left.source1)
      let difference = left.immediate - right.immediate
      compute(right) {
        if left.immediate == 48 {
          $0.instruction(0x0fb7, $1.rawValue, source, wide: false)  // movzx
        } else {
          $0.move($1, source, wide: false)
        }
        if difference != 0 {
          $0.shift(difference > 0 ? .left : .right, $1, by: UInt8(difference.magnitude))
        }
      }
    }

    private mutating func shift(_ instruction: DecodedInstruction, _ shift: Shift, isWord: Bool = false) {
      assembler.move(.rcx, RegisterMap.operand(instruction.source2), wide: false)
      withImmediate(instruction, isWord: isWord) { $0.shiftByCL(shift, $1, wide: !isWord) }
    }

    // MARK: Multiplication and division

    private mutating func multiplyHigh(_ instruction: DecodedInstruction) {
      let second = RegisterMap.operand(instruction.source2)
      assembler.move(.rax, RegisterMap.operand(instruction.source1))
      if instruction.opcode == .mulhsu {
        // Unsigned product, less source2 × 2^64 where source1 is negative.
        assembler.move(.rcx, .register(.rax))
        assembler.shift(.arithmeticRight, .rcx, by: 63)
        assembler.arithmetic(.and, .rcx, second)
        assembler.unary(4, second)
        assembler.arithmetic(.sub, .rdx, .register(.rcx))
      } else {
        assembler.unary(instruction.opcode == .mulh ? 5 : 4, second)
      }
      assembler.move(RegisterMap.operand(instruction.destination), .rdx)
    }

    /// Volume I, section "Division Operations": what the host would trap on gets the manual's fixed result.
    private mutating func divide(_ instruction: DecodedInstruction) {
      let isWord: Bool
      switch instruction.opcode {
      case .divw, .remw, .divuw, .remuw: isWord = true
      default: isWord = false
      }
      let isSigned: Bool
      switch instruction.opcode {
      case .div, .rem, .divw, .remw: isSigned = true
      default: isSigned = false
      }
      let isRemainder: Bool
      switch instruction.opcode {
      case .rem, .remw, .remu, .remuw: isRemainder = true
      default: isRemainder = false
      }
      let wide = !isWord
      assembler.move(.rcx, RegisterMap.operand(instruction.source2), wide: wide)
      assembler.move(.rax, RegisterMap.operand(instruction.source1), wide: wide)
      // Division by 0, and signed division by -1, which overflows for the least number.
      let special: UnsafeMutablePointer<UInt8>
      if isSigned {
        assembler.memory(0x8d, HostRegister.rdx.rawValue, base: .rcx, displacement: 1, wide: wide)
        assembler.arithmetic(.cmp, .register(.rdx), immediate: 1, wide: wide)
        special = assembler.jump(.belowOrEqual)
        assembler.extendSignOfRAX(wide: wide)
        assembler.unary(7, .register(.rcx), wide: wide)
      } else {
        assembler.test(.rcx, .rcx, wide: wide)
        special = assembler.jump(.equal)
        assembler.arithmetic(.xor, .rdx, .register(.rdx), wide: false)
        assembler.unary(6, .register(.rcx), wide: wide)
      }
      let result: HostRegister = isRemainder ? .rdx : .rax
      let done = assembler.jump()
      assembler.patchHere(special)
      // rax holds the dividend.
      if isRemainder {
        assembler.move(.rdx, .register(.rax))
        if isSigned {
          // x mod -1 is 0; rcx is 0 or -1.
          assembler.not(.rcx)
          assembler.arithmetic(.and, .rdx, .register(.rcx))
        }
      } else if isSigned {
        // -x for -1, and -1 for 0.
        assembler.negate(.rax, wide: wide)
        assembler.test(.rcx, .rcx, wide: wide)
        let isMinusOne = assembler.jump(.notEqual)
        assembler.moveImmediate(.rax, ~0)
        assembler.patchHere(isMinusOne)
      } else {
        assembler.moveImmediate(.rax, ~0)
      }
      assembler.patchHere(done)
      if isWord { assembler.signExtendWord(result, .register(result)) }
      assembler.move(RegisterMap.operand(instruction.destination), result)
    }
  }
#endif
