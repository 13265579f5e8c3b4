extension RandomInstructions {
  /// F and D: all operations in all rounding modes, now and then in a reserved one.
  mutating func floatingPoint() -> [UInt16] {
    let format = bits(1)
    let mode = oneIn(24) ? 5 + bits(1) : oneIn(2) ? 7 : UInt32(below(5))
    let (rd, rs1, rs2) = (bits(5), bits(5), bits(5))
    switch below(16) {
    case 0..<4: return Encode.register(0x53, mode, UInt32(below(4)) << 2 | format, rd, rs1, rs2)
    case 4: return Encode.register(0x53, mode, 0x2c | format, rd, rs1, 0)
    case 5..<8:
      return Encode.register(pick([0x43, 0x47, 0x4b, 0x4f]), mode, bits(5) << 2 | format, rd, rs1, rs2)
    case 8: return Encode.register(0x53, UInt32(below(3)), 0x10 | format, rd, rs1, rs2)
    case 9: return Encode.register(0x53, bits(1), 0x14 | format, rd, rs1, rs2)
    case 10: return Encode.register(0x53, UInt32(below(3)), 0x50 | format, destination(), rs1, rs2)
    case 11: return Encode.register(0x53, mode, 0x20 | format, rd, rs1, 1 - format)
    case 12: return Encode.register(0x53, mode, 0x60 | format, destination(), rs1, bits(2))
    case 13: return Encode.register(0x53, mode, 0x68 | format, rd, rs1, bits(2))
    case 14: return Encode.register(0x53, bits(1), 0x70 | format, destination(), rs1, 0)
    default: return Encode.register(0x53, 0, 0x78 | format, rd, rs1, 0)
    }
  }
}
