// SPDX-License-Identifier: Apache-2.0

extension FloatingPointArithmetic {
  @inline(never) static func softwareAdd(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    guard isFinite(a), isFinite(b) else { return addSpecial(a, b, &flags) }
    if isZero(a) {
      if isZero(b) { return a == b ? a : cancelledZero(mode) }
      return b
    }
    if isZero(b) { return a }

    var larger = unpack(a)
    var smaller = unpack(b)
    if smaller.exponent > larger.exponent { swap(&larger, &smaller) }
    // Bit 62 leads, so that a carry has room. The low bits are zero, at least ten of them: when something is lost in
    // the alignment, the numbers are at least four binary places apart and the jammed bit stays below all that decides.
    let left = larger.significand &>> 1
    let right = shiftRightJamming(smaller.significand &>> 1, by: larger.exponent &- smaller.exponent)
    if larger.isNegative == smaller.isNegative {
      let sum = left &+ right
      let shift = sum.leadingZeroBitCount
      return round(
        isNegative: larger.isNegative, exponent: larger.exponent &+ 1 &- shift,
        significand: sum &<< UInt64(truncatingIfNeeded: shift), mode, &flags)
    }
    if left == right { return cancelledZero(mode) }
    let isReversed = left < right
    let difference = isReversed ? right &- left : left &- right
    let shift = difference.leadingZeroBitCount
    return round(
      isNegative: larger.isNegative != isReversed, exponent: larger.exponent &+ 1 &- shift,
      significand: difference &<< UInt64(truncatingIfNeeded: shift), mode, &flags)
  }

  /// A sum where at least one operand is infinite or NaN.
  @inline(never) private static func addSpecial(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    if isNaN(a) || isNaN(b) { return nan(from: a, b, &flags) }
    if isInfinite(a) { return isInfinite(b) && a != b ? invalid(&flags) : a }
    return b
  }
}
