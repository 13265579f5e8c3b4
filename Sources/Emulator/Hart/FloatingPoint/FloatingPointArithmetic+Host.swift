// SPDX-License-Identifier: Apache-2.0

// The host's own arithmetic rounds to nearest, ties to even (nothing in the process ever changes that), so in that
// mode its result is right, and only the flags are in question. Reading the host's flags is slow; instead:
//
// - A finite result means finite operands and no division by zero, so neither invalid nor divide-by-zero is raised, and
//   a result that overflowed is not finite.
// - A result of greater magnitude than the least normal number was not tiny. (Equal will not do: the result may have
//   been rounded up to it from a tiny one.) A sum that is tiny is always exact, so sums need no such check.
// - That leaves inexact. When it has been raised before, and in most programs it soon has, nothing is left to know.
//
// All other cases are computed in software, and half precision is in all.

extension FloatingPointArithmetic {
  @inline(__always) private static func mayUseHost(_ mode: RoundingMode, _ flags: UInt64) -> Bool {
    Format.isHostFormat && mode == .nearestTiesToEven && flags & FloatingPointFlags.inexact != 0
  }

  @inline(__always) private static func isNormalAboveLeast(_ bits: Bits) -> Bool {
    magnitude(bits) &- (Format.leastNormal &+ 1) < Format.infinity &- (Format.leastNormal &+ 1)
  }

  @inline(__always) package static func add(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if mayUseHost(mode, flags) {
      let sum = Format.bits(Format.host(a) + Format.host(b))
      if isFinite(sum) { return sum }
    }
    return softwareAdd(a, b, mode, &flags)
  }

  @inline(__always) package static func subtract(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    add(a, b ^ Format.signBit, mode, &flags)
  }

  @inline(__always) package static func multiply(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if mayUseHost(mode, flags) {
      let product = Format.bits(Format.host(a) * Format.host(b))
      if isNormalAboveLeast(product) { return product }
    }
    return softwareMultiply(a, b, mode, &flags)
  }

  @inline(__always) package static func divide(
    _ a: Bits, _ b: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if mayUseHost(mode, flags) {
      let quotient = Format.bits(Format.host(a) / Format.host(b))
      // Dividing by zero or by infinity does not come out as a normal number.
      if isNormalAboveLeast(quotient) { return quotient }
    }
    return softwareDivide(a, b, mode, &flags)
  }

  @inline(__always) package static func squareRoot(
    _ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if mayUseHost(mode, flags) {
      let root = Format.bits(Format.host(a).squareRoot())
      if isNormalAboveLeast(root) { return root }
    }
    return softwareSquareRoot(a, mode, &flags)
  }

  /// a × b + c, rounded once. The other three fused instructions are this one with the signs of a or c inverted.
  @inline(__always) package static func fusedMultiplyAdd(
    _ a: Bits, _ b: Bits, _ c: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if mayUseHost(mode, flags) {
      let sum = Format.bits(Format.host(c).addingProduct(Format.host(a), Format.host(b)))
      if isNormalAboveLeast(sum) { return sum }
    }
    return softwareFusedMultiplyAdd(a, b, c, mode, &flags)
  }
}
