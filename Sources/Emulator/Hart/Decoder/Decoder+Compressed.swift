// SPDX-License-Identifier: Apache-2.0

/// The C extension: each compressed instruction abbreviates one of 32 bits.
///
/// Reference: volume I, chapter "C Extension for Compressed Instructions", section "RVC Instruction Set Listings".
extension Decoder {
  /// The instruction that `half` abbreviates, or nil when it is illegal or reserved. Hints become what they abbreviate,
  /// which does nothing.
  package func expand(_ half: UInt16) -> UInt32? {
    let word = UInt32(half)
    switch (word & 3, word >> 13) {
    case (0, let function): return expandQuadrant0(word, function)
    case (1, let function): return expandQuadrant1(word, function)
    case (2, let function): return expandQuadrant2(word, function)
    default: return nil
    }
  }

  private func expandQuadrant0(_ word: UInt32, _ function: UInt32) -> UInt32? {
    // Registers of three bits name x8 to x15.
    let short = 8 + (word >> 2 & 7)
    let base = 8 + (word >> 7 & 7)
    let offsetWord = word >> 7 & 0x38 | word >> 4 & 0x4 | word << 1 & 0x40
    let offsetDoubleword = word >> 7 & 0x38 | word << 1 & 0xc0
    switch function {
    case 0:
      let amount = word >> 7 & 0x30 | word >> 1 & 0x3c0 | word >> 4 & 0x4 | word >> 2 & 0x8
      guard amount != 0 else { return nil }
      return Self.typeI(0x13, 0, short, 2, amount)
    case 1: return Self.typeI(0x07, 3, short, base, offsetDoubleword)
    case 2: return Self.typeI(0x03, 2, short, base, offsetWord)
    case 3: return Self.typeI(0x03, 3, short, base, offsetDoubleword)
    case 4: return expandSmallAccess(word)
    case 5: return Self.typeS(0x27, 3, base, short, offsetDoubleword)
    case 6: return Self.typeS(0x23, 2, base, short, offsetWord)
    case 7: return Self.typeS(0x23, 3, base, short, offsetDoubleword)
    default: return nil
    }
  }

  private func expandQuadrant1(_ word: UInt32, _ function: UInt32) -> UInt32? {
    let register = word >> 7 & 31
    let short = 8 + (word >> 7 & 7)
    // Six bits, signed: bit 12, then bits 6 to 2.
    let signed = UInt32(bitPattern: Int32(bitPattern: word << 19 & 0x8000_0000) >> 26) | word >> 2 & 31
    switch function {
    case 0: return Self.typeI(0x13, 0, register, register, signed)
    case 1: return register == 0 ? nil : Self.typeI(0x1b, 0, register, register, signed)
    case 2: return Self.typeI(0x13, 0, register, 0, signed)
    case 3:
      if register == 2 {
        let high = UInt32(bitPattern: Int32(bitPattern: word << 19 & 0x8000_0000) >> 22)
        let amount = high | word >> 2 & 0x10 | word << 1 & 0x40 | word << 4 & 0x180 | word << 3 & 0x20
        return amount == 0 ? nil : Self.typeI(0x13, 0, 2, 2, amount)
      }
      if signed != 0 { return signed << 12 | register << 7 | 0x37 }
      // Zcmop: each may come to mean something, and does nothing until then.
      return register & 0x11 == 1 && extensions.contains(.zcmop) ? 0x13 : nil
    case 4: return expandArithmetic(word, short, signed)
    case 5: return Self.jump(offset: Self.jumpOffset(word))
    case 6: return Self.branch(0, short, Self.branchOffset(word))
    default: return Self.branch(1, short, Self.branchOffset(word))
    }
  }

  private func expandArithmetic(_ word: UInt32, _ short: UInt32, _ signed: UInt32) -> UInt32? {
    let amount = signed & 63
    switch word >> 10 & 3 {
    case 0: return Self.typeI(0x13, 5, short, short, amount)
    case 1: return Self.typeI(0x13, 5, short, short, amount | 0x400)
    case 2: return Self.typeI(0x13, 7, short, short, signed)
    default:
      let second = 8 + (word >> 2 & 7)
      switch (word >> 12 & 1, word >> 5 & 3) {
      case (0, 0): return Self.typeR(0x33, 0, 0x20, short, short, second)
      case (0, 1): return Self.typeR(0x33, 4, 0, short, short, second)
      case (0, 2): return Self.typeR(0x33, 6, 0, short, short, second)
      case (0, 3): return Self.typeR(0x33, 7, 0, short, short, second)
      case (1, 0): return Self.typeR(0x3b, 0, 0x20, short, short, second)
      case (1, 1): return Self.typeR(0x3b, 0, 0, short, short, second)
      default: return expandSmallArithmetic(word, short)
      }
    }
  }

  private func expandQuadrant2(_ word: UInt32, _ function: UInt32) -> UInt32? {
    let register = word >> 7 & 31
    let second = word >> 2 & 31
    let loadDoubleword = word >> 7 & 0x20 | word >> 2 & 0x18 | word << 4 & 0x1c0
    let loadWord = word >> 7 & 0x20 | word >> 2 & 0x1c | word << 4 & 0xc0
    let storeDoubleword = word >> 7 & 0x38 | word >> 1 & 0x1c0
    let storeWord = word >> 7 & 0x3c | word >> 1 & 0xc0
    switch function {
    case 0: return Self.typeI(0x13, 1, register, register, word >> 7 & 0x20 | second)
    case 1: return Self.typeI(0x07, 3, register, 2, loadDoubleword)
    case 2: return register == 0 ? nil : Self.typeI(0x03, 2, register, 2, loadWord)
    case 3: return register == 0 ? nil : Self.typeI(0x03, 3, register, 2, loadDoubleword)
    case 4:
      switch (word >> 12 & 1, register, second) {
      case (0, 0, 0): return nil
      case (0, _, 0): return Self.typeI(0x67, 0, 0, register, 0)
      case (0, _, _): return Self.typeR(0x33, 0, 0, register, 0, second)
      case (_, 0, 0): return 0x0010_0073
      case (_, _, 0): return Self.typeI(0x67, 0, 1, register, 0)
      default: return Self.typeR(0x33, 0, 0, register, register, second)
      }
    case 5: return Self.typeS(0x27, 3, 2, second, storeDoubleword)
    case 6: return Self.typeS(0x23, 2, 2, second, storeWord)
    default: return Self.typeS(0x23, 3, 2, second, storeDoubleword)
    }
  }

  // MARK: Offsets

  private static func jumpOffset(_ word: UInt32) -> UInt32 {
    let sign = UInt32(bitPattern: Int32(bitPattern: word << 19 & 0x8000_0000) >> 20)
    let high = word >> 1 & 0x300 | word << 2 & 0x400 | word << 1 & 0x80
    return sign | high | word >> 7 & 0x10 | word >> 2 & 0xe | word >> 1 & 0x40 | word << 3 & 0x20
  }

  private static func branchOffset(_ word: UInt32) -> UInt32 {
    let sign = UInt32(bitPattern: Int32(bitPattern: word << 19 & 0x8000_0000) >> 23)
    return sign | word >> 7 & 0x18 | word << 1 & 0xc0 | word >> 2 & 0x6 | word << 3 & 0x20
  }

  // MARK: Instruction formats (volume I, section 2.2)

  static func typeI(
    _ opcode: UInt32, _ function: UInt32, _ destination: UInt32, _ source: UInt32, _ immediate: UInt32
  ) -> UInt32 {
    immediate << 20 | source << 15 | function << 12 | destination << 7 | opcode
  }

  static func typeS(
    _ opcode: UInt32, _ function: UInt32, _ base: UInt32, _ source: UInt32, _ immediate: UInt32
  ) -> UInt32 {
    (immediate & ~31) << 20 | source << 20 | base << 15 | function << 12 | (immediate & 31) << 7 | opcode
  }

  static func typeR(
    _ opcode: UInt32, _ function3: UInt32, _ function7: UInt32, _ destination: UInt32, _ source1: UInt32,
    _ source2: UInt32
  ) -> UInt32 {
    function7 << 25 | source2 << 20 | source1 << 15 | function3 << 12 | destination << 7 | opcode
  }

  private static func jump(offset: UInt32) -> UInt32 {
    (offset & 0x10_0000) << 11 | (offset & 0x7fe) << 20 | (offset & 0x800) << 9 | offset & 0xff000 | 0x6f
  }

  private static func branch(_ function: UInt32, _ source: UInt32, _ offset: UInt32) -> UInt32 {
    (offset & 0x1000) << 19 | (offset & 0x7e0) << 20 | source << 15 | function << 12
      | (offset & 0x1e) << 7 | (offset & 0x800) >> 4 | 0x63
  }
}
