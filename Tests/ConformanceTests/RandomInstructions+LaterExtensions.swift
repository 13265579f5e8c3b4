// SPDX-License-Identifier: Apache-2.0

import Emulator

/// What came after RV64GC and is not floating point. Now and then something that the model lacks, and must refuse.
extension RandomInstructions {
  private enum Later: CaseIterable {
    case carryless, conditional, smallCompressed, mayBe, compressedMayBe
    case compareAndSwap, smallAtomic, cacheBlock, prefetch, wait, invalidation, environment

    var extensions: ProcessorExtensions {
      switch self {
      case .carryless: .zbc
      case .conditional: .zicond
      case .smallCompressed: .zcb
      case .mayBe: .zimop
      case .compressedMayBe: .zcmop
      case .compareAndSwap: .zacas
      case .smallAtomic: .zabha
      case .cacheBlock: .zicbom
      case .prefetch: .zicbop
      case .wait: .zawrs
      case .invalidation: .svinval
      case .environment: []
      }
    }
  }

  mutating func laterExtension() -> [UInt16] {
    var kind = pick(Later.allCases)
    while !extensions.isSuperset(of: kind.extensions) && !oneIn(8) { kind = pick(Later.allCases) }
    let (rd, rs1, rs2) = (destination(), source(), source())
    switch kind {
    case .carryless: return Encode.register(0x33, 1 + UInt32(below(3)), 0x05, rd, rs1, rs2)
    case .conditional: return Encode.register(0x33, pick([5, 7]), 0x07, rd, rs1, rs2)
    case .smallCompressed: return smallCompressed()
    case .mayBe:
      // mop.r.N and mop.rr.N, and what else stands in their function.
      let number = oneIn(8) ? bits(7) : 0x40 | bits(1) | bits(6) & 0x26
      return Encode.register(0x73, 4, number, rd, rs1, number & 1 != 0 ? rs2 : 0x1c | bits(2))
    case .compressedMayBe: return Encode.compressed(1, 3, (1 | bits(3) << 1) << 7)
    case .compareAndSwap: return compareAndSwap()
    case .smallAtomic: return smallAtomic()
    case .cacheBlock: return cacheBlock()
    case .prefetch: return Encode.immediate(0x13, 6, 0, rs1, Int(bits(7)) << 5 | pick([0, 1, 3]))
    case .wait: return Encode.word(pick([0x00d0_0073, 0x01d0_0073, 0x0100_000f]))
    case .invalidation:
      // QEMU 10 lets U mode have the fences: docs/guest-machine.md.
      if mode == .user || oneIn(2) { return Encode.register(0x73, 0, 0x0b, 0, rs1, rs2) }
      return Encode.word(pick([0x1800_0073, 0x1810_0073]))
    case .environment:
      // senvcfg; low bits of menvcfg, for QEMU 10 keeps CDE where nothing uses it.
      return mode == .machine && oneIn(2)
        ? Encode.immediate(0x73, 5 + UInt32(below(3)), rd, bits(5), 0x30a)
        : Encode.immediate(0x73, pick([1, 2, 3, 5, 6, 7]), rd, rs1, 0x10a)
    }
  }

  /// Zcb. Loads and stores go through s0, which stands in the window.
  private mutating func smallCompressed() -> [UInt16] {
    let low = compressedDestination() - 8
    switch below(8) {
    case 0..<2: return Encode.compressed(0, 4, UInt32(below(2)) << 10 | low << 2 | bits(2) << 5)
    case 2..<4: return Encode.compressed(0, 4, UInt32(2 + below(2)) << 10 | bits(3) << 2 | bits(2) << 5)
    case 4: return Encode.compressed(1, 4, 7 << 10 | low << 7 | 2 << 5 | (compressedSource() - 8) << 2)
    default: return Encode.compressed(1, 4, 7 << 10 | low << 7 | 3 << 5 | UInt32(below(8)) << 2)
    }
  }

  /// A register that points into the window, at a multiple of `size` or, now and then, beside it.
  private mutating func pointer(to size: Int, from first: Int = 0) -> (UInt32, [UInt16]) {
    let address = namedDestination()
    let room = Self.windowSize - 16
    let offset = (below(room) - Self.windowSize / 2) & -size
    let point = Encode.immediate(
      0x13, 0, address, Reserved.windowMiddle,
      size > 1 && oneIn(12) ? offset + 1 + below(size - 1) : offset)
    return (address, point)
  }

  // amocas never names x0 here: on QEMU 10.0.13 x0 then holds what was found, up to the end of the translated block.

  /// amocas.w, .d, .q: mostly of what stands there, loaded just before.
  private mutating func compareAndSwap() -> [UInt16] {
    let funct3 = 2 + UInt32(below(3))
    var rd = namedDestination()
    if funct3 == 4 {
      // A pair; now and then one that begins with an odd register and is illegal.
      while !oneIn(8) && (rd & 1 != 0 || Reserved.all.contains(rd + 1)) { rd = namedDestination() }
      if rd & 1 == 0 && Reserved.all.contains(rd + 1) { rd = 6 }
    }
    let size = 1 << Int(funct3)
    var (address, code) = pointer(to: size)
    // What is loaded must leave the address alone.
    let pairs = funct3 == 4 ? [rd, rd + 1] : [rd]
    if !oneIn(3) && (funct3 != 4 || rd & 1 == 0) && !pairs.contains(address) {
      code += Encode.immediate(0x03, funct3 == 2 ? 2 : 3, rd, address, 0)
      if funct3 == 4 { code += Encode.immediate(0x03, 3, rd + 1, address, 8) }
    }
    return code + Encode.register(0x2f, funct3, 0x05 << 2 | bits(2), rd, address, source())
  }

  /// Zabha, with amocas.b and .h, which are Zacas's too, among them.
  private mutating func smallAtomic() -> [UInt16] {
    let funct3 = bits(1)
    let operation = pick(
      [0x00, 0x01, 0x02, 0x04, 0x05, 0x05, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c] as [UInt32])
    var (address, code) = pointer(to: 1 << Int(funct3))
    let rd = operation == 0x05 ? namedDestination() : destination()
    if operation == 0x05 && rd != address && !oneIn(3) {
      code += Encode.immediate(0x03, funct3, rd, address, 0)
    }
    return code + Encode.register(0x2f, funct3, operation << 2 | bits(2), rd, address, source())
  }

  /// cbo.inval, .clean, .flush and .zero anywhere in a block, and numbers that mean nothing.
  private mutating func cacheBlock() -> [UInt16] {
    let (address, code) = pointer(to: 1)
    let number = oneIn(12) ? Int(bits(12)) : pick([0, 1, 2, 4, 4])
    return code + Encode.immediate(0x0f, 2, oneIn(16) ? destination() : 0, address, number)
  }
}
