// SPDX-License-Identifier: Apache-2.0

extension FloatingPointArithmetic {
  /// Quiet: only a signaling NaN is an invalid operation.
  @inline(__always) package static func equal(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    if isNaN(a) || isNaN(b) {
      _ = nan(from: a, b, &flags)
      return false
    }
    return a == b || magnitude(a | b) == 0
  }

  /// Signaling: any NaN is an invalid operation.
  @inline(__always) package static func less(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    if isNaN(a) || isNaN(b) {
      flags |= FloatingPointFlags.invalid
      return false
    }
    return ordinal(a) < ordinal(b) && magnitude(a | b) != 0
  }

  /// Signaling: any NaN is an invalid operation.
  @inline(__always) package static func lessOrEqual(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    if isNaN(a) || isNaN(b) {
      flags |= FloatingPointFlags.invalid
      return false
    }
    return ordinal(a) <= ordinal(b) || magnitude(a | b) == 0
  }

  /// IEEE 754-2019 minimumNumber: of a number and a NaN, the number; -0 is below +0.
  @inline(__always) package static func minimum(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    if isNaN(a) || isNaN(b) { return number(of: a, b, &flags) }
    return ordinal(a) <= ordinal(b) ? a : b
  }

  /// IEEE 754-2019 maximumNumber: of a number and a NaN, the number; -0 is below +0.
  @inline(__always) package static func maximum(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    if isNaN(a) || isNaN(b) { return number(of: a, b, &flags) }
    return ordinal(a) <= ordinal(b) ? b : a
  }

  /// As `less`, but quiet: `fltq`.
  package static func quietLess(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    isOrdered(a, b, &flags) && less(a, b, &flags)
  }

  /// As `lessOrEqual`, but quiet: `fleq`.
  package static func quietLessOrEqual(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    isOrdered(a, b, &flags) && lessOrEqual(a, b, &flags)
  }

  /// IEEE 754-2019 minimum: a NaN if there is one. `fminm`.
  package static func minimumOrNaN(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    isOrdered(a, b, &flags) ? minimum(a, b, &flags) : Format.canonicalNaN
  }

  /// IEEE 754-2019 maximum: a NaN if there is one. `fmaxm`.
  package static func maximumOrNaN(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    isOrdered(a, b, &flags) ? maximum(a, b, &flags) : Format.canonicalNaN
  }

  /// Both are numbers. Only a signaling NaN is an invalid operation.
  private static func isOrdered(_ a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bool {
    guard isNaN(a) || isNaN(b) else { return true }
    _ = nan(from: a, b, &flags)
    return false
  }

  /// The result of `fclass`: one bit of ten.
  package static func classify(_ a: Bits) -> UInt64 {
    if isNaN(a) { return isSignalingNaN(a) ? 1 &<< 8 : 1 &<< 9 }
    let magnitude = magnitude(a)
    // 0 to 3 for zero, subnormal, normal, infinite: outwards from the middle, bit 4 for +0 and bit 3 for -0.
    let distance: UInt64 =
      magnitude == 0 ? 0 : magnitude < Format.leastNormal ? 1 : magnitude < Format.infinity ? 2 : 3
    return isNegative(a) ? 1 &<< (3 &- distance) : 1 &<< (4 &+ distance)
  }

  /// Numbers in their order as signed integers, -0 just below +0. Not for NaNs.
  @inline(__always) private static func ordinal(_ bits: Bits) -> Int64 {
    let magnitude = Int64(truncatingIfNeeded: magnitude(bits))
    return isNegative(bits) ? ~magnitude : magnitude
  }

  /// The operand that is a number, where at most one is.
  @inline(never) private static func number(of a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    let nan = nan(from: a, b, &flags)
    return !isNaN(a) ? a : !isNaN(b) ? b : nan
  }
}
