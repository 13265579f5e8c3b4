// SPDX-License-Identifier: Apache-2.0

extension FloatingPointArithmetic {
  @inline(never) static func softwareDivide(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    let isNegative = isNegative(a ^ b)
    guard isFinite(a), isFinite(b) else {
      if isNaN(a) || isNaN(b) { return nan(from: a, b, &flags) }
      if isFinite(a) { return signed(0, isNegative: isNegative) }
      return isFinite(b) ? signed(Format.infinity, isNegative: isNegative) : invalid(&flags)
    }
    if isZero(b) {
      if isZero(a) { return invalid(&flags) }
      flags |= FloatingPointFlags.divideByZero
      return signed(Format.infinity, isNegative: isNegative)
    }
    if isZero(a) { return signed(0, isNegative: isNegative) }

    let x = unpack(a)
    let y = unpack(b)
    // The dividend is set so that the quotient fills 64 bits exactly; what remains only matters as "not zero".
    let fits = x.significand < y.significand
    let dividend = (
      high: fits ? x.significand : x.significand &>> 1, low: fits ? 0 : x.significand &<< 63
    )
    let (quotient, remainder) = y.significand.dividingFullWidth(dividend)
    return round(
      isNegative: isNegative, exponent: x.exponent &- y.exponent &- (fits ? 1 : 0),
      significand: quotient | (remainder == 0 ? 0 : 1), mode, &flags)
  }

  @inline(never) static func softwareSquareRoot(
    _ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if isNaN(a) { return nan(from: a, a, &flags) }
    if isZero(a) { return a }
    if isNegative(a) { return invalid(&flags) }
    if isInfinite(a) { return a }

    let x = unpack(a)
    // With an even exponent the radicand is significand × 2^59, else twice that: between 2^122 and 2^124, its lower half
    // zero, for an unpacked significand ends in at least 11 zeros. The root lies between 2^61 and 2^62.
    let isOdd = x.exponent & 1
    let high = x.significand &>> UInt64(truncatingIfNeeded: 5 &- isOdd)
    let radicand = UInt128(high) &<< 64
    // One step of Newton's method from an estimate good to 50 bits lands on the root, or just above it: the mean of n and
    // r/n is never below the root of r. So however good the estimate, counting down ends at the exact root.
    let estimate = UInt64(Double(high).squareRoot() * 0x1p32)
    let (quotient, _) = estimate.dividingFullWidth((high: high, low: 0))
    var root = (estimate &+ quotient) &>> 1
    while square(root) > radicand { root &-= 1 }
    let isExact = square(root) == radicand
    return round(
      isNegative: false, exponent: (x.exponent &- isOdd) / 2,
      significand: (root &<< 2) | (isExact ? 0 : 1), mode, &flags)
  }

  @inline(__always) private static func square(_ value: UInt64) -> UInt128 {
    let product = value.multipliedFullWidth(by: value)
    return (UInt128(product.high) &<< 64) | UInt128(product.low)
  }
}
