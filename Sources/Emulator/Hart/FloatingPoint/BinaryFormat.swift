// SPDX-License-Identifier: Apache-2.0

/// A binary interchange format of IEEE 754: what the arithmetic needs to know of binary16, binary32 and binary64.
package protocol BinaryFormat {
  /// The unsigned integer that holds the format's bit pattern.
  associatedtype Bits: FixedWidthInteger & UnsignedInteger & Sendable
  /// The host's type that holds all values of the format.
  associatedtype Host: BinaryFloatingPoint

  /// Bits of the significand, the implicit leading one included.
  static var precision: Int { get }
  /// Whether `Host` is the same format, so that the host's arithmetic rounds as this one's does.
  static var isHostFormat: Bool { get }

  static func host(_ bits: Bits) -> Host
  static func bits(_ host: Host) -> Bits
}

/// Half precision: the Zfh extension. Hosts compute with it, if at all, by way of a wider format, which rounds twice.
package enum Binary16: BinaryFormat {
  @inline(__always) package static var precision: Int { 11 }
  @inline(__always) package static var isHostFormat: Bool { false }

  /// Exact; a NaN stays quiet or signaling.
  package static func host(_ bits: UInt16) -> Float {
    let sign = UInt32(bits & signBit) << 16
    let magnitude = UInt32(bits & ~signBit)
    if magnitude < UInt32(leastNormal) {
      // Counted in units of the least subnormal.
      return Float(sign: sign == 0 ? .plus : .minus, exponent: -24, significand: Float(magnitude))
    }
    // The exponent is biased by 112 more; that of infinities and NaNs is the greatest here and there.
    let bias: UInt32 = magnitude < UInt32(infinity) ? 112 : 224
    return Float(bitPattern: sign | magnitude << 13 + bias << 23)
  }

  /// The nearest number, ties to even.
  package static func bits(_ host: Float) -> UInt16 {
    var flags: UInt64 = 0
    return Float16Arithmetic.from(host.bitPattern, as: Binary32.self, .nearestTiesToEven, &flags)
  }
}

/// Single precision: the F extension.
package enum Binary32: BinaryFormat {
  @inline(__always) package static var precision: Int { 24 }
  @inline(__always) package static var isHostFormat: Bool { true }
  @inline(__always) package static func host(_ bits: UInt32) -> Float { Float(bitPattern: bits) }
  @inline(__always) package static func bits(_ host: Float) -> UInt32 { host.bitPattern }
}

/// Double precision: the D extension.
package enum Binary64: BinaryFormat {
  @inline(__always) package static var precision: Int { 53 }
  @inline(__always) package static var isHostFormat: Bool { true }
  @inline(__always) package static func host(_ bits: UInt64) -> Double { Double(bitPattern: bits) }
  @inline(__always) package static func bits(_ host: Double) -> UInt64 { host.bitPattern }
}

extension BinaryFormat {
  /// Bits of the significand that are stored: all but the leading one.
  @inline(__always) package static var fractionBitCount: Int { precision &- 1 }
  @inline(__always) package static var exponentBitCount: Int { Bits.bitWidth &- precision }
  /// What is added to an exponent before it is stored.
  @inline(__always) package static var bias: Int { (1 &<< (exponentBitCount &- 1)) &- 1 }
  /// The exponent field of infinities and NaNs.
  @inline(__always) package static var specialExponent: Int { (1 &<< exponentBitCount) &- 1 }

  @inline(__always) package static var signBit: Bits { 1 &<< Bits(truncatingIfNeeded: Bits.bitWidth &- 1) }
  @inline(__always) package static var fractionMask: Bits {
    (1 &<< Bits(truncatingIfNeeded: fractionBitCount)) &- 1
  }
  /// Set in quiet NaNs, clear in signaling ones.
  @inline(__always) package static var quietBit: Bits {
    1 &<< Bits(truncatingIfNeeded: fractionBitCount &- 1)
  }
  @inline(__always) package static var infinity: Bits {
    Bits(truncatingIfNeeded: specialExponent) &<< Bits(truncatingIfNeeded: fractionBitCount)
  }
  /// The only NaN that arithmetic gives (unprivileged specification, "NaN Generation and Propagation").
  @inline(__always) package static var canonicalNaN: Bits { infinity | quietBit }
  /// The smallest positive number that is not subnormal.
  @inline(__always) package static var leastNormal: Bits { fractionMask &+ 1 }
}
