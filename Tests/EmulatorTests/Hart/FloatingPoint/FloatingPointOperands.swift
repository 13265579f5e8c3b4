// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport

/// Operands at which arithmetic goes wrong: zeros, subnormals, the ends of the exponent range, ones and all-ones
/// fractions, the places where integers stop fitting, infinities and NaNs.
enum FloatingPointOperands<Format: BinaryFormat> {
  static var fractionBits: Int { Format.precision - 1 }
  static var exponentMask: Int { (1 << (Format.Bits.bitWidth - Format.precision)) - 1 }
  static var fractionMask: Format.Bits { (1 << fractionBits) - 1 }

  static func make(isNegative: Bool, field: Int, fraction: Format.Bits) -> Format.Bits {
    (isNegative ? 1 << (Format.Bits.bitWidth - 1) : 0) | Format.Bits(field & exponentMask) << fractionBits
      | (fraction & fractionMask)
  }

  /// Some hundred values, both signs of each.
  static var special: [Format.Bits] {
    let bias = exponentMask / 2
    let half: Format.Bits = 1 << (fractionBits - 1)
    var patterns: [(field: Int, fraction: Format.Bits)] = [
      (0, 0), (0, 1), (0, 2), (0, half), (0, fractionMask), (1, 0), (1, 1), (1, fractionMask), (2, 0),
      (exponentMask, 0), (exponentMask, 1), (exponentMask, half), (exponentMask, fractionMask),
      (exponentMask - 1, fractionMask), (exponentMask - 1, 0), (exponentMask - 2, fractionMask),
    ]
    let offsets = [
      -Format.precision - 1, -Format.precision, -2, -1, 0, 1, Format.precision - 2, Format.precision - 1, 30,
      31, 32, 62, 63, 64,
    ]
    for offset in offsets {
      patterns.append((bias + offset, 0))
      patterns.append((bias + offset, fractionMask))
    }
    patterns += [
      (bias, 1), (bias, half), (bias - 1, 1), (bias - 1, half), (bias / 2, 0), (bias + bias / 2, 1),
    ]
    return [false, true].flatMap { isNegative in
      patterns.map { make(isNegative: isNegative, field: $0.field, fraction: $0.fraction) }
    }
  }

  /// A value whose exponent and fraction lean towards the edges; near `neighbour`'s about half the time, if there is one.
  static func random(near neighbour: Format.Bits? = nil, using generator: inout SeededGenerator)
    -> Format.Bits
  {
    if generator.oneIn(16) { return special.randomElement(using: &generator)! }  // never empty
    if generator.oneIn(16) { return Format.Bits.random(in: .min ... .max, using: &generator) }
    var fraction = Format.Bits.random(in: 0...fractionMask, using: &generator)
    let shift = Int.random(in: 0..<fractionBits, using: &generator)
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: fraction >>= shift
    case 1: fraction <<= shift
    case 2: fraction = fractionMask - fraction >> shift
    case 3: fraction &= Format.Bits.random(in: 0...fractionMask, using: &generator)
    default: break
    }
    let bias = exponentMask / 2
    var field: Int
    switch Int.random(in: 0..<5, using: &generator) {
    case 0: field = Int.random(in: 0..<4, using: &generator)
    case 1: field = exponentMask - Int.random(in: 0..<4, using: &generator)
    case 2: field = bias + Int.random(in: -70...70, using: &generator)
    case 3: field = bias / 2 + Int.random(in: -60...60, using: &generator)
    default: field = Int.random(in: 0...exponentMask, using: &generator)
    }
    if let neighbour, generator.oneIn(2) {
      field = Int(neighbour >> fractionBits) + Int.random(in: -64...64, using: &generator)
      if generator.oneIn(2) { fraction = neighbour &+ Format.Bits.random(in: 0...3, using: &generator) }
    }
    return make(isNegative: generator.oneIn(2), field: field, fraction: fraction)
  }
}

extension SeededGenerator {
  fileprivate mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }
}
