// SPDX-License-Identifier: Apache-2.0

/// The F and D extensions, and loads and stores of halves: registers, rounding modes and `mstatus.FS` around `FloatingPointArithmetic`.
extension Interpreter {
  /// True: the block was left.
  @inline(never)
  func executeFloatingPoint(_ hart: Hart, _ op: UnsafePointer<DecodedInstruction>) -> Bool {
    let state = hart.state
    guard state.pointee.mstatus & Status.fs != 0 else {
      raiseIllegal(hart, op)
      return true
    }
    let x = hart.x
    let f = hart.f
    let rd = Int(op.pointee.destination)
    let rs1 = Int(op.pointee.source1)
    let rs2 = Int(op.pointee.source2)
    let immediate = UInt64(bitPattern: Int64(op.pointee.immediate))

    // First what does not round.
    switch op.pointee.opcode {
    case .flw:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 4) {
        f[rd] = NaNBoxing.box32(host.loadUnaligned(as: UInt32.self))
      } else if loadSlowly(hart, op, address, size: 4) {
        return true
      }
    case .fld:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 8) {
        f[rd] = host.loadUnaligned(as: UInt64.self)
      } else if loadSlowly(hart, op, address, size: 8) {
        return true
      }
    case .fsw:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 4) {
        host.storeBytes(of: UInt32(truncatingIfNeeded: f[rs2]), as: UInt32.self)
        return false
      }
      return storeSlowly(hart, op, address, size: 4, f[rs2])
    case .fsd:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 8) {
        host.storeBytes(of: f[rs2], as: UInt64.self)
        return false
      }
      return storeSlowly(hart, op, address, size: 8, f[rs2])

    case .flh:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 2) {
        f[rd] = NaNBoxing.box16(host.loadUnaligned(as: UInt16.self))
      } else if loadSlowly(hart, op, address, size: 2) {
        return true
      }
    case .fsh:
      let address = x[rs1] &+ immediate
      if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 2) {
        host.storeBytes(of: UInt16(truncatingIfNeeded: f[rs2]), as: UInt16.self)
        return false
      }
      return storeSlowly(hart, op, address, size: 2, f[rs2])

    case .laterFloatingPoint: return executeLaterFloatingPoint(hart, op)

    case .fmvXW:
      x[rd] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: f[rs1])))
      return false
    case .fmvXD:
      x[rd] = f[rs1]
      return false
    case .fmvWX: f[rd] = NaNBoxing.box32(UInt32(truncatingIfNeeded: x[rs1]))
    case .fmvDX: f[rd] = x[rs1]

    case .fsgnjS: setSign(f, op, negate: false, combine: false)
    case .fsgnjnS: setSign(f, op, negate: true, combine: false)
    case .fsgnjxS: setSign(f, op, negate: false, combine: true)
    case .fsgnjD: f[rd] = f[rs1] & ~Binary64.signBit | f[rs2] & Binary64.signBit
    case .fsgnjnD: f[rd] = f[rs1] & ~Binary64.signBit | ~f[rs2] & Binary64.signBit
    case .fsgnjxD: f[rd] = f[rs1] ^ f[rs2] & Binary64.signBit

    case .fminS: f[rd] = box(Float32Arithmetic.minimum(single(f, rs1), single(f, rs2), &state.pointee.fflags))
    case .fmaxS: f[rd] = box(Float32Arithmetic.maximum(single(f, rs1), single(f, rs2), &state.pointee.fflags))
    case .feqS: x[rd] = bit(Float32Arithmetic.equal(single(f, rs1), single(f, rs2), &state.pointee.fflags))
    case .fltS: x[rd] = bit(Float32Arithmetic.less(single(f, rs1), single(f, rs2), &state.pointee.fflags))
    case .fleS:
      x[rd] = bit(Float32Arithmetic.lessOrEqual(single(f, rs1), single(f, rs2), &state.pointee.fflags))
    case .fclassS: x[rd] = Float32Arithmetic.classify(single(f, rs1))
    case .fminD: f[rd] = Float64Arithmetic.minimum(f[rs1], f[rs2], &state.pointee.fflags)
    case .fmaxD: f[rd] = Float64Arithmetic.maximum(f[rs1], f[rs2], &state.pointee.fflags)
    case .feqD: x[rd] = bit(Float64Arithmetic.equal(f[rs1], f[rs2], &state.pointee.fflags))
    case .fltD: x[rd] = bit(Float64Arithmetic.less(f[rs1], f[rs2], &state.pointee.fflags))
    case .fleD: x[rd] = bit(Float64Arithmetic.lessOrEqual(f[rs1], f[rs2], &state.pointee.fflags))
    case .fclassD: x[rd] = Float64Arithmetic.classify(f[rs1])

    default:
      guard let mode = roundingMode(state, op) else {
        raiseIllegal(hart, op)
        return true
      }
      executeRounding(hart, op, mode)
    }
    // Dirty, whatever came of it: that much imprecision the manual allows (volume II, section 3.1.6.6).
    state.pointee.mstatus |= Status.fs
    return false
  }

  /// The instruction's rounding mode; nil when it is reserved, in the instruction or in `frm`.
  @inline(__always)
  func roundingMode(
    _ state: UnsafeMutablePointer<HartState>, _ op: UnsafePointer<DecodedInstruction>
  ) -> RoundingMode? {
    let field = op.pointee.roundingField
    return RoundingMode(rawValue: UInt8(truncatingIfNeeded: field == 7 ? UInt32(state.pointee.frm) : field))
  }

  @inline(__always)
  private func executeRounding(
    _ hart: Hart, _ op: UnsafePointer<DecodedInstruction>, _ mode: RoundingMode
  ) {
    let state = hart.state
    let x = hart.x
    let f = hart.f
    let rd = Int(op.pointee.destination)
    let rs1 = Int(op.pointee.source1)
    let rs2 = Int(op.pointee.source2)
    let rs3 = op.pointee.source3
    let sign32 = Binary32.signBit
    let sign64 = Binary64.signBit

    switch op.pointee.opcode {
    case .faddS:
      f[rd] = box(Float32Arithmetic.add(single(f, rs1), single(f, rs2), mode, &state.pointee.fflags))
    case .fsubS:
      f[rd] = box(Float32Arithmetic.subtract(single(f, rs1), single(f, rs2), mode, &state.pointee.fflags))
    case .fmulS:
      f[rd] = box(Float32Arithmetic.multiply(single(f, rs1), single(f, rs2), mode, &state.pointee.fflags))
    case .fdivS:
      f[rd] = box(Float32Arithmetic.divide(single(f, rs1), single(f, rs2), mode, &state.pointee.fflags))
    case .fsqrtS: f[rd] = box(Float32Arithmetic.squareRoot(single(f, rs1), mode, &state.pointee.fflags))
    case .fmaddS: fuseSingle(hart, op, mode, product: 0, addend: 0, rs3)
    case .fmsubS: fuseSingle(hart, op, mode, product: 0, addend: sign32, rs3)
    case .fnmsubS: fuseSingle(hart, op, mode, product: sign32, addend: 0, rs3)
    case .fnmaddS: fuseSingle(hart, op, mode, product: sign32, addend: sign32, rs3)
    case .fcvtWS:
      x[rd] = extend(Float32Arithmetic.toInt32(single(f, rs1), mode, &state.pointee.fflags))
    case .fcvtWUS:
      x[rd] = extend(
        Int32(bitPattern: Float32Arithmetic.toUInt32(single(f, rs1), mode, &state.pointee.fflags)))
    case .fcvtLS:
      x[rd] = UInt64(
        bitPattern: Float32Arithmetic.toInt64(single(f, rs1), mode, &state.pointee.fflags))
    case .fcvtLUS: x[rd] = Float32Arithmetic.toUInt64(single(f, rs1), mode, &state.pointee.fflags)
    case .fcvtSW:
      f[rd] = box(Float32Arithmetic.from(Int32(truncatingIfNeeded: x[rs1]), mode, &state.pointee.fflags))
    case .fcvtSWU:
      f[rd] = box(Float32Arithmetic.from(UInt32(truncatingIfNeeded: x[rs1]), mode, &state.pointee.fflags))
    case .fcvtSL:
      f[rd] = box(Float32Arithmetic.from(Int64(bitPattern: x[rs1]), mode, &state.pointee.fflags))
    case .fcvtSLU: f[rd] = box(Float32Arithmetic.from(x[rs1], mode, &state.pointee.fflags))
    case .fcvtSD:
      f[rd] = box(Float32Arithmetic.from(f[rs1], as: Binary64.self, mode, &state.pointee.fflags))

    case .faddD: f[rd] = Float64Arithmetic.add(f[rs1], f[rs2], mode, &state.pointee.fflags)
    case .fsubD: f[rd] = Float64Arithmetic.subtract(f[rs1], f[rs2], mode, &state.pointee.fflags)
    case .fmulD: f[rd] = Float64Arithmetic.multiply(f[rs1], f[rs2], mode, &state.pointee.fflags)
    case .fdivD: f[rd] = Float64Arithmetic.divide(f[rs1], f[rs2], mode, &state.pointee.fflags)
    case .fsqrtD: f[rd] = Float64Arithmetic.squareRoot(f[rs1], mode, &state.pointee.fflags)
    case .fmaddD: fuseDouble(hart, op, mode, product: 0, addend: 0, rs3)
    case .fmsubD: fuseDouble(hart, op, mode, product: 0, addend: sign64, rs3)
    case .fnmsubD: fuseDouble(hart, op, mode, product: sign64, addend: 0, rs3)
    case .fnmaddD: fuseDouble(hart, op, mode, product: sign64, addend: sign64, rs3)
    case .fcvtWD: x[rd] = extend(Float64Arithmetic.toInt32(f[rs1], mode, &state.pointee.fflags))
    case .fcvtWUD:
      x[rd] = extend(Int32(bitPattern: Float64Arithmetic.toUInt32(f[rs1], mode, &state.pointee.fflags)))
    case .fcvtLD:
      x[rd] = UInt64(bitPattern: Float64Arithmetic.toInt64(f[rs1], mode, &state.pointee.fflags))
    case .fcvtLUD: x[rd] = Float64Arithmetic.toUInt64(f[rs1], mode, &state.pointee.fflags)
    case .fcvtDW:
      f[rd] = Float64Arithmetic.from(Int32(truncatingIfNeeded: x[rs1]), mode, &state.pointee.fflags)
    case .fcvtDWU:
      f[rd] = Float64Arithmetic.from(UInt32(truncatingIfNeeded: x[rs1]), mode, &state.pointee.fflags)
    case .fcvtDL: f[rd] = Float64Arithmetic.from(Int64(bitPattern: x[rs1]), mode, &state.pointee.fflags)
    case .fcvtDLU: f[rd] = Float64Arithmetic.from(x[rs1], mode, &state.pointee.fflags)
    case .fcvtDS:
      f[rd] = Float64Arithmetic.from(single(f, rs1), as: Binary32.self, mode, &state.pointee.fflags)
    default: preconditionFailure("the run loop sends floating-point instructions only")
    }
  }

  /// ±(a × b) ± c: the manual's four fused instructions differ in these signs alone.
  private func fuseSingle(
    _ hart: Hart, _ op: UnsafePointer<DecodedInstruction>, _ mode: RoundingMode, product: UInt32,
    addend: UInt32, _ rs3: Int
  ) {
    let f = hart.f
    f[Int(op.pointee.destination)] = box(
      Float32Arithmetic.fusedMultiplyAdd(
        single(f, Int(op.pointee.source1)) ^ product, single(f, Int(op.pointee.source2)),
        single(f, rs3) ^ addend, mode, &hart.state.pointee.fflags))
  }

  private func fuseDouble(
    _ hart: Hart, _ op: UnsafePointer<DecodedInstruction>, _ mode: RoundingMode, product: UInt64,
    addend: UInt64, _ rs3: Int
  ) {
    let f = hart.f
    f[Int(op.pointee.destination)] = Float64Arithmetic.fusedMultiplyAdd(
      f[Int(op.pointee.source1)] ^ product, f[Int(op.pointee.source2)], f[rs3] ^ addend, mode,
      &hart.state.pointee.fflags)
  }

  private func setSign(
    _ f: UnsafeMutablePointer<UInt64>, _ op: UnsafePointer<DecodedInstruction>, negate: Bool, combine: Bool
  ) {
    let value = single(f, Int(op.pointee.source1))
    var sign = single(f, Int(op.pointee.source2))
    if negate { sign = ~sign }
    if combine { sign ^= value }
    f[Int(op.pointee.destination)] = box(value & ~Binary32.signBit | sign & Binary32.signBit)
  }
}
