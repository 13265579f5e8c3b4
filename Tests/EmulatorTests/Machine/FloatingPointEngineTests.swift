// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Long blocks of random floating-point instructions on both engines. Most guests compute with numbers alone, as programs
/// do, so that the translator's inline code gets to do whole blocks; the others get NaNs, other rounding modes and values
/// that are not boxed, and leave it anywhere. Some have a hart with Zfh and Zfa, and use them.
@Suite struct FloatingPointEngineTests {
  @Test(arguments: [false, true], [ProcessorModel.rv64, .max])
  func enginesAgree(translatedAtOnce: Bool, processor: ProcessorModel) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("engines on floating point: seed \(seed), translated at once: \(translatedAtOnce), \(processor)")
    var random = SeededGenerator(seed: seed)
    for number in 0..<60 {
      let program = Self.program(isTame: number % 3 != 0, usesLater: processor == .max, &random)
      let interpreted = makeMachine(
        program, memorySize: 1 << 20, processor: processor, engine: .interpreter)
      let translated = makeMachine(program, memorySize: 1 << 20, processor: processor, engine: .translator)
      let blockLength = translatedAtOnce ? Int.random(in: 1...64, using: &random) : 64
      translated.makeBlocks(ofAtMost: blockLength, translatedAtOnce: translatedAtOnce)
      for position in stride(from: 997 as UInt64, through: 20_000, by: 997) {
        let stop = interpreted.run(until: position)
        let other = translated.run(until: position)
        if stop != other || interpreted.fingerprint != translated.fingerprint {
          let found = interpreted.differences(from: translated, limit: 4)
          Issue.record(
            "seed \(seed), guest \(number), blocks of \(blockLength), before \(position): \(found)")
          return
        }
      }
    }
  }

  /// Conversions to integers about the ends of their ranges, each with its flags, where the host's instruction differs.
  @Test func conversionsAgreeAtTheEndsOfRanges() {
    var doubles: [Double] = []
    for power in [0.0, 0.5, 1, 0x1p31, 0x1p32, 0x1p53, 0x1p63, 0x1p64] {
      for number in [
        power, power.nextDown, power.nextUp, power - 0.5, power - 0.25, power + 0.5, power + 0.75,
      ] {
        doubles += [number, -number]
      }
    }
    doubles += [.infinity, -.infinity, .nan, .signalingNaN, .leastNonzeroMagnitude, 1e300]
    let interpreted = Self.conversions(of: doubles, .interpreter)
    let translated = Self.conversions(of: doubles, .translator)
    for position in stride(from: 101 as UInt64, through: 100_000, by: 101) {
      _ = (interpreted.run(until: position), translated.run(until: position))
      guard interpreted.fingerprint == translated.fingerprint else {
        Issue.record("before \(position): \(interpreted.differences(from: translated, limit: 4))")
        return
      }
    }
  }

  /// Goes over the values again and again: s0 points to a double, and behind it to the single next to it; a3 gathers results
  /// and flags.
  private static func conversions(of values: [Double], _ engine: Machine.Engine) -> Machine {
    typealias I = Instruction
    typealias R = Register
    var program = Assembly()
    program.set(ControlRegister.mstatus, 3 << 13)
    program.load(R.t0, 31)
    program.label("pass")
    program.load(R.s0, data)
    program.load(R.s1, data + UInt64(values.count * 16))
    program.label("value")
    program.emit(I.typeI(0x07, 3, 1, R.s0, 0), I.flw(2, R.s0, 8))
    for format: UInt32 in 0...1 {
      for mode: UInt32 in [0, 1, 7] {
        for integer in 0...3 {
          // The CSR instructions end blocks, so what is left to software takes nothing else with it.
          program.emit(
            I.csrw(flags, 0), I.typeR(0x53, mode, 0x60 | format, R.a1, format == 1 ? 1 : 2, integer),
            I.csrr(R.a2, flags))
          for result in [R.a1, R.a2] { program.emit(I.mul(R.a3, R.a3, R.t0), I.add(R.a3, R.a3, result)) }
        }
      }
    }
    program.emit(I.addi(R.s0, R.s0, 16))
    program.branch(.notEqual, R.s0, R.s1, "value")
    program.jump("pass")
    program.pad(to: data)
    for value in values {
      program.doubleword(value.bitPattern)
      program.doubleword(UInt64(Float(value).bitPattern))
    }
    return makeMachine(program, memorySize: 1 << 20, engine: engine)
  }

  private static let data = ramBase + 0x8000

  /// A loop over random instructions. Before each round all registers are loaded anew, from values below a0; what is
  /// stored goes above it.
  private static func program(
    isTame: Bool, usesLater: Bool, _ random: inout SeededGenerator
  ) -> Assembly {
    typealias I = Instruction
    typealias R = Register
    typealias C = ControlRegister
    var program = Assembly()
    program.loadAddress(R.t0, "handler")
    program.emit(I.csrw(C.mtvec, R.t0))
    program.load(R.a0, data)
    program.set(C.mstatus, UInt64(Int.random(in: 1...3, using: &random)) << 13)
    if !isTame { program.set(roundingMode, UInt64(Int.random(in: 0...5, using: &random))) }
    program.label("loop")
    for register in 0..<32 {
      let isDouble = register % 4 != 0
      let offset = -8 * Int.random(in: 1...256, using: &random)
      // Doubles stand in the lower half of the values, singles in the upper one.
      let place = isDouble ? -2048 + offset / 2 & -8 : offset / 2 & -8
      program.emit(I.typeI(0x07, isDouble ? 3 : 2, register, R.a0, place))
    }
    for _ in 0..<Int.random(in: 20...120, using: &random) {
      let isLater = usesLater && Int.random(in: 0..<3, using: &random) == 0
      program.emit(
        isLater ? RandomLaterFloatingPoint.instruction(&random) : instruction(isTame: isTame, &random))
    }
    program.emit(I.csrr(R.a1, flags))
    program.jump("loop")
    program.align(4)
    program.label("handler")
    program.emit(I.csrr(R.t0, C.mepc), I.addi(R.t0, R.t0, 4), I.csrw(C.mepc, R.t0), I.mret)
    program.pad(to: data - 2048)
    for place in 0..<256 { program.doubleword(value(isDouble: place < 128, isTame: isTame, &random)) }
    return program
  }

  private static let flags = 0x001
  private static let roundingMode = 0x002

  private static func value(isDouble: Bool, isTame: Bool, _ random: inout SeededGenerator) -> UInt64 {
    guard isTame else {
      let double = FloatingPointOperands<Binary64>.random(using: &random)
      return isDouble ? double : UInt64(FloatingPointOperands<Binary32>.random(using: &random))
    }
    // Numbers that do not reach infinity for a while; small whole ones among them.
    let number = Double.random(in: -100...100, using: &random)
    let double = Bool.random(using: &random) ? number : number.rounded()
    return isDouble ? double.bitPattern : UInt64(Float(double).bitPattern)
  }

  /// Doubles in registers whose number is no multiple of 4, singles in the others; where guests are not tame, also the other
  /// way round.
  private static func instruction(isTame: Bool, _ random: inout SeededGenerator) -> UInt32 {
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    let isDouble = number(0...3) != 0
    func register() -> Int {
      let any = number(0...31)
      if !isTame && number(0...15) == 0 { return any }
      return isDouble ? any / 4 * 4 + number(1...3) : any / 4 * 4
    }
    func other() -> Int { isDouble ? number(0...7) * 4 : number(0...7) * 4 + number(1...3) }
    func integer() -> Int { number(11...31) }
    let format: UInt32 = isDouble ? 1 : 0
    let rounding: UInt32 = isTame || number(0...7) != 0 ? (number(0...3) == 0 ? 0 : 7) : UInt32(number(0...7))
    func operation(_ function: UInt32, _ mode: UInt32, _ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 {
      Instruction.typeR(0x53, mode, function << 2 | format, rd, rs1, rs2)
    }
    switch number(0...24) {
    case 0...6: return operation(UInt32(number(0...3)), rounding, register(), register(), register())
    case 7: return operation(0x0b, rounding, register(), register(), 0)
    case 8...12:
      let opcode: UInt32 = [0x43, 0x47, 0x4b, 0x4f][number(0...3)]
      return Instruction.typeR(
        opcode, rounding, UInt32(register()) << 2 | format, register(), register(), register())
    case 13: return operation(0x04, UInt32(number(0...2)), register(), register(), register())
    case 14:
      let source = register()
      return operation(0x04, UInt32(number(0...2)), register(), source, source)
    case 15: return operation(0x05, UInt32(number(0...1)), register(), register(), register())
    case 16: return operation(0x14, UInt32(number(0...2)), integer(), register(), register())
    case 17: return operation(0x08, rounding, register(), other(), isDouble ? 0 : 1)
    case 18:
      let mode: UInt32 = number(0...1) == 0 ? 1 : rounding
      return operation(0x18, mode, integer(), register(), number(0...3))
    case 19: return operation(0x1a, rounding, register(), integer(), number(0...3))
    case 20: return operation(0x1c, UInt32(number(0...1)), integer(), register(), 0)
    case 21:
      // What moves from an integer register is any bits.
      return isTame ? Instruction.csrr(integer(), flags) : operation(0x1e, 0, register(), integer(), 0)
    case 22:
      return Instruction.typeI(
        0x07, isDouble ? 3 : 2, register(), Register.a0,
        isDouble ? -8 * number(129...256) : -8 * number(1...128))
    case 23: return Instruction.typeS(0x27, isDouble ? 3 : 2, Register.a0, register(), 8 * number(0...255))
    default:
      if isTame || number(0...3) != 0 { return Instruction.addi(integer(), integer(), number(-9...9)) }
      return Instruction.typeI(0x73, 5, 0, number(0...5), roundingMode)
    }
  }
}
