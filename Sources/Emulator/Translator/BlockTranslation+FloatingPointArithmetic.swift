#if arch(x86_64)
  /// Arithmetic on floating-point registers, on the host's SSE unit.
  ///
  /// Rounding to nearest even, the host computes what RISC-V asks for, and raises the same flags: like RISC-V it finds out
  /// whether a result is tiny after rounding. Its flags are collected for the guest whenever translated code is left
  /// (`Thunks`). What differs is NaNs: where the result is one, and in every other rounding mode, the instruction calls
  /// out and is done in software. Such an attempt raises nothing on the host but invalid, which is not collected.
  extension BlockTranslation {
    /// An operation in both formats: the second byte of its opcode.
    private enum Operation: UInt32 {
      case squareRoot = 0x51
      case add = 0x58
      case multiply = 0x59
      case subtract = 0x5c
      case divide = 0x5e
    }

    /// False: it always calls out, and nothing was emitted.
    mutating func emitFloatingPointArithmetic(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard emitInline(op) else { return false }
      // Whichever condition fails, software does the whole instruction, and the block goes on behind it.
      callOutAbandoned(op)
      return true
    }

    private mutating func emitInline(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.opcode {
      case .faddD: return binary(op, .add, isDouble: true)
      case .fsubD: return binary(op, .subtract, isDouble: true)
      case .fmulD: return binary(op, .multiply, isDouble: true)
      case .fdivD: return binary(op, .divide, isDouble: true)
      case .fsqrtD: return binary(op, .squareRoot, isDouble: true)
      case .faddS: return binary(op, .add, isDouble: false)
      case .fsubS: return binary(op, .subtract, isDouble: false)
      case .fmulS: return binary(op, .multiply, isDouble: false)
      case .fdivS: return binary(op, .divide, isDouble: false)
      case .fsqrtS: return binary(op, .squareRoot, isDouble: false)
      case .fmaddD: return fuse(op, 0xa9, isDouble: true)
      case .fmsubD: return fuse(op, 0xab, isDouble: true)
      case .fnmsubD: return fuse(op, 0xad, isDouble: true)
      case .fnmaddD: return fuse(op, 0xaf, isDouble: true)
      case .fmaddS: return fuse(op, 0xa9, isDouble: false)
      case .fmsubS: return fuse(op, 0xab, isDouble: false)
      case .fnmsubS: return fuse(op, 0xad, isDouble: false)
      case .fnmaddS: return fuse(op, 0xaf, isDouble: false)
      case .feqD, .fltD, .fleD: return compare(op, isDouble: true)
      case .feqS, .fltS, .fleS: return compare(op, isDouble: false)
      case .fsgnjD, .fsgnjnD, .fsgnjxD: return setSign(op)
      case .fcvtDW: return fromInteger(op, isDouble: true, isWord: true, isExact: true)
      case .fcvtDL: return fromInteger(op, isDouble: true, isWord: false, isExact: false)
      case .fcvtSW: return fromInteger(op, isDouble: false, isWord: true, isExact: false)
      case .fcvtSL: return fromInteger(op, isDouble: false, isWord: false, isExact: false)
      case .fcvtWD: return toInteger(op, isDouble: true, isWord: true)
      case .fcvtLD: return toInteger(op, isDouble: true, isWord: false)
      case .fcvtWS: return toInteger(op, isDouble: false, isWord: true)
      case .fcvtLS: return toInteger(op, isDouble: false, isWord: false)
      case .fcvtSD: return narrow(op)
      case .fcvtDS: return widen(op)
      default: return false
      }
    }

    // MARK: Conditions

    private mutating func callOut(if condition: Condition, _ op: UnsafePointer<DecodedInstruction>) {
      abandoned.append(assembler.jump(condition))
    }

    /// The unit is on and its state marked dirty, so that nothing needs to be marked again.
    private mutating func requireDirtyUnit(_ op: UnsafePointer<DecodedInstruction>) {
      assembler.move(.rax, .memory(RegisterMap.mstatus), wide: false)
      assembler.arithmetic(.and, .register(.rax), immediate: Int32(Status.fs), wide: false)
      assembler.arithmetic(.cmp, .register(.rax), immediate: Int32(Status.fs), wide: false)
      callOut(if: .notEqual, op)
    }

    /// Where the mode is in `frm`, calls out unless it is `mode`. The caller has seen to instructions that name another
    /// one themselves (`isRounding`).
    private mutating func requireRounding(_ mode: RoundingMode, _ op: UnsafePointer<DecodedInstruction>) {
      guard op.pointee.roundingField == 7 else { return }
      assembler.arithmetic(.cmp, .memory(RegisterMap.frm), immediate: Int32(mode.rawValue), wide: false)
      callOut(if: .notEqual, op)
    }

    private mutating func requireBoxed(_ register: UInt8, _ op: UnsafePointer<DecodedInstruction>) {
      assembler.arithmetic(
        .cmp, .memory(RegisterMap.displacement(ofFloatingPoint: register) + 4), immediate: -1, wide: false)
      callOut(if: .notEqual, op)
    }

    private func isRounding(_ mode: RoundingMode, _ op: UnsafePointer<DecodedInstruction>) -> Bool {
      op.pointee.roundingField == 7 || op.pointee.roundingField == UInt32(mode.rawValue)
    }

    // MARK: Moves between units

    private static func scalarPrefix(_ isDouble: Bool) -> UInt32 { isDouble ? 0xf2_0f00 : 0xf3_0f00 }

    private mutating func loadScalar(_ vector: UInt8, _ register: UInt8, isDouble: Bool) {
      assembler.instruction(
        Self.scalarPrefix(isDouble) | 0x10, vector, RegisterMap.place(ofFloatingPoint: register), wide: false)
    }

    /// Calls out where vector register 0 holds a NaN.
    private mutating func requireNumber(_ op: UnsafePointer<DecodedInstruction>, isDouble: Bool) {
      // ucomiss or ucomisd 0, 0
      assembler.instruction(isDouble ? 0x66_0f2e : 0x0f2e, 0, .register(.rax), wide: false)
      callOut(if: .parity, op)
    }

    /// destination = vector register 0
    private mutating func storeResult(_ op: UnsafePointer<DecodedInstruction>, isDouble: Bool) {
      let place = RegisterMap.displacement(ofFloatingPoint: op.pointee.destination)
      assembler.instruction(Self.scalarPrefix(isDouble) | 0x11, 0, .memory(place), wide: false)
      if !isDouble {
        assembler.instruction(0xc7, 0, .memory(place + 4), wide: false)
        assembler.int32(-1)
      }
    }

    // MARK: Instructions

    private mutating func binary(
      _ op: UnsafePointer<DecodedInstruction>, _ operation: Operation, isDouble: Bool
    ) -> Bool {
      guard isRounding(.nearestTiesToEven, op) else { return false }
      requireDirtyUnit(op)
      requireRounding(.nearestTiesToEven, op)
      let isUnary = operation == .squareRoot
      if !isDouble {
        requireBoxed(op.pointee.source1, op)
        if !isUnary { requireBoxed(op.pointee.source2, op) }
      }
      if !isUnary { loadScalar(0, op.pointee.source1, isDouble: isDouble) }
      assembler.instruction(
        Self.scalarPrefix(isDouble) | operation.rawValue, 0,
        RegisterMap.place(ofFloatingPoint: isUnary ? op.pointee.source1 : op.pointee.source2), wide: false)
      requireNumber(op, isDouble: isDouble)
      storeResult(op, isDouble: isDouble)
      return true
    }

    /// `code` is the third opcode byte of the host's instruction in its form "213": 0 = 1 × 0 + memory, with the signs that
    /// RISC-V's instruction has.
    private mutating func fuse(
      _ op: UnsafePointer<DecodedInstruction>, _ code: UInt8, isDouble: Bool
    ) -> Bool {
      guard translator.features.fusesMultiplyAdd, isRounding(.nearestTiesToEven, op) else { return false }
      let source3 = UInt8(truncatingIfNeeded: op.pointee.source3)
      requireDirtyUnit(op)
      requireRounding(.nearestTiesToEven, op)
      if !isDouble {
        for source in [op.pointee.source1, op.pointee.source2, source3] { requireBoxed(source, op) }
      }
      loadScalar(0, op.pointee.source1, isDouble: isDouble)
      loadScalar(1, op.pointee.source2, isDouble: isDouble)
      // A three-byte VEX prefix: map 0f38, the format's width, second operand 1, prefix 66; then the operands 0 and
      // memory at rbp with a displacement of 32 bits.
      for byte in [0xc4, 0xe2, isDouble ? 0xf1 : 0x71, code, 0x85] as [UInt8] { assembler.byte(byte) }
      assembler.int32(RegisterMap.displacement(ofFloatingPoint: source3))
      requireNumber(op, isDouble: isDouble)
      storeResult(op, isDouble: isDouble)
      return true
    }

    /// Without a NaN no comparison raises a flag.
    private mutating func compare(_ op: UnsafePointer<DecodedInstruction>, isDouble: Bool) -> Bool {
      requireDirtyUnit(op)
      var (left, right) = (op.pointee.source1, op.pointee.source2)
      if !isDouble {
        requireBoxed(left, op)
        requireBoxed(right, op)
      }
      let condition: Condition
      switch op.pointee.opcode {
      case .feqD, .feqS: condition = .equal
      case .fltD, .fltS: condition = .above
      default: condition = .aboveOrEqual
      }
      // The host's flags answer "above" directly; so a < b is asked as b > a.
      if condition != .equal { swap(&left, &right) }
      loadScalar(0, left, isDouble: isDouble)
      assembler.instruction(
        isDouble ? 0x66_0f2e : 0x0f2e, 0, RegisterMap.place(ofFloatingPoint: right), wide: false)
      callOut(if: .parity, op)
      assembler.set(condition, .rcx)
      assembler.instruction(0x0fb6, HostRegister.rcx.rawValue, .register(.rcx), wide: false, isByte: true)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rcx)
      return true
    }

    private mutating func setSign(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      requireDirtyUnit(op)
      assembler.move(.rax, RegisterMap.place(ofFloatingPoint: op.pointee.source1))
      if op.pointee.source1 == op.pointee.source2 && op.pointee.opcode == .fsgnjD {
        return storeDouble(op)  // a plain move
      }
      assembler.move(.rdx, RegisterMap.place(ofFloatingPoint: op.pointee.source2))
      if op.pointee.opcode == .fsgnjnD { assembler.not(.rdx) }
      assembler.moveImmediate(.rcx, Binary64.signBit)
      assembler.arithmetic(.and, .rdx, .register(.rcx))
      if op.pointee.opcode == .fsgnjxD {
        assembler.arithmetic(.xor, .rax, .register(.rdx))
        return storeDouble(op)
      }
      assembler.not(.rcx)
      assembler.arithmetic(.and, .rax, .register(.rcx))
      assembler.arithmetic(.or, .rax, .register(.rdx))
      return storeDouble(op)
    }

    /// destination = rax
    private mutating func storeDouble(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      assembler.move(RegisterMap.place(ofFloatingPoint: op.pointee.destination), .rax)
      return true
    }

    // MARK: Conversions

    private mutating func fromInteger(
      _ op: UnsafePointer<DecodedInstruction>, isDouble: Bool, isWord: Bool, isExact: Bool
    ) -> Bool {
      if !isExact {
        guard isRounding(.nearestTiesToEven, op) else { return false }
      } else if op.pointee.roundingField == 5 || op.pointee.roundingField == 6 {
        return false  // reserved, however exact
      } else if op.pointee.roundingField == 7 {
        // So is what `frm` may hold: only the modes that exist need no call.
        assembler.arithmetic(.cmp, .memory(RegisterMap.frm), immediate: 4, wide: false)
        callOut(if: .above, op)
      }
      requireDirtyUnit(op)
      if !isExact { requireRounding(.nearestTiesToEven, op) }
      // xorps 0, 0: the conversion keeps the upper bits
      assembler.instruction(0x0f57, 0, .register(.rax), wide: false)
      assembler.instruction(
        Self.scalarPrefix(isDouble) | 0x2a, 0, RegisterMap.operand(op.pointee.source1), wide: !isWord)
      storeResult(op, isDouble: isDouble)
      return true
    }

    /// Towards zero only, which is what compilers ask for. What does not fit comes out as the least number, and calls out.
    private mutating func toInteger(
      _ op: UnsafePointer<DecodedInstruction>, isDouble: Bool, isWord: Bool
    ) -> Bool {
      guard op.pointee.roundingField == UInt32(RoundingMode.towardZero.rawValue) else { return false }
      requireDirtyUnit(op)
      if !isDouble { requireBoxed(op.pointee.source1, op) }
      assembler.instruction(
        Self.scalarPrefix(isDouble) | 0x2c, HostRegister.rcx.rawValue,
        RegisterMap.place(ofFloatingPoint: op.pointee.source1), wide: !isWord)
      // Of all numbers only the least overflows when 1 is subtracted.
      assembler.arithmetic(.cmp, .register(.rcx), immediate: 1, wide: !isWord)
      callOut(if: .overflow, op)
      if isWord { assembler.signExtendWord(.rcx, .register(.rcx)) }
      assembler.move(RegisterMap.operand(op.pointee.destination), .rcx)
      return true
    }

    private mutating func narrow(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard isRounding(.nearestTiesToEven, op) else { return false }
      requireDirtyUnit(op)
      requireRounding(.nearestTiesToEven, op)
      assembler.instruction(
        Self.scalarPrefix(true) | 0x5a, 0, RegisterMap.place(ofFloatingPoint: op.pointee.source1), wide: false
      )
      requireNumber(op, isDouble: false)
      storeResult(op, isDouble: false)
      return true
    }

    /// Always exact; only a NaN is not simply converted.
    private mutating func widen(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard op.pointee.roundingField <= 4 else { return false }
      requireDirtyUnit(op)
      requireBoxed(op.pointee.source1, op)
      loadScalar(0, op.pointee.source1, isDouble: false)
      requireNumber(op, isDouble: false)
      assembler.instruction(0xf3_0f5a, 0, .register(.rax), wide: false)  // cvtss2sd 0, 0
      storeResult(op, isDouble: true)
      return true
    }
  }
#endif
