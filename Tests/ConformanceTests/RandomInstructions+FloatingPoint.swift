// SPDX-License-Identifier: Apache-2.0

extension RandomInstructions {
  mutating func floatingPoint() -> [UInt16] {
    let hasHalves = extensions.contains(.zfhmin)
    let hasMore = extensions.contains(.zfa)
    if (hasHalves || hasMore) && oneIn(2) {
      return hasMore && (!hasHalves || oneIn(2)) ? additional() : arithmetic(format: 2)
    }
    return arithmetic(format: bits(1))
  }

  /// F, D and Zfh (formats 0 to 2): all operations in all rounding modes, now and then in a reserved one.
  private mutating func arithmetic(format: UInt32) -> [UInt16] {
    let mode = roundingMode()
    let (rd, rs1, rs2) = (bits(5), bits(5), bits(5))
    switch below(16) {
    case 0..<4: return Encode.register(0x53, mode, UInt32(below(4)) << 2 | format, rd, rs1, rs2)
    case 4: return Encode.register(0x53, mode, 0x2c | format, rd, rs1, 0)
    case 5..<8:
      return Encode.register(
        pick([0x43, 0x47, 0x4b, 0x4f]), mode, bits(5) << 2 | format, rd, rs1, rs2)
    case 8: return Encode.register(0x53, UInt32(below(3)), 0x10 | format, rd, rs1, rs2)
    case 9: return Encode.register(0x53, bits(1), 0x14 | format, rd, rs1, rs2)
    case 10: return Encode.register(0x53, UInt32(below(3)), 0x50 | format, destination(), rs1, rs2)
    case 11:
      guard format == 2 else { return Encode.register(0x53, mode, 0x20 | format, rd, rs1, 1 - format) }
      return oneIn(2)
        ? Encode.register(0x53, mode, 0x22, rd, rs1, bits(1))
        : Encode.register(0x53, mode, 0x20 | bits(1), rd, rs1, 2)
    case 12: return Encode.register(0x53, mode, 0x60 | format, destination(), rs1, bits(2))
    case 13: return Encode.register(0x53, mode, 0x68 | format, rd, rs1, bits(2))
    case 14: return Encode.register(0x53, bits(1), 0x70 | format, destination(), rs1, 0)
    default: return Encode.register(0x53, 0, 0x78 | format, rd, rs1, 0)
    }
  }

  /// Zfa, of halves too if there are any.
  private mutating func additional() -> [UInt16] {
    let format = extensions.contains(.zfh) || oneIn(16) ? UInt32(below(3)) : bits(1)
    let mode = roundingMode()
    let (rd, rs1, rs2) = (bits(5), bits(5), bits(5))
    switch below(6) {
    case 0: return Encode.register(0x53, oneIn(16) ? bits(3) : 0, 0x78 | format, rd, rs1, 1)
    case 1: return Encode.register(0x53, 2 + bits(1), 0x14 | format, rd, rs1, rs2)
    case 2: return Encode.register(0x53, mode, 0x20 | format, rd, rs1, 4)
    case 3:
      // QEMU 10.0.13 raises no flag where nothing looks at froundnx's result; a store does.
      return Encode.register(0x53, mode, 0x20 | format, rd, rs1, 5)
        + Encode.store(0x27, 3, Reserved.windowMiddle, rd, windowOffset(size: 8))
    case 4: return Encode.register(0x53, 4 + bits(1), 0x50 | format, destination(), rs1, rs2)
    default: return Encode.register(0x53, oneIn(8) ? mode : 1, 0x61, destination(), rs1, 8)
    }
  }

  private mutating func roundingMode() -> UInt32 { oneIn(24) ? 5 + bits(1) : oneIn(2) ? 7 : UInt32(below(5)) }
}
