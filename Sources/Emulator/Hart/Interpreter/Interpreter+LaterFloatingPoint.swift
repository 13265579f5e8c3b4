// SPDX-License-Identifier: Apache-2.0

/// The extensions Zfhmin, Zfh and Zfa. `executeFloatingPoint` has seen to it that the unit is on.
extension Interpreter {
  /// True: the block was left.
  @inline(never)
  func executeLaterFloatingPoint(_ hart: Hart, _ op: UnsafePointer<DecodedInstruction>) -> Bool {
    let state = hart.state
    let flags = state.pointer(to: \.fflags).unsafelyUnwrapped
    let x = hart.x
    let f = hart.f
    let rd = Int(op.pointee.destination)
    let rs1 = Int(op.pointee.source1)
    let rs2 = Int(op.pointee.source2)
    let operation = op.pointee.laterFloatingPoint

    // First what does not round.
    switch operation {
    case .fmvXH:
      // The lower bits as they are, boxed or not.
      x[rd] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: f[rs1])))
      return false
    case .fmvHX: f[rd] = box(UInt16(truncatingIfNeeded: x[rs1]))

    case .fsgnjH: setSign(f, op) { _, sign in sign }
    case .fsgnjnH: setSign(f, op) { _, sign in ~sign }
    case .fsgnjxH: setSign(f, op) { value, sign in value ^ sign }
    case .fminH: f[rd] = box(Float16Arithmetic.minimum(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fmaxH: f[rd] = box(Float16Arithmetic.maximum(half(f, rs1), half(f, rs2), &flags.pointee))
    case .feqH: x[rd] = bit(Float16Arithmetic.equal(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fltH: x[rd] = bit(Float16Arithmetic.less(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fleH: x[rd] = bit(Float16Arithmetic.lessOrEqual(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fclassH: x[rd] = Float16Arithmetic.classify(half(f, rs1))

    case .fliS: f[rd] = box(Float32Arithmetic.constant(rs1))
    case .fliD: f[rd] = Float64Arithmetic.constant(rs1)
    case .fliH: f[rd] = box(Float16Arithmetic.constant(rs1))
    case .fminmS:
      f[rd] = box(Float32Arithmetic.minimumOrNaN(single(f, rs1), single(f, rs2), &flags.pointee))
    case .fmaxmS:
      f[rd] = box(Float32Arithmetic.maximumOrNaN(single(f, rs1), single(f, rs2), &flags.pointee))
    case .fminmD: f[rd] = Float64Arithmetic.minimumOrNaN(f[rs1], f[rs2], &flags.pointee)
    case .fmaxmD: f[rd] = Float64Arithmetic.maximumOrNaN(f[rs1], f[rs2], &flags.pointee)
    case .fminmH: f[rd] = box(Float16Arithmetic.minimumOrNaN(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fmaxmH: f[rd] = box(Float16Arithmetic.maximumOrNaN(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fleqS:
      x[rd] = bit(Float32Arithmetic.quietLessOrEqual(single(f, rs1), single(f, rs2), &flags.pointee))
    case .fltqS: x[rd] = bit(Float32Arithmetic.quietLess(single(f, rs1), single(f, rs2), &flags.pointee))
    case .fleqD: x[rd] = bit(Float64Arithmetic.quietLessOrEqual(f[rs1], f[rs2], &flags.pointee))
    case .fltqD: x[rd] = bit(Float64Arithmetic.quietLess(f[rs1], f[rs2], &flags.pointee))
    case .fleqH: x[rd] = bit(Float16Arithmetic.quietLessOrEqual(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fltqH: x[rd] = bit(Float16Arithmetic.quietLess(half(f, rs1), half(f, rs2), &flags.pointee))
    case .fcvtmodWD: x[rd] = extend(Float64Arithmetic.toInt32Modulo(f[rs1], &flags.pointee))

    default:
      guard let mode = roundingMode(state, op) else {
        raiseIllegal(hart, op)
        return true
      }
      executeLaterRounding(hart, op, operation, mode)
    }
    state.pointee.mstatus |= Status.fs
    return false
  }

  private func executeLaterRounding(
    _ hart: Hart, _ op: UnsafePointer<DecodedInstruction>, _ operation: LaterFloatingPoint,
    _ mode: RoundingMode
  ) {
    let flags = hart.state.pointer(to: \.fflags).unsafelyUnwrapped
    let x = hart.x
    let f = hart.f
    let rd = Int(op.pointee.destination)
    let rs1 = Int(op.pointee.source1)
    let rs2 = Int(op.pointee.source2)
    let sign = Binary16.signBit

    switch operation {
    case .fcvtSH:
      f[rd] = box(
        Float32Arithmetic.from(half(f, rs1), as: Binary16.self, mode, &flags.pointee))
    case .fcvtHS:
      f[rd] = box(Float16Arithmetic.from(single(f, rs1), as: Binary32.self, mode, &flags.pointee))
    case .fcvtDH: f[rd] = Float64Arithmetic.from(half(f, rs1), as: Binary16.self, mode, &flags.pointee)
    case .fcvtHD: f[rd] = box(Float16Arithmetic.from(f[rs1], as: Binary64.self, mode, &flags.pointee))

    case .faddH: f[rd] = box(Float16Arithmetic.add(half(f, rs1), half(f, rs2), mode, &flags.pointee))
    case .fsubH: f[rd] = box(Float16Arithmetic.subtract(half(f, rs1), half(f, rs2), mode, &flags.pointee))
    case .fmulH: f[rd] = box(Float16Arithmetic.multiply(half(f, rs1), half(f, rs2), mode, &flags.pointee))
    case .fdivH: f[rd] = box(Float16Arithmetic.divide(half(f, rs1), half(f, rs2), mode, &flags.pointee))
    case .fsqrtH: f[rd] = box(Float16Arithmetic.squareRoot(half(f, rs1), mode, &flags.pointee))
    case .fmaddH: fuse(hart, op, mode, product: 0, addend: 0)
    case .fmsubH: fuse(hart, op, mode, product: 0, addend: sign)
    case .fnmsubH: fuse(hart, op, mode, product: sign, addend: 0)
    case .fnmaddH: fuse(hart, op, mode, product: sign, addend: sign)
    case .fcvtWH: x[rd] = extend(Float16Arithmetic.toInt32(half(f, rs1), mode, &flags.pointee))
    case .fcvtWUH:
      x[rd] = extend(Int32(bitPattern: Float16Arithmetic.toUInt32(half(f, rs1), mode, &flags.pointee)))
    case .fcvtLH:
      x[rd] = UInt64(bitPattern: Float16Arithmetic.toInt64(half(f, rs1), mode, &flags.pointee))
    case .fcvtLUH: x[rd] = Float16Arithmetic.toUInt64(half(f, rs1), mode, &flags.pointee)
    case .fcvtHW:
      f[rd] = box(Float16Arithmetic.from(Int32(truncatingIfNeeded: x[rs1]), mode, &flags.pointee))
    case .fcvtHWU:
      f[rd] = box(Float16Arithmetic.from(UInt32(truncatingIfNeeded: x[rs1]), mode, &flags.pointee))
    case .fcvtHL: f[rd] = box(Float16Arithmetic.from(Int64(bitPattern: x[rs1]), mode, &flags.pointee))
    case .fcvtHLU: f[rd] = box(Float16Arithmetic.from(x[rs1], mode, &flags.pointee))

    case .froundS, .froundnxS:
      f[rd] = box(
        Float32Arithmetic.roundToIntegral(
          single(f, rs1), signalsInexact: operation == .froundnxS, mode, &flags.pointee))
    case .froundD, .froundnxD:
      f[rd] = Float64Arithmetic.roundToIntegral(
        f[rs1], signalsInexact: operation == .froundnxD, mode, &flags.pointee)
    case .froundH, .froundnxH:
      f[rd] = box(
        Float16Arithmetic.roundToIntegral(
          half(f, rs1), signalsInexact: operation == .froundnxH, mode, &flags.pointee))
    default: preconditionFailure("what does not round is executed above")
    }
  }

  /// ±(a × b) ± c.
  private func fuse(
    _ hart: Hart, _ op: UnsafePointer<DecodedInstruction>, _ mode: RoundingMode, product: UInt16,
    addend: UInt16
  ) {
    let f = hart.f
    f[Int(op.pointee.destination)] = box(
      Float16Arithmetic.fusedMultiplyAdd(
        half(f, Int(op.pointee.source1)) ^ product, half(f, Int(op.pointee.source2)),
        half(f, op.pointee.source3) ^ addend, mode, &hart.state.pointee.fflags))
  }

  private func setSign(
    _ f: UnsafeMutablePointer<UInt64>, _ op: UnsafePointer<DecodedInstruction>,
    _ choose: (UInt16, UInt16) -> UInt16
  ) {
    let value = half(f, Int(op.pointee.source1))
    let sign = choose(value, half(f, Int(op.pointee.source2)))
    f[Int(op.pointee.destination)] = box(value & ~Binary16.signBit | sign & Binary16.signBit)
  }
}
