// SPDX-License-Identifier: Apache-2.0

extension FloatingPointArithmetic {
  @inline(never) static func softwareMultiply(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    let isNegative = isNegative(a ^ b)
    guard isFinite(a), isFinite(b) else {
      if isNaN(a) || isNaN(b) { return nan(from: a, b, &flags) }
      if isZero(a) || isZero(b) { return invalid(&flags) }
      return signed(Format.infinity, isNegative: isNegative)
    }
    if isZero(a) || isZero(b) { return signed(0, isNegative: isNegative) }

    let x = unpack(a)
    let y = unpack(b)
    let product = x.significand.multipliedFullWidth(by: y.significand)
    let high = product.high | (product.low == 0 ? 0 : 1)
    // Both leading ones stand at bit 63, so the product's stands at bit 127 or 126.
    let shift = high.leadingZeroBitCount
    return round(
      isNegative: isNegative, exponent: x.exponent &+ y.exponent &+ 1 &- shift,
      significand: high &<< UInt64(truncatingIfNeeded: shift), mode, &flags)
  }

  /// a × b + c, rounded once.
  @inline(never) static func softwareFusedMultiplyAdd(
    _ a: Bits, _ b: Bits, _ c: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    let productIsNegative = isNegative(a ^ b)
    guard isFinite(a), isFinite(b), isFinite(c) else {
      return fusedMultiplyAddSpecial(a, b, c, &flags)
    }
    if isZero(a) || isZero(b) {
      if !isZero(c) { return c }
      return productIsNegative == isNegative(c) ? c : cancelledZero(mode)
    }

    let x = unpack(a)
    let y = unpack(b)
    // The leading one moves to bit 126, so that a carry has room; nothing is lost, for a product of significands
    // that are at most 53 bits long ends in at least 22 zeros.
    let full = x.significand.multipliedFullWidth(by: y.significand)
    var product = (UInt128(full.high) &<< 64) | UInt128(full.low)
    let productShift = product.leadingZeroBitCount
    let productExponent = x.exponent &+ y.exponent &+ 1 &- productShift
    product = (product &<< UInt128(truncatingIfNeeded: productShift)) &>> 1
    if isZero(c) {
      return round(
        isNegative: productIsNegative, exponent: productExponent, jamming: product, mode, &flags)
    }

    let z = unpack(c)
    let addend = UInt128(z.significand) &<< 63
    var left = product
    var right = addend
    var exponent = productExponent
    // Whether the sign of a difference is that of the product or of the addend.
    var leftIsNegative = productIsNegative
    if z.exponent > productExponent {
      left = addend
      right = shiftRightJamming(product, by: z.exponent &- productExponent)
      exponent = z.exponent
      leftIsNegative = z.isNegative
    } else {
      right = shiftRightJamming(addend, by: productExponent &- z.exponent)
    }
    if productIsNegative == z.isNegative {
      return round(isNegative: leftIsNegative, exponent: exponent, jamming: left &+ right, mode, &flags)
    }
    if left == right { return cancelledZero(mode) }
    let isReversed = left < right
    return round(
      isNegative: leftIsNegative != isReversed, exponent: exponent,
      jamming: isReversed ? right &- left : left &- right, mode, &flags)
  }

  /// Rounds a number of 128 bits, not zero: `significand` × 2^(`exponent` - 126).
  @inline(__always) private static func round(
    isNegative: Bool, exponent: Int, jamming significand: UInt128, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    let shift = significand.leadingZeroBitCount
    let normalized = significand &<< UInt128(truncatingIfNeeded: shift)
    let lost = UInt64(truncatingIfNeeded: normalized) != 0
    return round(
      isNegative: isNegative, exponent: exponent &+ 1 &- shift,
      significand: UInt64(truncatingIfNeeded: normalized &>> 64) | (lost ? 1 : 0), mode, &flags)
  }

  /// a × b + c where at least one operand is infinite or NaN.
  @inline(never) private static func fusedMultiplyAddSpecial(
    _ a: Bits, _ b: Bits, _ c: Bits, _ flags: inout UInt64
  ) -> Bits {
    // ∞ × 0 is invalid even if the addend is a quiet NaN (unprivileged specification, fused multiply-add).
    let isInvalidProduct = (isInfinite(a) && isZero(b)) || (isZero(a) && isInfinite(b))
    if isInvalidProduct { return invalid(&flags) }
    if isNaN(a) || isNaN(b) || isNaN(c) {
      _ = nan(from: a, b, &flags)
      return nan(from: c, c, &flags)
    }
    guard isInfinite(a) || isInfinite(b) else { return c }
    let productIsNegative = isNegative(a ^ b)
    if isInfinite(c), isNegative(c) != productIsNegative { return invalid(&flags) }
    return signed(Format.infinity, isNegative: productIsNegative)
  }
}
