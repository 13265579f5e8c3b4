// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Random instructions of Zfhmin, Zfh and Zfa, for engines to agree on. Halves stand in f28 to f31, now and then elsewhere;
/// memory is used around a0, integer registers from x11 on.
enum RandomLaterFloatingPoint {
  static func instruction(_ random: inout SeededGenerator) -> UInt32 {
    func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
    func any() -> Int { number(0...31) }
    func half() -> Int { number(0...15) == 0 ? any() : number(28...31) }
    func integer() -> Int { number(11...31) }
    let rounding: UInt32 = number(0...1) == 0 ? 7 : UInt32(number(0...(number(0...15) == 0 ? 7 : 4)))
    func operation(_ function: UInt32, _ format: UInt32, _ mode: UInt32, _ rd: Int, _ rs1: Int, _ rs2: Int)
      -> UInt32
    {
      Instruction.typeR(0x53, mode, function << 2 | format, rd, rs1, rs2)
    }
    let format = UInt32(number(0...2))
    func register() -> Int { format == 2 ? half() : any() }
    switch number(0...22) {
    case 0, 1: return operation(UInt32(number(0...3)), 2, rounding, half(), half(), half())
    case 2: return operation(0x0b, 2, rounding, half(), half(), 0)
    case 3:
      let opcode: UInt32 = [0x43, 0x47, 0x4b, 0x4f][number(0...3)]
      return Instruction.typeR(opcode, rounding, UInt32(half()) << 2 | 2, half(), half(), half())
    case 4: return operation(0x04, 2, UInt32(number(0...2)), half(), half(), half())
    case 5: return operation(0x05, 2, UInt32(number(0...1)), half(), half(), half())
    case 6: return operation(0x14, 2, UInt32(number(0...2)), integer(), half(), half())
    case 7: return operation(0x08, 2, rounding, half(), any(), number(0...1))
    case 8: return operation(0x08, UInt32(number(0...1)), rounding, any(), half(), 2)
    case 9: return operation(0x18, 2, rounding, integer(), half(), number(0...3))
    case 10: return operation(0x1a, 2, rounding, half(), integer(), number(0...3))
    case 11:
      return operation(0x1c, 2, UInt32(number(0...1)), integer(), number(0...3) == 0 ? any() : half(), 0)
    case 12, 13: return operation(0x1e, 2, 0, half(), integer(), 0)
    case 14, 15: return Instruction.typeI(0x07, 1, half(), Register.a0, -2 * number(1...1024))
    case 16: return Instruction.typeS(0x27, 1, Register.a0, any(), number(0...2047))
    case 17, 18: return operation(0x1e, format, 0, register(), any(), 1)
    case 19: return operation(0x05, format, UInt32(number(2...3)), register(), register(), register())
    case 20: return operation(0x08, format, rounding, register(), register(), number(4...5))
    case 21: return operation(0x14, format, UInt32(number(4...5)), integer(), register(), register())
    default: return operation(0x18, 1, number(0...7) == 0 ? 7 : 1, integer(), any(), 8)
    }
  }
}
