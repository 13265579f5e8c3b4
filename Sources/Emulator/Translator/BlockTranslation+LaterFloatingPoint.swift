// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Of Zfhmin, Zfh and Zfa, what only moves bits. The rest is done in software.
  ///
  /// A half is boxed in all of a register, so its copy in a vector register is as good as a double's.
  extension BlockTranslation {
    /// False: nothing was emitted.
    mutating func emitLaterFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.laterFloatingPoint {
      case .fmvXH: moveHalfToInteger(op)
      case .fmvHX: moveHalfFromInteger(op)
      case .fliS: load(NaNBoxing.box32(Float32Arithmetic.constant(Int(op.pointee.source1))), op, .single)
      case .fliD: load(Float64Arithmetic.constant(Int(op.pointee.source1)), op, .double)
      case .fliH: load(NaNBoxing.box16(Float16Arithmetic.constant(Int(op.pointee.source1))), op, .double)
      default: return false
      }
      return true
    }

    mutating func loadHalf(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      let place = locate(op, size: 2, .load)
      access(0x0fb7, HostRegister.rax.rawValue, place, wide: false)  // movzx
      boxHalf(op)
      callOut(from: place, op, translator.thunks.execute)
    }

    mutating func storeHalf(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnitOn(op)
      let place = locate(op, size: 2, .store)
      assembler.move(place.spare, RegisterMap.place(ofFloatingPoint: op.pointee.source2), wide: false)
      assembler.byte(0x66)
      access(0x89, place.spare.rawValue, place, wide: false)
      callOut(from: place, op, translator.thunks.execute)
    }

    /// Bits, whatever they mean.
    private mutating func moveHalfToInteger(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnitOn(op)
      assembler.instruction(  // movsx
        0x0fbf, HostRegister.rax.rawValue, RegisterMap.place(ofFloatingPoint: op.pointee.source1), wide: true)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rax)
    }

    private mutating func moveHalfFromInteger(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      assembler.instruction(  // movzx
        0x0fb7, HostRegister.rax.rawValue, RegisterMap.operand(op.pointee.source1), wide: false)
      boxHalf(op)
    }

    /// The half in rax goes to the destination.
    private mutating func boxHalf(_ op: UnsafePointer<DecodedInstruction>) {
      assembler.arithmetic(.or, .register(.rax), immediate: ~0xffff)
      setFromRAX(op, .double)
    }

    private mutating func load(
      _ value: UInt64, _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) {
      requireUnit(op)
      assembler.moveImmediate(.rax, value)
      setFromRAX(op, form)
    }

    private mutating func setFromRAX(
      _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) {
      let target = result(op, form)
      assembler.instruction(0x66_0f6e, target.rawValue, .register(.rax), wide: true)  // movq
      store(result: target, op, form)
    }
  }
#endif
