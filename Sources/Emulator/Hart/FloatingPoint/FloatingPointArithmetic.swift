// SPDX-License-Identifier: Apache-2.0

/// Floating-point arithmetic exactly as RISC-V defines it, for one format.
///
/// Values are bit patterns. `flags` are the accrued flags of `FloatingPointFlags`; operations set what they raise and
/// clear nothing. Every NaN that comes out is the canonical one, and tininess is detected after rounding.
///
/// Everything is computed in integers, so that nothing depends on the host, with one exception: where the host's
/// own arithmetic provably gives the same bits and no new flag (`FloatingPointArithmetic+Host.swift`), it is taken, because
/// it is faster. The generic code is specialised for the three formats below; nothing else uses it.
package enum FloatingPointArithmetic<Format: BinaryFormat> {
  package typealias Bits = Format.Bits
}

package typealias Float16Arithmetic = FloatingPointArithmetic<Binary16>
package typealias Float32Arithmetic = FloatingPointArithmetic<Binary32>
package typealias Float64Arithmetic = FloatingPointArithmetic<Binary64>

// MARK: - Taking values apart

/// A finite number other than zero: `significand` × 2^(`exponent` - 63), where bit 63 of the significand is set.
struct UnpackedNumber {
  var isNegative: Bool
  var exponent: Int
  var significand: UInt64
}

extension FloatingPointArithmetic {
  @inline(__always) static func isNegative(_ bits: Bits) -> Bool { bits & Format.signBit != 0 }
  @inline(__always) static func magnitude(_ bits: Bits) -> Bits { bits & ~Format.signBit }
  @inline(__always) static func isZero(_ bits: Bits) -> Bool { magnitude(bits) == 0 }
  @inline(__always) static func isInfinite(_ bits: Bits) -> Bool { magnitude(bits) == Format.infinity }
  @inline(__always) static func isNaN(_ bits: Bits) -> Bool { magnitude(bits) > Format.infinity }
  @inline(__always) static func isFinite(_ bits: Bits) -> Bool { magnitude(bits) < Format.infinity }
  @inline(__always) static func isSignalingNaN(_ bits: Bits) -> Bool {
    isNaN(bits) && bits & Format.quietBit == 0
  }

  @inline(__always) static func signed(_ magnitude: Bits, isNegative: Bool) -> Bits {
    isNegative ? magnitude | Format.signBit : magnitude
  }

  /// `bits` must be finite and not zero.
  @inline(__always) static func unpack(_ bits: Bits) -> UnpackedNumber {
    let magnitude = UInt64(truncatingIfNeeded: magnitude(bits))
    let field = Int(truncatingIfNeeded: magnitude &>> UInt64(Format.fractionBitCount))
    let leading = UInt64(64 &- Format.precision)
    if field != 0 {
      return UnpackedNumber(
        isNegative: isNegative(bits), exponent: field &- Format.bias,
        significand: (magnitude &<< leading) | (1 &<< 63))
    }
    // Subnormal: the stored fraction counts in units of the least subnormal.
    let shift = magnitude.leadingZeroBitCount
    return UnpackedNumber(
      isNegative: isNegative(bits),
      exponent: 1 &- Format.bias &- (shift &- Int(truncatingIfNeeded: leading)),
      significand: magnitude &<< UInt64(truncatingIfNeeded: shift))
  }

  /// The NaN that an operation with at least one NaN operand gives. A signaling operand is an invalid operation.
  @inline(never) static func nan(from a: Bits, _ b: Bits, _ flags: inout UInt64) -> Bits {
    if isSignalingNaN(a) || isSignalingNaN(b) { flags |= FloatingPointFlags.invalid }
    return Format.canonicalNaN
  }

  /// The NaN of an operation that has no meaning, such as ∞ - ∞.
  @inline(__always) static func invalid(_ flags: inout UInt64) -> Bits {
    flags |= FloatingPointFlags.invalid
    return Format.canonicalNaN
  }
}

// MARK: - Rounding and putting together

/// Shifts right and sets the lowest bit if any one bit was lost, so that rounding still knows of it.
@inline(__always) func shiftRightJamming<T: FixedWidthInteger & UnsignedInteger>(_ value: T, by count: Int)
  -> T
{
  if count == 0 { return value }
  if count >= T.bitWidth { return value == 0 ? 0 : 1 }
  let amount = T(truncatingIfNeeded: count)
  let lost = value &<< (0 &- amount)
  return (value &>> amount) | (lost == 0 ? 0 : 1)
}

extension FloatingPointArithmetic {
  /// The bits of a number below the last place that the format keeps, in an unpacked significand.
  @inline(__always) private static var discardedMask: UInt64 {
    (1 &<< UInt64(64 &- Format.precision)) &- 1
  }

  /// What is added to a significand before its discarded bits are cut off.
  @inline(__always) private static func increment(isNegative: Bool, _ mode: RoundingMode) -> UInt64 {
    switch mode {
    case .nearestTiesToEven, .nearestTiesToMaxMagnitude: (discardedMask &>> 1) &+ 1
    case .towardZero: 0
    case .down: isNegative ? discardedMask : 0
    case .up: isNegative ? 0 : discardedMask
    }
  }

  /// Rounds a number to the format and raises inexact, underflow and overflow.
  ///
  /// Bit 0 of the significand may stand for all bits below it that are not zero: it is far below the places that decide.
  @inline(__always) static func round(
    isNegative: Bool, exponent: Int, significand: UInt64, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    let increment = increment(isNegative: isNegative, mode)
    let field = exponent &+ Format.bias
    if field <= 0 {
      return roundSubnormal(
        isNegative: isNegative, field: field, significand: significand, increment: increment, mode, &flags)
    }
    let discarded = significand & discardedMask
    var kept = add(significand, increment)
    if discarded == (discardedMask &>> 1) &+ 1, mode == .nearestTiesToEven { kept &= ~1 }
    if discarded != 0 { flags |= FloatingPointFlags.inexact }
    // The leading one that `kept` holds counts as one in the exponent field, and a carry out of it as two.
    let fraction = UInt64(Format.fractionBitCount)
    if field >= Format.specialExponent { return overflow(isNegative: isNegative, mode, &flags) }
    let packed = (UInt64(truncatingIfNeeded: field &- 1) &<< fraction) &+ kept
    if packed >= UInt64(truncatingIfNeeded: Format.infinity) {
      return overflow(isNegative: isNegative, mode, &flags)
    }
    return signed(Bits(truncatingIfNeeded: packed), isNegative: isNegative)
  }

  /// Adds and cuts off the discarded bits; the carry is kept.
  @inline(__always) private static func add(_ significand: UInt64, _ increment: UInt64) -> UInt64 {
    let (sum, carry) = significand.addingReportingOverflow(increment)
    return (sum &>> UInt64(64 &- Format.precision)) | (carry ? 1 &<< UInt64(Format.precision) : 0)
  }

  @inline(never) private static func roundSubnormal(
    isNegative: Bool, field: Int, significand: UInt64, increment: UInt64, _ mode: RoundingMode,
    _ flags: inout UInt64
  ) -> Bits {
    // Tininess after rounding: the number is tiny unless rounding it with an unbounded exponent would carry it up to
    // the least normal number.
    let isTiny = field < 0 || !significand.addingReportingOverflow(increment).overflow
    let significand = shiftRightJamming(significand, by: 1 &- field)
    let discarded = significand & discardedMask
    var kept = add(significand, increment)
    if discarded == (discardedMask &>> 1) &+ 1, mode == .nearestTiesToEven { kept &= ~1 }
    if discarded != 0 {
      flags |= FloatingPointFlags.inexact
      if isTiny { flags |= FloatingPointFlags.underflow }
    }
    return signed(Bits(truncatingIfNeeded: kept), isNegative: isNegative)
  }

  @inline(never) private static func overflow(
    isNegative: Bool, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    flags |= FloatingPointFlags.overflow | FloatingPointFlags.inexact
    let toInfinity =
      switch mode {
      case .nearestTiesToEven, .nearestTiesToMaxMagnitude: true
      case .towardZero: false
      case .down: isNegative
      case .up: !isNegative
      }
    return signed(toInfinity ? Format.infinity : Format.infinity &- 1, isNegative: isNegative)
  }

  /// The zero that a sum of opposite numbers gives.
  @inline(__always) static func cancelledZero(_ mode: RoundingMode) -> Bits {
    mode == .down ? Format.signBit : 0
  }
}
