// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// One operation of the emulator and the same operation of the exact model.
private struct Operation<Format: BinaryFormat> {
  typealias Bits = Format.Bits
  typealias Arithmetic = FloatingPointArithmetic<Format>
  typealias Model = FloatingPointModel<Format>

  let name: String
  let operandCount: Int
  let emulated: (Bits, Bits, Bits, RoundingMode, inout UInt64) -> UInt64
  let modelled: (Bits, Bits, Bits, inout Model) -> UInt64

  static var all: [Operation] {
    [
      Operation(
        name: "add", operandCount: 2,
        emulated: { a, b, _, mode, flags in UInt64(Arithmetic.add(a, b, mode, &flags)) },
        modelled: { a, b, _, model in UInt64(model.add(a, b)) }),
      Operation(
        name: "subtract", operandCount: 2,
        emulated: { a, b, _, mode, flags in UInt64(Arithmetic.subtract(a, b, mode, &flags)) },
        modelled: { a, b, _, model in UInt64(model.subtract(a, b)) }),
      Operation(
        name: "multiply", operandCount: 2,
        emulated: { a, b, _, mode, flags in UInt64(Arithmetic.multiply(a, b, mode, &flags)) },
        modelled: { a, b, _, model in UInt64(model.multiply(a, b)) }),
      Operation(
        name: "divide", operandCount: 2,
        emulated: { a, b, _, mode, flags in UInt64(Arithmetic.divide(a, b, mode, &flags)) },
        modelled: { a, b, _, model in UInt64(model.divide(a, b)) }),
      Operation(
        name: "squareRoot", operandCount: 1,
        emulated: { a, _, _, mode, flags in UInt64(Arithmetic.squareRoot(a, mode, &flags)) },
        modelled: { a, _, _, model in UInt64(model.squareRoot(a)) }),
      Operation(
        name: "fusedMultiplyAdd", operandCount: 3,
        emulated: { a, b, c, mode, flags in UInt64(Arithmetic.fusedMultiplyAdd(a, b, c, mode, &flags)) },
        modelled: { a, b, c, model in UInt64(model.fusedMultiplyAdd(a, b, c)) }),
      Operation(
        name: "toInt32", operandCount: 1,
        emulated: { a, _, _, mode, flags in
          UInt64(truncatingIfNeeded: Arithmetic.toInt32(a, mode, &flags))
        },
        modelled: { a, _, _, model in UInt64(truncatingIfNeeded: model.toInteger(a, as: Int32.self)) }),
      Operation(
        name: "toUInt32", operandCount: 1,
        emulated: { a, _, _, mode, flags in UInt64(Arithmetic.toUInt32(a, mode, &flags)) },
        modelled: { a, _, _, model in UInt64(model.toInteger(a, as: UInt32.self)) }),
      Operation(
        name: "toInt64", operandCount: 1,
        emulated: { a, _, _, mode, flags in UInt64(bitPattern: Arithmetic.toInt64(a, mode, &flags)) },
        modelled: { a, _, _, model in UInt64(bitPattern: model.toInteger(a, as: Int64.self)) }),
      Operation(
        name: "toUInt64", operandCount: 1,
        emulated: { a, _, _, mode, flags in Arithmetic.toUInt64(a, mode, &flags) },
        modelled: { a, _, _, model in model.toInteger(a, as: UInt64.self) }),
      Operation(
        name: "from the same format", operandCount: 1,
        emulated: { a, _, _, mode, flags in UInt64(Arithmetic.from(a, as: Format.self, mode, &flags)) },
        modelled: { a, _, _, model in UInt64(model.from(a, as: Format.self)) }),
      Operation(
        name: "roundToIntegral", operandCount: 1,
        emulated: { a, _, _, mode, flags in
          UInt64(Arithmetic.roundToIntegral(a, signalsInexact: false, mode, &flags))
        },
        modelled: { a, _, _, model in UInt64(model.toIntegral(a, signalsInexact: false)) }),
      Operation(
        name: "roundToIntegral, inexact", operandCount: 1,
        emulated: { a, _, _, mode, flags in
          UInt64(Arithmetic.roundToIntegral(a, signalsInexact: true, mode, &flags))
        },
        modelled: { a, _, _, model in UInt64(model.toIntegral(a, signalsInexact: true)) }),
      Operation(
        name: "toInt32Modulo", operandCount: 1,
        emulated: { a, _, _, _, flags in UInt64(truncatingIfNeeded: Arithmetic.toInt32Modulo(a, &flags)) },
        modelled: { a, _, _, model in
          var truncating = Model(mode: .towardZero)
          defer { model.flags |= truncating.flags }
          return UInt64(truncatingIfNeeded: truncating.toInt32Modulo(a))
        }),
    ]
  }

  /// Nil when the emulator agrees with the model, else what differs. Each case runs twice: with clear flags, and with
  /// inexact already raised, where the host's arithmetic may be taken.
  func disagreement(_ a: Bits, _ b: Bits, _ c: Bits, _ mode: RoundingMode) -> String? {
    var model = Model(mode: mode)
    let expected = modelled(a, b, c, &model)
    for raised in [0, FloatingPointFlags.inexact] {
      var flags = raised
      let result = emulated(a, b, c, mode, &flags)
      if result == expected, flags == model.flags | raised { continue }
      let operands = [a, b, c].prefix(operandCount).map { String($0, radix: 16) }.joined(separator: ", ")
      return """
        \(name)(\(operands)) \(mode), flags before \(raised): \(String(result, radix: 16)) flags \(flags), \
        expected \(String(expected, radix: 16)) flags \(model.flags | raised)
        """
    }
    return nil
  }
}

@Suite struct FloatingPointArithmeticTests {
  @Test func specialOperandsAgreeWithTheModelInHalfPrecision() { checkSpecialOperands(Binary16.self) }
  @Test func specialOperandsAgreeWithTheModelInSinglePrecision() { checkSpecialOperands(Binary32.self) }
  @Test func specialOperandsAgreeWithTheModelInDoublePrecision() { checkSpecialOperands(Binary64.self) }

  /// There are few enough.
  @Test func allOperandsOfOneAgreeWithTheModelInHalfPrecision() {
    var disagreements: [String] = []
    for operation in Operation<Binary16>.all where operation.operandCount == 1 {
      for mode in RoundingMode.allCases {
        for a in 0...UInt16.max {
          if let found = operation.disagreement(a, 0, 0, mode) { disagreements.append(found) }
        }
      }
    }
    #expect(disagreements.isEmpty, "\(disagreements.count) in all, first \(disagreements.prefix(5))")
  }

  @Test(arguments: [8, 9] as [UInt64])
  func randomOperandsAgreeWithTheModelInHalfPrecision(seed: UInt64) {
    checkRandomOperands(Binary16.self, seed: seed)
  }

  @Test(arguments: [1, 2] as [UInt64])
  func randomOperandsAgreeWithTheModelInSinglePrecision(seed: UInt64) {
    checkRandomOperands(Binary32.self, seed: seed)
  }

  @Test(arguments: [3, 4] as [UInt64])
  func randomOperandsAgreeWithTheModelInDoublePrecision(seed: UInt64) {
    checkRandomOperands(Binary64.self, seed: seed)
  }

  /// All pairs, all modes; the third operand of the fused operation goes through all values with them.
  private func checkSpecialOperands<Format: BinaryFormat>(_ format: Format.Type) {
    let values = FloatingPointOperands<Format>.special
    var disagreements: [String] = []
    for operation in Operation<Format>.all {
      for mode in RoundingMode.allCases {
        var third = 0
        for a in values {
          for b in operation.operandCount > 1 ? values : [0] {
            third = (third + 1) % values.count
            if let found = operation.disagreement(a, b, values[third], mode) { disagreements.append(found) }
          }
        }
      }
    }
    #expect(disagreements.isEmpty, "\(disagreements.count) in all, first \(disagreements.prefix(5))")
  }

  private func checkRandomOperands<Format: BinaryFormat>(_ format: Format.Type, seed: UInt64) {
    typealias Operands = FloatingPointOperands<Format>
    var generator = SeededGenerator(seed: seed)
    let operations = Operation<Format>.all
    var disagreements: [String] = []
    for _ in 0..<260_000 {
      let operation = operations.randomElement(using: &generator)!  // never empty
      let mode = RoundingMode.allCases.randomElement(using: &generator)!  // never empty
      let a = Operands.random(using: &generator)
      let b = Operands.random(near: a, using: &generator)
      var c = Operands.random(near: a, using: &generator)
      if operation.operandCount == 3, Bool.random(using: &generator) {
        // Nearly the negated product: most of the sum cancels.
        var flags: UInt64 = 0
        let product = FloatingPointArithmetic<Format>.multiply(a, b, .towardZero, &flags)
        c = product &+ Format.Bits.random(in: 0...2, using: &generator) ^ Format.signBit
      }
      if let found = operation.disagreement(a, b, c, mode) { disagreements.append(found) }
    }
    #expect(
      disagreements.isEmpty, "seed \(seed): \(disagreements.count) in all, first \(disagreements.prefix(5))")
  }

  @Test func integersBecomeFloatingPointAsTheModelSays() {
    var generator = SeededGenerator(seed: 5)
    var values: [UInt64] = [0, 1, .max, 1 << 63, 1 << 63 - 1, 1 << 31, 1 << 31 - 1, 1 << 32 - 1]
    for position in 9...63 {
      for offset: UInt64 in [0, 1, 2, 3] {
        values += [1 << UInt64(position) &+ offset, 1 << UInt64(position) &- offset]
      }
    }
    for _ in 0..<20_000 { values.append(generator.next() >> (generator.next() % 64)) }
    checkIntegers(Binary16.self, values + values.map { 0 &- $0 })
    checkIntegers(Binary32.self, values + values.map { 0 &- $0 })
    checkIntegers(Binary64.self, values + values.map { 0 &- $0 })
  }

  private func checkIntegers<Format: BinaryFormat>(_ format: Format.Type, _ values: [UInt64]) {
    typealias Arithmetic = FloatingPointArithmetic<Format>
    var wrong: [String] = []
    func check(_ value: some FixedWidthInteger, _ mode: RoundingMode, _ result: (inout UInt64) -> Format.Bits)
    {
      var model = FloatingPointModel<Format>(mode: mode)
      let expected = model.from(isNegative: value < 0, magnitude: UInt64(value.magnitude))
      var flags: UInt64 = 0
      if result(&flags) != expected || flags != model.flags {
        wrong.append("\(type(of: value)) \(value) \(mode)")
      }
    }
    for mode in RoundingMode.allCases {
      for value in values {
        check(Int64(bitPattern: value), mode) { Arithmetic.from(Int64(bitPattern: value), mode, &$0) }
        check(value, mode) { Arithmetic.from(value, mode, &$0) }
        let low = UInt32(truncatingIfNeeded: value)
        check(Int32(bitPattern: low), mode) { Arithmetic.from(Int32(bitPattern: low), mode, &$0) }
        check(low, mode) { Arithmetic.from(low, mode, &$0) }
      }
    }
    #expect(wrong.isEmpty, "\(wrong.count) in all, first \(wrong.prefix(5))")
  }

  @Test func formatsConvertAsTheModelSays() {
    var generator = SeededGenerator(seed: 6)
    var wrong: [String] = []
    func check<From: BinaryFormat, To: BinaryFormat>(_ value: From.Bits, _ from: From.Type, _ to: To.Type) {
      for mode in RoundingMode.allCases {
        var model = FloatingPointModel<To>(mode: mode)
        let expected = model.from(value, as: from)
        var flags: UInt64 = 0
        let result = FloatingPointArithmetic<To>.from(value, as: from, mode, &flags)
        if result != expected || flags != model.flags { wrong.append("\(to) from \(value) \(mode)") }
      }
    }
    for value in FloatingPointOperands<Binary32>.special { check(value, Binary32.self, Binary64.self) }
    for value in FloatingPointOperands<Binary64>.special {
      check(value, Binary64.self, Binary32.self)
      check(value, Binary64.self, Binary16.self)
    }
    for value in FloatingPointOperands<Binary32>.special { check(value, Binary32.self, Binary16.self) }
    for value in 0...UInt16.max {
      check(value, Binary16.self, Binary32.self)
      check(value, Binary16.self, Binary64.self)
    }
    for _ in 0..<20_000 {
      check(FloatingPointOperands<Binary32>.random(using: &generator), Binary32.self, Binary64.self)
      check(FloatingPointOperands<Binary64>.random(using: &generator), Binary64.self, Binary32.self)
      // Around binary32's subnormals and its overflow, with fractions that end near its last place.
      let field = Int.random(in: 1023 - 152...1023 - 124, using: &generator)
      let fraction = UInt64.random(in: 0..<1 << 25, using: &generator) << 27 | generator.next() % 3
      for field in [field, 1023 + 127] {
        check(
          FloatingPointOperands<Binary64>.make(isNegative: false, field: field, fraction: fraction),
          Binary64.self, Binary32.self)
      }
      // The same for binary16, from both of the others.
      let halfField = Int.random(in: -26...18, using: &generator)
      let halfFraction = UInt64.random(in: 0..<1 << 12, using: &generator) << 40 | generator.next() % 3
      check(
        FloatingPointOperands<Binary64>.make(
          isNegative: true, field: 1023 + halfField, fraction: halfFraction),
        Binary64.self, Binary16.self)
      check(
        FloatingPointOperands<Binary32>.make(
          isNegative: false, field: 127 + halfField,
          fraction: UInt32(halfFraction >> 29) | UInt32(halfFraction & 3)),
        Binary32.self, Binary16.self)
    }
    #expect(wrong.isEmpty, "\(wrong.count) in all, first \(wrong.prefix(5))")
  }
}
