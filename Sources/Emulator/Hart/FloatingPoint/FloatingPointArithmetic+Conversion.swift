// SPDX-License-Identifier: Apache-2.0

// MARK: - To integers

extension FloatingPointArithmetic {
  /// `fcvt.w`. What does not fit, infinities included, gives the nearest end of the range and is invalid; a NaN gives
  /// the upper end. The same holds for the other three.
  package static func toInt32(_ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64) -> Int32 {
    toInteger(a, mode, &flags)
  }

  /// `fcvt.wu`. The register gets the result sign-extended from bit 31, as with every 32-bit result.
  package static func toUInt32(_ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64) -> UInt32 {
    toInteger(a, mode, &flags)
  }

  /// `fcvt.l`.
  package static func toInt64(_ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64) -> Int64 {
    toInteger(a, mode, &flags)
  }

  /// `fcvt.lu`.
  package static func toUInt64(_ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64) -> UInt64 {
    toInteger(a, mode, &flags)
  }

  @inline(__always) private static func toInteger<Integer: FixedWidthInteger>(
    _ a: Bits, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Integer {
    if isZero(a) { return 0 }
    let isNegative = isNegative(a)
    guard isFinite(a) else {
      flags |= FloatingPointFlags.invalid
      return isNegative && !isNaN(a) ? Integer.min : Integer.max
    }
    let x = unpack(a)
    guard x.exponent < 64 else {
      flags |= FloatingPointFlags.invalid
      return isNegative ? Integer.min : Integer.max
    }
    // `fraction` is what stands behind the binary point, in units of 2^-64.
    var whole: UInt64
    let fraction: UInt64
    switch x.exponent {
    case 63:
      whole = x.significand
      fraction = 0
    case 0..<63:
      whole = x.significand &>> UInt64(truncatingIfNeeded: 63 &- x.exponent)
      fraction = x.significand &<< UInt64(truncatingIfNeeded: x.exponent &+ 1)
    case -1:
      whole = 0
      fraction = x.significand
    default:
      // More than zero and less than a half; how much makes no difference.
      whole = 0
      fraction = 1
    }
    let half: UInt64 = 1 &<< 63
    let isAwayFromZero =
      switch mode {
      case .nearestTiesToEven: fraction > half || (fraction == half && whole & 1 == 1)
      case .nearestTiesToMaxMagnitude: fraction >= half
      case .towardZero: false
      case .down: isNegative && fraction != 0
      case .up: !isNegative && fraction != 0
      }
    // No carry out of 64 bits: a `whole` that fills them has no fraction.
    if isAwayFromZero { whole &+= 1 }
    guard whole <= UInt64(truncatingIfNeeded: isNegative ? Integer.min.magnitude : Integer.max.magnitude)
    else {
      flags |= FloatingPointFlags.invalid
      return isNegative ? Integer.min : Integer.max
    }
    if fraction != 0 { flags |= FloatingPointFlags.inexact }
    return Integer(truncatingIfNeeded: isNegative ? 0 &- whole : whole)
  }
}

// MARK: - From integers

extension FloatingPointArithmetic {
  /// `fcvt` from `w`.
  package static func from(_ value: Int32, _ mode: RoundingMode, _ flags: inout UInt64) -> Bits {
    from(isNegative: value < 0, magnitude: UInt64(value.magnitude), mode, &flags)
  }

  /// `fcvt` from `wu`.
  package static func from(_ value: UInt32, _ mode: RoundingMode, _ flags: inout UInt64) -> Bits {
    from(isNegative: false, magnitude: UInt64(value), mode, &flags)
  }

  /// `fcvt` from `l`.
  package static func from(_ value: Int64, _ mode: RoundingMode, _ flags: inout UInt64) -> Bits {
    from(isNegative: value < 0, magnitude: value.magnitude, mode, &flags)
  }

  /// `fcvt` from `lu`.
  package static func from(_ value: UInt64, _ mode: RoundingMode, _ flags: inout UInt64) -> Bits {
    from(isNegative: false, magnitude: value, mode, &flags)
  }

  @inline(__always) private static func from(
    isNegative: Bool, magnitude: UInt64, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if magnitude == 0 { return 0 }
    let shift = magnitude.leadingZeroBitCount
    return round(
      isNegative: isNegative, exponent: 63 &- shift,
      significand: magnitude &<< UInt64(truncatingIfNeeded: shift), mode, &flags)
  }
}

// MARK: - Between the formats

extension FloatingPointArithmetic {
  /// Rounds a value of another format to this one: `fcvt.s.d`, and `fcvt.d.s`, which is always exact.
  package static func from<Other: BinaryFormat>(
    _ value: Other.Bits, as other: Other.Type, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    typealias Source = FloatingPointArithmetic<Other>
    let isNegative = Source.isNegative(value)
    if Source.isZero(value) { return signed(0, isNegative: isNegative) }
    guard Source.isFinite(value) else {
      if Source.isInfinite(value) { return signed(Format.infinity, isNegative: isNegative) }
      return Source.isSignalingNaN(value) ? invalid(&flags) : Format.canonicalNaN
    }
    let x = Source.unpack(value)
    return round(
      isNegative: isNegative, exponent: x.exponent, significand: x.significand, mode, &flags)
  }
}
