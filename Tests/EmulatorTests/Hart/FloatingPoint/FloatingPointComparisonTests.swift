// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Comparisons are checked against the host's `Double` and `Float`, whose comparisons IEEE 754 fixes too, and the rules
/// that are RISC-V's own (flags, NaNs, the order of zeros) in words.
@Suite struct FloatingPointComparisonTests {
  @Test func halfPrecisionComparesAsTheHostDoes() { check(Binary16.self) }
  @Test func singlePrecisionComparesAsTheHostDoes() { check(Binary32.self) }
  @Test func doublePrecisionComparesAsTheHostDoes() { check(Binary64.self) }

  private func check<Format: BinaryFormat>(_ format: Format.Type) {
    typealias Arithmetic = FloatingPointArithmetic<Format>
    let values = FloatingPointOperands<Format>.special
    var wrong: [String] = []
    for a in values {
      for b in values {
        let (x, y) = (Format.host(a), Format.host(b))
        let isUnordered = x.isNaN || y.isNaN
        let quiet = x.isSignalingNaN || y.isSignalingNaN ? FloatingPointFlags.invalid : 0
        let signaling = isUnordered ? FloatingPointFlags.invalid : 0
        func expect(_ name: String, _ isRight: Bool) {
          if !isRight { wrong.append("\(name) \(String(a, radix: 16)) \(String(b, radix: 16))") }
        }
        var flags: UInt64 = 0
        expect("equal", Arithmetic.equal(a, b, &flags) == (x == y) && flags == quiet)
        flags = 0
        expect("less", Arithmetic.less(a, b, &flags) == (x < y) && flags == signaling)
        flags = 0
        expect("lessOrEqual", Arithmetic.lessOrEqual(a, b, &flags) == (x <= y) && flags == signaling)
        flags = 0
        expect(
          "minimum",
          Arithmetic.minimum(a, b, &flags) == extreme(a, b, x, y, isMinimum: true) && flags == quiet)
        flags = 0
        expect(
          "maximum",
          Arithmetic.maximum(a, b, &flags) == extreme(a, b, x, y, isMinimum: false) && flags == quiet)
        flags = 0
        expect("quietLess", Arithmetic.quietLess(a, b, &flags) == (x < y) && flags == quiet)
        flags = 0
        expect("quietLessOrEqual", Arithmetic.quietLessOrEqual(a, b, &flags) == (x <= y) && flags == quiet)
        for isMinimum in [true, false] {
          flags = 0
          let result =
            isMinimum ? Arithmetic.minimumOrNaN(a, b, &flags) : Arithmetic.maximumOrNaN(a, b, &flags)
          let expected = isUnordered ? Format.canonicalNaN : extreme(a, b, x, y, isMinimum: isMinimum)
          expect("minimumOrNaN, maximumOrNaN", result == expected && flags == quiet)
        }

        func extreme(_ a: Format.Bits, _ b: Format.Bits, _ x: Format.Host, _ y: Format.Host, isMinimum: Bool)
          -> Format.Bits
        {
          if x.isNaN { return y.isNaN ? Format.canonicalNaN : b }
          if y.isNaN { return a }
          // Equal numbers differ only when they are zeros of different sign.
          if x == y { return (x.sign == .minus) == isMinimum ? a : b }
          return (x < y) == isMinimum ? a : b
        }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count) in all, first \(wrong.prefix(5))")
  }

  @Test func classesAreThoseOfTheManual() {
    check(
      Binary16.self,
      [0xfc00, 0xbc00, 0x8001, 0x8000, 0, 0x03ff, 0x0400, 0x7c00, 0x7c01, 0x7e00])
    check(
      Binary32.self,
      [
        0xff80_0000, 0xc000_0000, 0x8000_0001, 0x8000_0000, 0, 0x007f_ffff, 0x0080_0000, 0x7f80_0000,
        0x7f80_0001,
        0x7fc0_0000,
      ])
    check(
      Binary64.self,
      [
        0xfff0_0000_0000_0000, 0xbff0_0000_0000_0000, 0x800f_ffff_ffff_ffff, 0x8000_0000_0000_0000, 0, 1,
        0x7fef_ffff_ffff_ffff, 0x7ff0_0000_0000_0000, 0xfff7_ffff_ffff_ffff, 0xfff8_0000_0000_0000,
      ])

    /// `values` in the order of the bits of `fclass`.
    func check<Format: BinaryFormat>(_ format: Format.Type, _ values: [Format.Bits]) {
      for (bit, value) in values.enumerated() {
        #expect(FloatingPointArithmetic<Format>.classify(value) == 1 << UInt64(bit), "\(format) bit \(bit)")
      }
    }
  }

  @Test func narrowValuesAreBoxed() {
    #expect(NaNBoxing.box32(0x3f80_0000) == 0xffff_ffff_3f80_0000)
    #expect(NaNBoxing.unbox32(0xffff_ffff_8000_0001) == 0x8000_0001)
    #expect(NaNBoxing.unbox32(0xffff_ffff_ff80_0001) == 0xff80_0001, "a boxed NaN keeps its payload")
    #expect(NaNBoxing.unbox32(0xffff_fffe_3f80_0000) == 0x7fc0_0000)
    #expect(NaNBoxing.unbox32(0x0000_0000_3f80_0000) == 0x7fc0_0000)
    #expect(NaNBoxing.box16(0x3c00) == 0xffff_ffff_ffff_3c00)
    #expect(NaNBoxing.unbox16(0xffff_ffff_ffff_8001) == 0x8001)
    #expect(NaNBoxing.unbox16(0xffff_ffff_ffff_fc01) == 0xfc01, "a boxed NaN keeps its payload")
    #expect(NaNBoxing.unbox16(0xffff_ffff_0000_3c00) == 0x7e00, "a single is no half")
    #expect(NaNBoxing.unbox16(0xffff_ffff_fffe_3c00) == 0x7e00)
    #expect(NaNBoxing.unbox16(0x3c00) == 0x7e00)
  }

  /// The table of the specification, "Load-Immediate Instructions". A half has no 2^16, and 2^-16 and 2^-15 are subnormal.
  @Test func constantsAreThoseOfTheManual() {
    let halves: [UInt16] = [
      0xbc00, 0x0400, 0x0100, 0x0200, 0x1c00, 0x2000, 0x2c00, 0x3000, 0x3400, 0x3500, 0x3600, 0x3700, 0x3800,
      0x3900, 0x3a00, 0x3b00, 0x3c00, 0x3d00, 0x3e00, 0x3f00, 0x4000, 0x4100, 0x4200, 0x4400, 0x4800, 0x4c00,
      0x5800, 0x5c00, 0x7800, 0x7c00, 0x7c00, 0x7e00,
    ]
    let numbers: [Float] = [
      -1, .leastNormalMagnitude, 0x1p-16, 0x1p-15, 0x1p-8, 0x1p-7, 0x1p-4, 0x1p-3, 0.25, 0.3125, 0.375,
      0.4375,
      0.5, 0.625, 0.75, 0.875, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 8, 16, 128, 256, 32768, 65536, .infinity,
    ]
    for number in 0..<31 {
      #expect(Float16Arithmetic.constant(number) == halves[number], "\(number)")
      #expect(Float32Arithmetic.constant(number) == numbers[number].bitPattern, "\(number)")
      let double = number == 1 ? Double.leastNormalMagnitude : Double(numbers[number])
      #expect(Float64Arithmetic.constant(number) == double.bitPattern, "\(number)")
    }
    #expect(Float16Arithmetic.constant(31) == 0x7e00)
    #expect(Float32Arithmetic.constant(31) == 0x7fc0_0000)
    #expect(Float64Arithmetic.constant(31) == 0x7ff8_0000_0000_0000)
  }

  /// The case that tells "after rounding" from "before rounding": just below the least normal number.
  @Test func tininessIsDetectedAfterRounding() {
    var flags: UInt64 = 0
    // 5/8 of the least subnormal are added to the greatest subnormal. That rounds up to the least normal number, but with
    // an unbounded exponent there is one more place, and it would stay below: tiny.
    let below = Float64Arithmetic.fusedMultiplyAdd(
      (0x1.0p-600).bitPattern, (0x1.4p-475).bitPattern, (0x1p-1022 - 0x1p-1074).bitPattern,
      .nearestTiesToEven,
      &flags)
    #expect(below == (0x1p-1022).bitPattern)
    #expect(flags == FloatingPointFlags.inexact | FloatingPointFlags.underflow)
    // A sixteenth of it taken from the least normal number rounds back with that place too: not tiny.
    flags = 0
    let carried = Float64Arithmetic.fusedMultiplyAdd(
      (-0x1.0p-600).bitPattern, (0x1p-478).bitPattern, (0x1p-1022).bitPattern, .nearestTiesToEven, &flags)
    #expect(carried == (0x1p-1022).bitPattern)
    #expect(flags == FloatingPointFlags.inexact)
  }
}
