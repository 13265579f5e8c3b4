// SPDX-License-Identifier: Apache-2.0

/// Encoders for the instruction formats of RV64 (unprivileged specification, "Base Instruction Formats"), as 16-bit
/// parcels. Immediates are cut to the bits that a format holds.
enum Encode {
  static func word(_ value: UInt32) -> [UInt16] {
    [UInt16(truncatingIfNeeded: value), UInt16(truncatingIfNeeded: value >> 16)]
  }

  static func register(
    _ opcode: UInt32, _ funct3: UInt32, _ funct7: UInt32, _ rd: UInt32, _ rs1: UInt32, _ rs2: UInt32
  ) -> [UInt16] {
    word(opcode | rd << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | funct7 << 25)
  }

  static func immediate(_ opcode: UInt32, _ funct3: UInt32, _ rd: UInt32, _ rs1: UInt32, _ value: Int)
    -> [UInt16]
  {
    word(opcode | rd << 7 | funct3 << 12 | rs1 << 15 | bits(value, 11, 0) << 20)
  }

  static func store(_ opcode: UInt32, _ funct3: UInt32, _ rs1: UInt32, _ rs2: UInt32, _ value: Int)
    -> [UInt16]
  {
    word(
      opcode | bits(value, 4, 0) << 7 | funct3 << 12 | rs1 << 15 | rs2 << 20 | bits(value, 11, 5) << 25)
  }

  static func branch(_ funct3: UInt32, _ rs1: UInt32, _ rs2: UInt32, _ offset: Int) -> [UInt16] {
    word(
      0x63 | bits(offset, 11, 11) << 7 | bits(offset, 4, 1) << 8 | funct3 << 12 | rs1 << 15 | rs2 << 20
        | bits(offset, 10, 5) << 25 | bits(offset, 12, 12) << 31)
  }

  static func upper(_ opcode: UInt32, _ rd: UInt32, _ value: UInt32) -> [UInt16] {
    word(opcode | rd << 7 | value << 12)
  }

  static func jump(_ rd: UInt32, _ offset: Int) -> [UInt16] {
    word(
      0x6f | rd << 7 | bits(offset, 19, 12) << 12 | bits(offset, 11, 11) << 20 | bits(offset, 10, 1) << 21
        | bits(offset, 20, 20) << 31)
  }

  /// A 32-bit address without sign extension, always four instructions.
  static func loadAddress(_ rd: UInt32, _ address: UInt64) -> [UInt16] {
    let low = (Int(address & 0xfff) << 52) >> 52
    let high = UInt32(truncatingIfNeeded: (Int(address) - low) >> 12) & 0xfffff
    return upper(0x37, rd, high) + immediate(0x1b, 0, rd, rd, low) + immediate(0x13, 1, rd, rd, 32)
      + immediate(0x13, 5, rd, rd, 32)
  }

  // MARK: Compressed

  /// `funct3` and the low two bits around eleven bits of operands.
  static func compressed(_ quadrant: UInt32, _ funct3: UInt32, _ operands: UInt32) -> [UInt16] {
    [UInt16(truncatingIfNeeded: quadrant | operands | funct3 << 13)]
  }

  static func compressedBranch(ifZero: Bool, _ register: UInt32, _ offset: Int) -> [UInt16] {
    compressed(
      1, ifZero ? 6 : 7,
      (register - 8) << 7 | bits(offset, 5, 5) << 2 | bits(offset, 2, 1) << 3 | bits(offset, 7, 6) << 5
        | bits(offset, 4, 3) << 10 | bits(offset, 8, 8) << 12)
  }

  static func compressedJump(_ offset: Int) -> [UInt16] {
    compressed(
      1, 5,
      bits(offset, 5, 5) << 2 | bits(offset, 3, 1) << 3 | bits(offset, 7, 7) << 6 | bits(offset, 6, 6) << 7
        | bits(offset, 10, 10) << 8 | bits(offset, 9, 8) << 9 | bits(offset, 4, 4) << 11
        | bits(offset, 11, 11) << 12)
  }

  private static func bits(_ value: Int, _ high: Int, _ low: Int) -> UInt32 {
    UInt32(truncatingIfNeeded: value >> low) & ((1 << UInt32(high - low + 1)) - 1)
  }
}
