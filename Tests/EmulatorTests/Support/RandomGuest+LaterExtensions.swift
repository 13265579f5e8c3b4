// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// What came after RV64GC. A hart that has it not must refuse it.
extension RandomGuest {
  private static let words: [UInt32] = [
    0x00d0_0073, 0x01d0_0073, 0x0100_000f,  // wrs.nto wrs.sto pause
    0x1800_0073, 0x1810_0073, 0x160a_8073,  // sfence.w.inval sfence.inval.ir sinval.vma
  ]
  private static let atomics: [UInt32] = [0x14, 0x14, 0, 4, 0x10, 0x20, 0x30, 0x40, 0x50, 0x60, 0x70]
  private static let blocks = [0, 1, 2, 4]

  static func laterInstruction(
    _ destination: Int, _ pointer: Int, hasWideAccesses: Bool, _ random: inout SeededGenerator
  ) -> UInt32 {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    let (first, second) = (number(0..<32), number(0..<32))
    switch number(0..<16) {
    case 0..<3:  // Zbc
      return Instruction.typeR(0x33, UInt32(number(1..<4)), 5, destination, first, second)
    case 3..<5:  // Zicond
      return Instruction.typeR(0x33, number(0..<2) == 0 ? 5 : 7, 7, destination, first, second)
    case 5:  // Zimop
      return Instruction.typeR(
        0x73, 4, 0x40 | UInt32(number(0..<64)) & 0x27, destination, first, 0x1c | number(0..<4))
    case 6..<11:  // Zacas and Zabha
      let size = number(0..<5)
      return Instruction.typeR(
        0x2f, UInt32(hasWideAccesses ? size : min(size, 3)),
        atomics[number(0..<atomics.count)] | UInt32(number(0..<4)),
        destination, pointer, second)
    case 11, 12:  // Zicbom and Zicboz
      let operation = blocks[number(0..<4)]
      return Instruction.typeI(0x0f, 2, 0, pointer, hasWideAccesses ? operation : min(operation, 2))
    case 13:  // Zcb, through s1 to a5, and a nop
      return 0x0001_0000 | UInt32(number(0..<8)) << 7 | UInt32(number(0..<32)) << 2
        | (number(0..<2) == 0 ? 0x8000 | UInt32(number(0..<4)) << 10 : 0x9c41)
    case 14:  // Zfhmin
      return number(0..<2) == 0
        ? Instruction.typeI(0x07, 1, number(0..<32), pointer, number(-8..<8))
        : Instruction.typeS(0x27, 1, pointer, number(0..<32), number(-8..<8))
    default: return words[number(0..<words.count)]
    }
  }
}
