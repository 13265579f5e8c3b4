// SPDX-License-Identifier: Apache-2.0

extension RandomInstructions {
  /// The C extension without jumps (unprivileged specification, "RVC Instruction Set Listings").
  mutating func compressed() -> [UInt16] {
    let immediate = bits(6)
    let split = (immediate & 0x1f) << 2 | (immediate >> 5) << 12
    let low = compressedDestination() - 8
    switch below(16) {
    case 0: return Encode.compressed(1, 0, destination() << 7 | split)  // c.addi, c.nop
    case 1: return Encode.compressed(1, 1, namedDestination() << 7 | split)  // c.addiw
    case 2: return Encode.compressed(1, 2, destination() << 7 | split)  // c.li
    case 3:  // c.lui
      return Encode.compressed(1, 3, destination() << 7 | (immediate == 0 ? 1 << 2 : split))
    case 4:  // c.srli c.srai c.andi
      return Encode.compressed(1, 4, low << 7 | UInt32(below(3)) << 10 | split)
    case 5, 6:  // c.sub c.xor c.or c.and c.subw c.addw, and two reserved
      let kind = bits(2) << 5 | (oneIn(3) ? 1 << 12 : 0)
      return shared(
        Encode.compressed(1, 4, low << 7 | 3 << 10 | kind | (compressedSource() - 8) << 2))
    case 7: return Encode.compressed(2, 0, destination() << 7 | split)  // c.slli
    case 8, 9:  // c.mv c.add
      return Encode.compressed(2, 4, bits(1) << 12 | namedDestination() << 7 | max(1, source()) << 2)
    case 10:  // c.addi4spn; all zero is the illegal instruction
      return Encode.compressed(0, 0, low << 2 | bits(8) << 5)
    case 11:  // c.fld c.lw c.ld, from s0
      let kind = pick([1, 2, 3] as [UInt32])
      let target = kind == 1 ? bits(3) : low
      return Encode.compressed(0, kind, target << 2 | bits(2) << 5 | bits(3) << 10)
    case 12:  // c.fsd c.sw c.sd, to s0
      return Encode.compressed(0, pick([5, 6, 7]), bits(3) << 2 | bits(2) << 5 | bits(3) << 10)
    case 13:  // c.fldsp c.lwsp c.ldsp
      let kind = pick([1, 2, 3] as [UInt32])
      return Encode.compressed(2, kind, (kind == 1 ? bits(5) : namedDestination()) << 7 | split)
    case 14:  // c.fsdsp c.swsp c.sdsp
      return Encode.compressed(2, pick([5, 6, 7]), source() << 2 | bits(6) << 7)
    default:
      if oneIn(6) { return Encode.compressed(2, 4, 1 << 12) }  // c.ebreak
      // Reserved, or with Zcb loads and stores, which go through s0 then and leave it alone.
      let operands = bits(11) << 2
      return shared(Encode.compressed(0, 4, extensions.contains(.zcb) ? operands & ~0x380 | 4 : operands))
    }
  }
}
