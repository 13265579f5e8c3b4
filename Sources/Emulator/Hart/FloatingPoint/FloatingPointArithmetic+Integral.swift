// SPDX-License-Identifier: Apache-2.0

/// What the Zfa extension has besides comparisons: rounding to whole numbers in the format, the conversion of JavaScript,
/// and constants.
extension FloatingPointArithmetic {
  /// The whole number that the mode picks, with the operand's sign: `fround`, or `froundnx` if `signalsInexact`.
  package static func roundToIntegral(
    _ a: Bits, signalsInexact: Bool, _ mode: RoundingMode, _ flags: inout UInt64
  ) -> Bits {
    if isNaN(a) { return nan(from: a, a, &flags) }
    let field = Int(truncatingIfNeeded: magnitude(a) &>> Bits(truncatingIfNeeded: Format.fractionBitCount))
    // From here on numbers are whole; infinities stand at the end.
    if isZero(a) || field >= Format.bias &+ Format.fractionBitCount { return a }
    let isNegative = isNegative(a)
    let result: Bits
    if field < Format.bias {
      // Less than 1: what it becomes depends on how it compares with a half.
      let half =
        Bits(truncatingIfNeeded: Format.bias &- 1) &<< Bits(truncatingIfNeeded: Format.fractionBitCount)
      let isOne =
        switch mode {
        case .nearestTiesToEven: magnitude(a) > half
        case .nearestTiesToMaxMagnitude: magnitude(a) >= half
        case .towardZero: false
        case .down: isNegative
        case .up: !isNegative
        }
      let one = Bits(truncatingIfNeeded: Format.bias) &<< Bits(truncatingIfNeeded: Format.fractionBitCount)
      result = signed(isOne ? one : 0, isNegative: isNegative)
    } else {
      // The last place of whole numbers, in the bit pattern. A carry out of the fraction raises the exponent, as it should.
      let unit: Bits =
        1 &<< Bits(truncatingIfNeeded: Format.fractionBitCount &- (field &- Format.bias))
      let below = unit &- 1
      let increment: Bits =
        switch mode {
        case .nearestTiesToEven: (unit &>> 1) &- (a & unit == 0 ? 1 : 0)
        case .nearestTiesToMaxMagnitude: unit &>> 1
        case .towardZero: 0
        case .down: isNegative ? below : 0
        case .up: isNegative ? 0 : below
        }
      result = (a &+ increment) & ~below
    }
    if signalsInexact && result != a { flags |= FloatingPointFlags.inexact }
    return result
  }

  /// `fcvtmod.w.d`: the whole part, modulo 2^32; 0 for infinities and NaNs. Flags are those of `toInt32` toward zero.
  package static func toInt32Modulo(_ a: Bits, _ flags: inout UInt64) -> Int32 {
    let exact = toInt32(a, .towardZero, &flags)
    guard isFinite(a), !isZero(a) else { return 0 }
    let x = unpack(a)
    // Less than 2^31: it fits.
    if x.exponent < 31 { return exact }
    // Bit 63 of the significand stands for 2^exponent; from 2^95 on the low 32 bits are zero.
    let shift = 63 &- x.exponent
    let whole: UInt64 =
      shift >= 0
      ? x.significand &>> UInt64(truncatingIfNeeded: shift)
      : shift > -32 ? x.significand &<< UInt64(truncatingIfNeeded: 0 &- shift) : 0
    let low = UInt32(truncatingIfNeeded: whole)
    return Int32(bitPattern: x.isNegative ? 0 &- low : low)
  }

  /// The values of `fli`, by number (unprivileged specification, "Load-Immediate Instructions"). In half precision the
  /// greatest power of two overflows to infinity.
  package static func constant(_ number: Int) -> Bits {
    switch number {
    case 0: return Format.signBit | constant(16)
    case 1: return Format.leastNormal
    case 30: return Format.infinity
    case 31: return Format.canonicalNaN
    default:
      var flags: UInt64 = 0
      let value = constants[number & 31].bitPattern
      return from(value, as: Binary32.self, .nearestTiesToEven, &flags)
    }
  }
}

/// Numbers 0, 1, 30 and 31 are different: they are not used.
private let constants: [Float] = [
  -1, 0, 0x1p-16, 0x1p-15, 0x1p-8, 0x1p-7, 0.0625, 0.125, 0.25, 0.3125, 0.375, 0.4375, 0.5, 0.625, 0.75,
  0.875,
  1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 8, 16, 128, 256, 0x1p15, 0x1p16, 0, 0,
]
