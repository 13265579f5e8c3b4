// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A natural number of any size: the few operations that the exact model needs, written to be obvious.
struct Natural: Equatable {
  /// Least significant first, without leading zeros.
  private var limbs: [UInt64] = []

  init(_ value: UInt64) { limbs = value == 0 ? [] : [value] }

  private init(limbs: [UInt64]) {
    self.limbs = limbs
    while self.limbs.last == 0 { self.limbs.removeLast() }
  }

  var isZero: Bool { limbs.isEmpty }
  var bitWidth: Int { limbs.isEmpty ? 0 : limbs.count * 64 - limbs[limbs.count - 1].leadingZeroBitCount }

  func bit(_ index: Int) -> Bool {
    index >= 0 && index / 64 < limbs.count && limbs[index / 64] >> UInt64(index % 64) & 1 == 1
  }

  /// Whether any of the lowest `count` bits is set.
  func hasBits(below count: Int) -> Bool {
    guard count > 0, !isZero else { return false }
    let whole = min(count / 64, limbs.count)
    if limbs[..<whole].contains(where: { $0 != 0 }) { return true }
    return whole < limbs.count && limbs[whole] & ((1 << UInt64(count % 64)) - 1) != 0
  }

  /// The lowest 64 bits.
  var truncated: UInt64 { limbs.first ?? 0 }

  static func << (left: Natural, count: Int) -> Natural {
    let (whole, part) = (count / 64, UInt64(count % 64))
    var result = [UInt64](repeating: 0, count: whole)
    var carry: UInt64 = 0
    for limb in left.limbs {
      result.append(limb << part | carry)
      carry = part == 0 ? 0 : limb >> (64 - part)
    }
    result.append(carry)
    return Natural(limbs: result)
  }

  static func >> (left: Natural, count: Int) -> Natural {
    let (whole, part) = (count / 64, UInt64(count % 64))
    guard whole < left.limbs.count else { return Natural(0) }
    let kept = left.limbs[whole...]
    var result: [UInt64] = []
    for index in kept.indices {
      let above = index + 1 < left.limbs.count && part != 0 ? left.limbs[index + 1] << (64 - part) : 0
      result.append(left.limbs[index] >> part | above)
    }
    return Natural(limbs: result)
  }

  static func + (left: Natural, right: Natural) -> Natural {
    var result: [UInt64] = []
    var carry: UInt64 = 0
    for index in 0..<max(left.limbs.count, right.limbs.count) {
      let (first, overflow) = left.limb(index).addingReportingOverflow(right.limb(index))
      let (sum, again) = first.addingReportingOverflow(carry)
      carry = (overflow ? 1 : 0) + (again ? 1 : 0)
      result.append(sum)
    }
    result.append(carry)
    return Natural(limbs: result)
  }

  /// `right` must not be greater.
  static func - (left: Natural, right: Natural) -> Natural {
    var result: [UInt64] = []
    var borrow: UInt64 = 0
    for index in left.limbs.indices {
      let (first, overflow) = left.limb(index).subtractingReportingOverflow(right.limb(index))
      let (difference, again) = first.subtractingReportingOverflow(borrow)
      borrow = (overflow ? 1 : 0) + (again ? 1 : 0)
      result.append(difference)
    }
    precondition(borrow == 0)
    return Natural(limbs: result)
  }

  static func * (left: Natural, right: Natural) -> Natural {
    var result = Natural(0)
    for (index, limb) in left.limbs.enumerated() {
      for (other, factor) in right.limbs.enumerated() {
        let product = limb.multipliedFullWidth(by: factor)
        result = result + Natural(limbs: [product.low, product.high]) << ((index + other) * 64)
      }
    }
    return result
  }

  static func < (left: Natural, right: Natural) -> Bool {
    if left.limbs.count != right.limbs.count { return left.limbs.count < right.limbs.count }
    for index in left.limbs.indices.reversed() where left.limbs[index] != right.limbs[index] {
      return left.limbs[index] < right.limbs[index]
    }
    return false
  }

  /// Quotient and whether something remains, by long division, bit by bit.
  func divided(by divisor: Natural) -> (quotient: Natural, isExact: Bool) {
    var rest = self
    var quotient = Natural(0)
    for position in (0...max(0, bitWidth - divisor.bitWidth)).reversed() {
      let part = divisor << position
      if !(rest < part) {
        rest = rest - part
        quotient = quotient + Natural(1) << position
      }
    }
    return (quotient, rest.isZero)
  }

  /// The root rounded down and whether it is exact, bit by bit.
  var squareRoot: (root: Natural, isExact: Bool) {
    var root = Natural(0)
    for position in (0...bitWidth / 2).reversed() {
      let candidate = root + Natural(1) << position
      if !(self < candidate * candidate) { root = candidate }
    }
    return (root, root * root == self)
  }

  private func limb(_ index: Int) -> UInt64 { index < limbs.count ? limbs[index] : 0 }
}

/// `magnitude` × 2^`exponent`, exactly, or a little more than that where `isExact` is false: less than one unit of the
/// magnitude's last place.
struct ExactNumber {
  var isNegative: Bool
  var magnitude: Natural
  var exponent: Int
  var isExact = true

  var isZero: Bool { magnitude.isZero && isExact }
}

/// Floating point from first principles: exact numbers of any size, rounded once by the words of IEEE 754 and of the
/// RISC-V manual. It shares no code with the emulator's arithmetic.
struct FloatingPointModel<Format: BinaryFormat> {
  let mode: RoundingMode
  var flags: UInt64 = 0

  static var precision: Int { Format.precision }
  static var exponentBits: Int { Format.Bits.bitWidth - Format.precision }
  static var maximumExponent: Int { 1 << (exponentBits - 1) - 1 }
  static var minimumExponent: Int { 1 - maximumExponent }

  enum Operand {
    case nan(isSignaling: Bool)
    case infinity(isNegative: Bool)
    case number(ExactNumber)

    var isNegative: Bool {
      switch self {
      case .nan: false
      case .infinity(let isNegative): isNegative
      case .number(let number): number.isNegative
      }
    }
    var isZero: Bool {
      if case .number(let number) = self { return number.isZero }
      return false
    }
  }

  static func decode(_ bits: Format.Bits) -> Operand {
    let raw = UInt64(bits)
    let fraction = raw & ((1 << UInt64(precision - 1)) - 1)
    let field = Int(raw >> UInt64(precision - 1)) & ((1 << exponentBits) - 1)
    let isNegative = raw >> UInt64(Format.Bits.bitWidth - 1) == 1
    if field == (1 << exponentBits) - 1 {
      if fraction == 0 { return .infinity(isNegative: isNegative) }
      return .nan(isSignaling: fraction >> UInt64(precision - 2) == 0)
    }
    let significand = field == 0 ? fraction : fraction | 1 << UInt64(precision - 1)
    return .number(
      ExactNumber(
        isNegative: isNegative, magnitude: Natural(significand),
        exponent: max(field, 1) - maximumExponent - (precision - 1)))
  }

  // MARK: Results

  static func infinity(_ isNegative: Bool) -> Format.Bits {
    sign(isNegative) | Format.Bits((1 << exponentBits) - 1) << (precision - 1)
  }
  static func sign(_ isNegative: Bool) -> Format.Bits {
    isNegative ? 1 << (Format.Bits.bitWidth - 1) : 0
  }
  static var canonicalNaN: Format.Bits { infinity(false) | 1 << (precision - 2) }

  mutating func invalid() -> Format.Bits {
    flags |= 16
    return Self.canonicalNaN
  }

  /// The NaN to give if any operand is one.
  mutating func nan(_ operands: Operand...) -> Format.Bits? {
    var isNaN = false
    for case .nan(let isSignaling) in operands {
      isNaN = true
      if isSignaling { flags |= 16 }
    }
    return isNaN ? Self.canonicalNaN : nil
  }

  /// The multiple of 2^`quantum` that the mode picks, as a count of it.
  func rounded(_ number: ExactNumber, toMultipleOf quantum: Int) -> (count: Natural, isExact: Bool) {
    let drop = quantum - number.exponent
    if drop <= 0 {
      precondition(number.isExact, "the model needs more bits")
      return (number.magnitude << -drop, true)
    }
    let below = number.magnitude >> drop
    let isHalfOrMore = number.magnitude.bit(drop - 1)
    let isMoreBelowHalf = number.magnitude.hasBits(below: drop - 1) || !number.isExact
    let isExact = !isHalfOrMore && !isMoreBelowHalf
    let isUp =
      switch mode {
      case .nearestTiesToEven: isHalfOrMore && (isMoreBelowHalf || below.bit(0))
      case .nearestTiesToMaxMagnitude: isHalfOrMore
      case .towardZero: false
      case .down: number.isNegative && !isExact
      case .up: !number.isNegative && !isExact
      }
    return (isUp ? below + Natural(1) : below, isExact)
  }

  /// Not for zeros: their sign depends on the operation.
  mutating func round(_ number: ExactNumber) -> Format.Bits {
    let exponent = number.exponent + number.magnitude.bitWidth - 1
    // First as if the exponent had no bounds.
    let quantum = exponent - (Self.precision - 1)
    let unbounded = rounded(number, toMultipleOf: quantum)
    let roundedExponent = quantum + unbounded.count.bitWidth - 1
    if roundedExponent > Self.maximumExponent {
      flags |= 5
      let toInfinity =
        switch mode {
        case .nearestTiesToEven, .nearestTiesToMaxMagnitude: true
        case .towardZero: false
        case .down: number.isNegative
        case .up: !number.isNegative
        }
      return toInfinity ? Self.infinity(number.isNegative) : Self.infinity(number.isNegative) - 1
    }
    let isTiny = roundedExponent < Self.minimumExponent
    let least = Self.minimumExponent - (Self.precision - 1)
    let result = rounded(number, toMultipleOf: max(quantum, least))
    if !result.isExact { flags |= isTiny ? 3 : 1 }
    var count = result.count
    var field = max(quantum, least) - least + 1
    if count.bitWidth > Self.precision {
      count = count >> 1
      field += 1
    }
    if count.bitWidth < Self.precision { field = 0 }
    let fraction = count.truncated & ((1 << UInt64(Self.precision - 1)) - 1)
    return Self.sign(number.isNegative) | Format.Bits(field) << (Self.precision - 1) | Format.Bits(fraction)
  }

  // MARK: Operations

  mutating func sum(_ a: Operand, _ b: Operand) -> Format.Bits {
    if let nan = nan(a, b) { return nan }
    switch (a, b) {
    case (.infinity(let left), .infinity(let right)):
      return left == right ? Self.infinity(left) : invalid()
    case (.infinity(let isNegative), _), (_, .infinity(let isNegative)): return Self.infinity(isNegative)
    case (.number(let left), .number(let right)):
      let exponent = min(left.exponent, right.exponent)
      let x = left.magnitude << (left.exponent - exponent)
      let y = right.magnitude << (right.exponent - exponent)
      let result: ExactNumber
      if left.isNegative == right.isNegative {
        if x.isZero, y.isZero { return Self.sign(left.isNegative) }
        result = ExactNumber(isNegative: left.isNegative, magnitude: x + y, exponent: exponent)
      } else if x == y {
        return Self.sign(mode == .down)
      } else if x < y {
        result = ExactNumber(isNegative: right.isNegative, magnitude: y - x, exponent: exponent)
      } else {
        result = ExactNumber(isNegative: left.isNegative, magnitude: x - y, exponent: exponent)
      }
      return round(result)
    default: preconditionFailure("NaNs are handled above")
    }
  }

  mutating func add(_ a: Format.Bits, _ b: Format.Bits) -> Format.Bits { sum(Self.decode(a), Self.decode(b)) }

  mutating func subtract(_ a: Format.Bits, _ b: Format.Bits) -> Format.Bits {
    sum(Self.decode(a), Self.decode(b ^ Self.sign(true)))
  }

  mutating func multiply(_ a: Format.Bits, _ b: Format.Bits) -> Format.Bits {
    let (x, y) = (Self.decode(a), Self.decode(b))
    if let nan = nan(x, y) { return nan }
    let isNegative = x.isNegative != y.isNegative
    guard case .number(let left) = x, case .number(let right) = y else {
      return x.isZero || y.isZero ? invalid() : Self.infinity(isNegative)
    }
    if left.isZero || right.isZero { return Self.sign(isNegative) }
    return round(
      ExactNumber(
        isNegative: isNegative, magnitude: left.magnitude * right.magnitude,
        exponent: left.exponent + right.exponent))
  }

  mutating func fusedMultiplyAdd(_ a: Format.Bits, _ b: Format.Bits, _ c: Format.Bits) -> Format.Bits {
    let (x, y, z) = (Self.decode(a), Self.decode(b), Self.decode(c))
    let isNegative = x.isNegative != y.isNegative
    if case .infinity = x, y.isZero { return invalid() }
    if case .infinity = y, x.isZero { return invalid() }
    if let nan = nan(x, y, z) { return nan }
    guard case .number(let left) = x, case .number(let right) = y else {
      return sum(.infinity(isNegative: isNegative), z)
    }
    let product = ExactNumber(
      isNegative: isNegative, magnitude: left.magnitude * right.magnitude,
      exponent: left.exponent + right.exponent)
    return sum(.number(product), z)
  }

  mutating func divide(_ a: Format.Bits, _ b: Format.Bits) -> Format.Bits {
    let (x, y) = (Self.decode(a), Self.decode(b))
    if let nan = nan(x, y) { return nan }
    let isNegative = x.isNegative != y.isNegative
    switch (x, y) {
    case (.infinity, .infinity): return invalid()
    case (.infinity, _): return Self.infinity(isNegative)
    case (_, .infinity): return Self.sign(isNegative)
    case (.number(let left), .number(let right)):
      if right.isZero {
        if left.isZero { return invalid() }
        flags |= 8
        return Self.infinity(isNegative)
      }
      if left.isZero { return Self.sign(isNegative) }
      // At least two bits more than the precision, whatever the operands' lengths.
      let extra = 2 * Self.precision + 2
      let (quotient, isExact) = (left.magnitude << extra).divided(by: right.magnitude)
      return round(
        ExactNumber(
          isNegative: isNegative, magnitude: quotient, exponent: left.exponent - right.exponent - extra,
          isExact: isExact))
    default: preconditionFailure("NaNs are handled above")
    }
  }

  mutating func squareRoot(_ a: Format.Bits) -> Format.Bits {
    let x = Self.decode(a)
    if let nan = nan(x) { return nan }
    if x.isZero { return a }
    if x.isNegative { return invalid() }
    guard case .number(let number) = x else { return a }
    let extra = 2 * Self.precision + 4 + (number.exponent & 1)
    let (root, isExact) = (number.magnitude << extra).squareRoot
    return round(
      ExactNumber(
        isNegative: false, magnitude: root, exponent: (number.exponent - extra) / 2, isExact: isExact))
  }

  /// Fits into `Integer` or saturates.
  mutating func toInteger<Integer: FixedWidthInteger>(_ a: Format.Bits, as type: Integer.Type) -> Integer {
    switch Self.decode(a) {
    case .nan:
      flags |= 16
      return Integer.max
    case .infinity(let isNegative):
      flags |= 16
      return isNegative ? Integer.min : Integer.max
    case .number(let number):
      let (count, isExact) = rounded(number, toMultipleOf: 0)
      let limit = Natural(UInt64((number.isNegative ? Integer.min : Integer.max).magnitude))
      if limit < count {
        flags |= 16
        return number.isNegative ? Integer.min : Integer.max
      }
      if !isExact { flags |= 1 }
      let magnitude = count.truncated
      return Integer(truncatingIfNeeded: number.isNegative ? 0 &- magnitude : magnitude)
    }
  }

  /// The nearest whole numbers are few: the one that the mode picks is exact in the format, or the least above its range.
  mutating func toIntegral(_ a: Format.Bits, signalsInexact: Bool) -> Format.Bits {
    let operand = Self.decode(a)
    if let nan = nan(operand) { return nan }
    guard case .number(let number) = operand else { return a }
    let (count, isExact) = rounded(number, toMultipleOf: 0)
    if !isExact && signalsInexact { flags |= 1 }
    if count.isZero { return Self.sign(number.isNegative) }
    return round(ExactNumber(isNegative: number.isNegative, magnitude: count, exponent: 0))
  }

  /// The whole part modulo 2^32; what has none is 0.
  mutating func toInt32Modulo(_ a: Format.Bits) -> Int32 {
    precondition(mode == .towardZero)
    _ = toInteger(a, as: Int32.self)
    guard case .number(let number) = Self.decode(a) else { return 0 }
    let low = UInt32(truncatingIfNeeded: rounded(number, toMultipleOf: 0).count.truncated)
    return Int32(bitPattern: number.isNegative ? 0 &- low : low)
  }

  mutating func from(isNegative: Bool, magnitude: UInt64) -> Format.Bits {
    if magnitude == 0 { return 0 }
    return round(ExactNumber(isNegative: isNegative, magnitude: Natural(magnitude), exponent: 0))
  }

  mutating func from<Other: BinaryFormat>(_ value: Other.Bits, as other: Other.Type) -> Format.Bits {
    switch FloatingPointModel<Other>.decode(value) {
    case .nan(let isSignaling): return isSignaling ? invalid() : Self.canonicalNaN
    case .infinity(let isNegative): return Self.infinity(isNegative)
    case .number(let number): return number.isZero ? Self.sign(number.isNegative) : round(number)
    }
  }
}
