// SPDX-License-Identifier: Apache-2.0

/// The operations on blocks of a cache, by the number in their word (volume I, chapter on CMO).
enum CacheBlockOperation: Int32 {
  case inval = 0
  case clean = 1
  case flush = 2
  case zero = 4
}

/// Extensions that came after RV64GC and are not arithmetic.
extension Decoder {
  func decodeCacheBlock(_ word: UInt32) -> DecodedInstruction {
    guard word >> 7 & 31 == 0, let operation = CacheBlockOperation(rawValue: Int32(word >> 20)),
      extensions.contains(operation == .zero ? .zicboz : .zicbom)
    else { return illegal(word) }
    return make(.cacheBlock, word, immediate: operation.rawValue)
  }

  /// Zawrs and Svinval.
  func decodeLaterSystem(_ word: UInt32) -> DecodedInstruction {
    switch word {
    case 0x00d0_0073 where extensions.contains(.zawrs): return make(.wrsNto, word, immediate: 0)
    case 0x01d0_0073 where extensions.contains(.zawrs): return make(.wrsSto, word, immediate: 0)
    // sfence.w.inval and sfence.inval.ir, then sinval.vma
    case 0x1800_0073 where extensions.contains(.svinval), 0x1810_0073 where extensions.contains(.svinval):
      return make(.svinval, word, immediate: 0)
    case _ where word & 0xfe00_7fff == 0x1600_0073 && extensions.contains(.svinval):
      return make(.svinval, word, immediate: 1)
    default: return illegal(word)
    }
  }

  /// Zimop: operations that may come to mean something, and write zero until then.
  func decodeMayBeOperation(_ word: UInt32) -> DecodedInstruction {
    let isOne = word & 0xb3c0_707f == 0x81c0_4073 || word & 0xb200_707f == 0x8200_4073
    return isOne && extensions.contains(.zimop) ? integer(.mop, word) : illegal(word)
  }

  /// Is it an instruction of Zacas or Zabha?
  func isLaterAtomic(_ word: UInt32) -> Bool {
    let size = word >> 12 & 7
    if word >> 27 == 0x05 {
      guard extensions.contains(size < 2 ? [.zacas, .zabha] : .zacas) else { return false }
      // Pairs of registers begin with an even one.
      return size < 4 || (size == 4 && word & 0x0010_0080 == 0)
    }
    guard size < 2, extensions.contains(.zabha) else { return false }
    switch word >> 27 {
    case 0x00, 0x01, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c: return true
    default: return false
    }
  }

  // MARK: Zcb

  /// Loads and stores of bytes and halfwords.
  func expandSmallAccess(_ word: UInt32) -> UInt32? {
    guard extensions.contains(.zcb) else { return nil }
    let short = 8 + (word >> 2 & 7)
    let base = 8 + (word >> 7 & 7)
    let byteOffset = word >> 6 & 1 | word >> 4 & 2
    let halfOffset = word >> 4 & 2
    switch (word >> 10 & 7, word >> 6 & 1) {
    case (0, _): return Self.typeI(0x03, 4, short, base, byteOffset)
    case (1, 0): return Self.typeI(0x03, 5, short, base, halfOffset)
    case (1, _): return Self.typeI(0x03, 1, short, base, halfOffset)
    case (2, _): return Self.typeS(0x23, 0, base, short, byteOffset)
    case (3, 0): return Self.typeS(0x23, 1, base, short, halfOffset)
    default: return nil
    }
  }

  /// The product and the extensions of one register.
  func expandSmallArithmetic(_ word: UInt32, _ short: UInt32) -> UInt32? {
    guard extensions.contains(.zcb) else { return nil }
    if word >> 5 & 3 == 2 { return Self.typeR(0x33, 0, 1, short, short, 8 + (word >> 2 & 7)) }
    switch word >> 2 & 7 {
    case 0: return Self.typeI(0x13, 7, short, short, 0xff)
    case 1: return Self.typeI(0x13, 1, short, short, 0x604)
    case 2: return Self.typeR(0x3b, 4, 4, short, short, 0)
    case 3: return Self.typeI(0x13, 1, short, short, 0x605)
    case 4: return Self.typeR(0x3b, 0, 4, short, short, 0)
    case 5: return Self.typeI(0x13, 4, short, short, 0xfff)
    default: return nil
    }
  }
}
