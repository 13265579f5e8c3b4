// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Arithmetic on floating-point registers, on the host's SSE unit.
  ///
  /// Rounding to nearest even, the host computes what RISC-V asks for, and raises the same flags: like RISC-V it finds out
  /// whether a result is tiny after rounding. Its flags are collected for the guest whenever translated code is left
  /// (`Thunks`). What differs is NaNs: where the result is one, and in every other rounding mode, the instruction is
  /// abandoned and done in software. Such an attempt raises nothing on the host but invalid, which is not collected.
  extension BlockTranslation {
    private typealias Form = VectorRegisterCache.Form

    /// An operation in both formats: the last byte of its opcode.
    private enum Operation: UInt32 {
      case squareRoot = 0x51
      case add = 0x58
      case multiply = 0x59
      case subtract = 0x5c
      case minimum = 0x5d
      case divide = 0x5e
      case maximum = 0x5f
    }

    /// A fused operation: the last byte of its opcode in the form "213", with the signs that RISC-V's instruction has.
    private enum FusedOperation: UInt8 {
      case multiplyAdd = 0xa9
      case multiplySubtract = 0xab
      case negatedMultiplyAdd = 0xad
      case negatedMultiplySubtract = 0xaf
    }

    /// False: it is done in software, and nothing was emitted.
    mutating func emitFloatingPointArithmetic(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.opcode {
      case .faddD: return binary(op, .add, .double, isCommutative: true)
      case .fsubD: return binary(op, .subtract, .double)
      case .fmulD: return binary(op, .multiply, .double, isCommutative: true)
      case .fdivD: return binary(op, .divide, .double)
      case .fsqrtD: return squareRoot(op, .double)
      case .faddS: return binary(op, .add, .single, isCommutative: true)
      case .fsubS: return binary(op, .subtract, .single)
      case .fmulS: return binary(op, .multiply, .single, isCommutative: true)
      case .fdivS: return binary(op, .divide, .single)
      case .fsqrtS: return squareRoot(op, .single)
      case .fmaddD: return fuse(op, .multiplyAdd, .double)
      case .fmsubD: return fuse(op, .multiplySubtract, .double)
      case .fnmsubD: return fuse(op, .negatedMultiplyAdd, .double)
      case .fnmaddD: return fuse(op, .negatedMultiplySubtract, .double)
      case .fmaddS: return fuse(op, .multiplyAdd, .single)
      case .fmsubS: return fuse(op, .multiplySubtract, .single)
      case .fnmsubS: return fuse(op, .negatedMultiplyAdd, .single)
      case .fnmaddS: return fuse(op, .negatedMultiplySubtract, .single)
      case .fminD: choose(op, .minimum, .double)
      case .fmaxD: choose(op, .maximum, .double)
      case .fminS: choose(op, .minimum, .single)
      case .fmaxS: choose(op, .maximum, .single)
      case .feqD: compare(op, .equal, .double)
      case .fltD: compare(op, .above, .double)
      case .fleD: compare(op, .aboveOrEqual, .double)
      case .feqS: compare(op, .equal, .single)
      case .fltS: compare(op, .above, .single)
      case .fleS: compare(op, .aboveOrEqual, .single)
      case .fsgnjD, .fsgnjnD, .fsgnjxD: setSign(op, .double)
      case .fsgnjS, .fsgnjnS, .fsgnjxS: setSign(op, .single)
      case .fcvtDW: return fromInteger(op, .double, isWord: true)
      case .fcvtDL: return fromInteger(op, .double, isWord: false)
      case .fcvtSW: return fromInteger(op, .single, isWord: true)
      case .fcvtSL: return fromInteger(op, .single, isWord: false)
      case .fcvtDWU: return fromUnsigned(op, .double, isWord: true)
      case .fcvtDLU: return fromUnsigned(op, .double, isWord: false)
      case .fcvtSWU: return fromUnsigned(op, .single, isWord: true)
      case .fcvtSLU: return fromUnsigned(op, .single, isWord: false)
      case .fcvtWD: return toInteger(op, .double, isWord: true)
      case .fcvtLD: return toInteger(op, .double, isWord: false)
      case .fcvtWS: return toInteger(op, .single, isWord: true)
      case .fcvtLS: return toInteger(op, .single, isWord: false)
      case .fcvtWUD: return toUnsigned(op, .double, isWord: true)
      case .fcvtLUD: return toUnsigned(op, .double, isWord: false)
      case .fcvtWUS: return toUnsigned(op, .single, isWord: true)
      case .fcvtLUS: return toUnsigned(op, .single, isWord: false)
      case .fcvtSD: return narrow(op)
      case .fcvtDS: return widen(op)
      default: return false
      }
      return true
    }

    // MARK: Pieces

    /// The instruction's rounding mode is `mode`, or is in `frm`.
    private func mayRound(_ mode: RoundingMode, _ op: UnsafePointer<DecodedInstruction>) -> Bool {
      op.pointee.roundingField == 7 || op.pointee.roundingField == UInt32(mode.rawValue)
    }

    private mutating func vector(_ code: UInt32, _ target: VectorRegister, _ source: VectorRegister) {
      assembler.instruction(code, target.rawValue, source.operand, wide: false)
    }

    private mutating func copy(_ source: VectorRegister, to target: VectorRegister) {
      if source != target { vector(0x0f28, target, source) }  // movaps
    }

    /// What writes only a part of a register waits for the rest, unless it has just been cleared.
    private mutating func clear(_ target: VectorRegister) { vector(0x0f57, target, target) }  // xorps

    /// Sets the host's flags as for unsigned integers, and parity for a NaN.
    private mutating func compare(_ left: VectorRegister, _ right: VectorRegister, _ form: Form) {
      vector(form == .double ? 0x66_0f2e : 0x0f2e, left, right)  // ucomisd or ucomiss
    }

    private mutating func requireNumber(
      _ register: VectorRegister, _ form: Form, _ op: UnsafePointer<DecodedInstruction>
    ) {
      compare(register, register, form)
      abandon(op, if: .parity)
    }

    // MARK: Arithmetic

    private mutating func binary(
      _ op: UnsafePointer<DecodedInstruction>, _ operation: Operation, _ form: Form,
      isCommutative: Bool = false
    ) -> Bool {
      guard mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      var first = operand(op.pointee.source1, form, op)
      var second = operand(op.pointee.source2, form, op)
      let target = result(op, form)
      if target == second && first != second {
        if isCommutative {
          swap(&first, &second)
        } else {
          copy(second, to: .xmm0)
          second = .xmm0
        }
      }
      copy(first, to: target)
      vector(form.scalar | operation.rawValue, target, second)
      requireNumber(target, form, op)
      store(result: target, op, form)
      return true
    }

    private mutating func squareRoot(_ op: UnsafePointer<DecodedInstruction>, _ form: Form) -> Bool {
      guard mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      let source = operand(op.pointee.source1, form, op)
      let target = result(op, form)
      if target != source { clear(target) }
      vector(form.scalar | Operation.squareRoot.rawValue, target, source)
      requireNumber(target, form, op)
      store(result: target, op, form)
      return true
    }

    private mutating func fuse(
      _ op: UnsafePointer<DecodedInstruction>, _ operation: FusedOperation, _ form: Form
    ) -> Bool {
      guard translator.features.fusesMultiplyAdd, mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      let first = operand(op.pointee.source1, form, op)
      let second = operand(op.pointee.source2, form, op)
      let addend = operand(UInt8(truncatingIfNeeded: op.pointee.source3), form, op)
      let target = result(op, form)
      if target == addend {
        // The form "231": target = second operand × third + target.
        emitFused(operation.rawValue + 0x10, target, first, second, form)
      } else {
        // The form "213": target = second operand × target + third.
        let factor = target == second ? first : second
        if target != second { copy(first, to: target) }
        emitFused(operation.rawValue, target, factor, addend, form)
      }
      requireNumber(target, form, op)
      store(result: target, op, form)
      return true
    }

    private mutating func emitFused(
      _ code: UInt8, _ target: VectorRegister, _ second: VectorRegister, _ third: VectorRegister, _ form: Form
    ) {
      // A three-byte VEX prefix: the uppermost bits of target and third operand, inverted, with map 0f38; the format's
      // width, the second operand inverted, and prefix 66.
      assembler.byte(0xc4)
      assembler.byte((target.rawValue < 8 ? 0x80 : 0) | 0x40 | (third.rawValue < 8 ? 0x20 : 0) | 2)
      assembler.byte((form == .double ? 0x80 : 0) | (~second.rawValue & 15) << 3 | 1)
      assembler.byte(code)
      assembler.byte(0xc0 | (target.rawValue & 7) << 3 | third.rawValue & 7)
    }

    /// The lesser or the greater of two numbers, where -0 is less than +0.
    private mutating func choose(
      _ op: UnsafePointer<DecodedInstruction>, _ operation: Operation, _ form: Form
    ) {
      requireUnit(op)
      let first = operand(op.pointee.source1, form, op)
      let second = operand(op.pointee.source2, form, op)
      compare(first, second, form)
      abandon(op, if: .parity)
      // Of equal numbers the host takes its second operand. Asked both ways round it answers the same bits twice, or both
      // zeros, whose signs `or` and `and` join as wanted.
      copy(first, to: .xmm0)
      copy(second, to: .xmm1)
      vector(form.scalar | operation.rawValue, .xmm0, second)
      vector(form.scalar | operation.rawValue, .xmm1, first)
      vector(operation == .minimum ? 0x0f56 : 0x0f54, .xmm0, .xmm1)
      let target = result(op, form)
      copy(.xmm0, to: target)
      store(result: target, op, form)
    }

    /// Without a NaN no comparison raises a flag.
    private mutating func compare(
      _ op: UnsafePointer<DecodedInstruction>, _ condition: Condition, _ form: Form
    ) {
      requireUnit(op)
      let first = operand(op.pointee.source1, form, op)
      let second = operand(op.pointee.source2, form, op)
      // The host's flags answer "above" directly; so a < b is asked as b > a.
      if condition == .equal { compare(first, second, form) } else { compare(second, first, form) }
      abandon(op, if: .parity)
      assembler.set(condition, .rcx)
      assembler.instruction(0x0fb6, HostRegister.rcx.rawValue, .register(.rcx), wide: false, isByte: true)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rcx)
    }

    /// Bits, whatever they mean.
    private mutating func setSign(_ op: UnsafePointer<DecodedInstruction>, _ form: Form) {
      requireUnit(op)
      let value = operand(op.pointee.source1, form, op)
      let sign = operand(op.pointee.source2, form, op)
      let target = result(op, form)
      defer { store(result: target, op, form) }
      let isPlain = op.pointee.opcode == .fsgnjD || op.pointee.opcode == .fsgnjS
      let isNegated = op.pointee.opcode == .fsgnjnD || op.pointee.opcode == .fsgnjnS
      if isPlain && value == sign {
        copy(value, to: target)
        return
      }
      // xmm0 = the sign's bit: all bits (pcmpeqd), shifted left.
      vector(0x66_0f76, .xmm0, .xmm0)
      assembler.instruction(
        form == .double ? 0x66_0f73 : 0x66_0f72, 6, VectorRegister.xmm0.operand, wide: false)
      assembler.byte(form == .double ? 63 : 31)
      if isNegated && value == sign {
        copy(value, to: target)
        vector(0x0f57, target, .xmm0)  // xorps
        return
      }
      // xmm1 = the sign to take, or to change the other one by.
      if isNegated {
        copy(sign, to: .xmm1)
        vector(0x0f55, .xmm1, .xmm0)  // andnps
      } else {
        copy(.xmm0, to: .xmm1)
        vector(0x0f54, .xmm1, sign)  // andps
      }
      if isPlain || isNegated {
        vector(0x0f55, .xmm0, value)  // andnps
        vector(0x0f56, .xmm0, .xmm1)  // orps
        copy(.xmm0, to: target)
      } else {
        copy(value, to: target)
        vector(0x0f57, target, .xmm1)  // xorps
      }
    }

    // MARK: Conversions

    private mutating func fromInteger(
      _ op: UnsafePointer<DecodedInstruction>, _ form: Form, isWord: Bool
    ) -> Bool {
      guard mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      convert(RegisterMap.operand(op.pointee.source1), op, form, wide: !isWord)
      return true
    }

    private mutating func fromUnsigned(
      _ op: UnsafePointer<DecodedInstruction>, _ form: Form, isWord: Bool
    ) -> Bool {
      guard mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      assembler.move(.rax, RegisterMap.operand(op.pointee.source1), wide: !isWord)
      if !isWord {
        assembler.test(.rax, .rax)
        abandon(op, if: .negative)
      }
      convert(.register(.rax), op, form, wide: true)
      return true
    }

    private mutating func convert(
      _ source: HostOperand, _ op: UnsafePointer<DecodedInstruction>, _ form: Form, wide: Bool
    ) {
      let target = result(op, form)
      clear(target)
      assembler.instruction(form.scalar | 0x2a, target.rawValue, source, wide: wide)
      store(result: target, op, form)
    }

    /// What is converted to an integer, and whether it is cut off rather than rounded to nearest; nil when it is rounded otherwise.
    private mutating func conversionOperand(
      _ op: UnsafePointer<DecodedInstruction>, _ form: Form
    ) -> (source: VectorRegister, truncates: Bool)? {
      let truncates = op.pointee.roundingField == UInt32(RoundingMode.towardZero.rawValue)
      guard truncates || mayRound(.nearestTiesToEven, op) else { return nil }
      requireUnitAndNearest(op)
      return (operand(op.pointee.source1, form, op), truncates)
    }

    /// What does not fit comes out as the least number, and is abandoned.
    private mutating func toInteger(
      _ op: UnsafePointer<DecodedInstruction>, _ form: Form, isWord: Bool
    ) -> Bool {
      guard let (source, truncates) = conversionOperand(op, form) else { return false }
      assembler.instruction(
        form.scalar | (truncates ? 0x2c : 0x2d), HostRegister.rcx.rawValue, source.operand, wide: !isWord)
      // Of all numbers only the least overflows when 1 is subtracted.
      assembler.arithmetic(.cmp, .register(.rcx), immediate: 1, wide: !isWord)
      abandon(op, if: .overflow)
      if isWord { assembler.signExtendWord(.rcx, .register(.rcx)) }
      assembler.move(RegisterMap.operand(op.pointee.destination), .rcx)
      return true
    }

    /// By the host's conversion to a signed doubleword. What would be negative, or does not fit, or needs the upper half of
    /// a doubleword's range, is abandoned before the host can call a result inexact that there is not.
    private mutating func toUnsigned(
      _ op: UnsafePointer<DecodedInstruction>, _ form: Form, isWord: Bool
    ) -> Bool {
      guard let (source, truncates) = conversionOperand(op, form) else { return false }
      // Sign and exponent, as one number. What is less than the power of two stays so when it is rounded, but a double next
      // to 2^32 does not.
      let isDouble = form == .double
      let power: Int32 = !isWord ? 63 : isDouble && !truncates ? 31 : 32
      assembler.instruction(0x66_0f7e, source.rawValue, .register(.rax), wide: isDouble)  // movd or movq
      assembler.shift(.right, .rax, by: isDouble ? 52 : 23, wide: isDouble)
      assembler.arithmetic(
        .cmp, .register(.rax), immediate: (isDouble ? 1023 : 127) + power, wide: false)
      abandon(op, if: .aboveOrEqual)
      assembler.instruction(
        form.scalar | (truncates ? 0x2c : 0x2d), HostRegister.rcx.rawValue, source.operand, wide: true)
      if isWord { assembler.signExtendWord(.rcx, .register(.rcx)) }
      assembler.move(RegisterMap.operand(op.pointee.destination), .rcx)
      return true
    }

    private mutating func narrow(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard mayRound(.nearestTiesToEven, op) else { return false }
      requireUnitAndNearest(op)
      let source = operand(op.pointee.source1, .double, op)
      let target = result(op, .single)
      if target != source { clear(target) }
      vector(0xf2_0f5a, target, source)  // cvtsd2ss
      requireNumber(target, .single, op)
      store(result: target, op, .single)
      return true
    }

    /// Always exact; only a NaN is not simply converted.
    private mutating func widen(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard op.pointee.roundingField == 7 || op.pointee.roundingField <= 4 else { return false }
      requireUnitAndNearest(op)
      let source = operand(op.pointee.source1, .single, op)
      requireNumber(source, .single, op)
      let target = result(op, .double)
      if target != source { clear(target) }
      vector(0xf3_0f5a, target, source)  // cvtss2sd
      store(result: target, op, .double)
      return true
    }
  }
#endif
