// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// The general-purpose registers of x86-64, with their numbers.
  enum HostRegister: UInt8 {
    case rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, r15
  }

  /// Where an operand is: in a register, or in memory at a distance from `rbp`.
  enum HostOperand: Equatable {
    case register(HostRegister)
    case memory(Int32)
  }

  /// Conditions of `jcc`, `setcc` and `cmovcc`, with their numbers.
  enum Condition: UInt8 {
    case overflow = 0
    case below = 2
    case aboveOrEqual = 3
    case equal = 4
    case notEqual = 5
    case belowOrEqual = 6
    case above = 7
    case negative = 8
    case parity = 10
    case less = 12
    case greaterOrEqual = 13
    case greater = 15
  }

  /// Two-operand arithmetic: the number is the operation's place in the instruction set's old pattern.
  enum Arithmetic: UInt8 {
    case add = 0
    case or = 1
    case and = 4
    case sub = 5
    case xor = 6
    case cmp = 7
  }

  enum Shift: UInt8 {
    case rotateLeft = 0
    case rotateRight = 1
    case left = 4
    case right = 5
    case arithmeticRight = 7
  }

  /// Writes x86-64 machine code (Intel 64 and IA-32 manual, volume 2) to memory. No instruction is longer than
  /// `instructionByteLimit`; the caller sees to it that there is room.
  struct Assembler {
    static let instructionByteLimit = 15

    private(set) var cursor: UnsafeMutablePointer<UInt8>

    init(at cursor: UnsafeMutablePointer<UInt8>) { self.cursor = cursor }

    var address: UInt { UInt(bitPattern: cursor) }

    // MARK: Bytes

    mutating func byte(_ value: UInt8) {
      cursor.pointee = value
      cursor += 1
    }

    mutating func int32(_ value: Int32) {
      UnsafeMutableRawPointer(cursor).storeBytes(of: value.littleEndian, as: Int32.self)
      cursor += 4
    }

    mutating func int64(_ value: UInt64) {
      UnsafeMutableRawPointer(cursor).storeBytes(of: value.littleEndian, as: UInt64.self)
      cursor += 8
    }

    /// Opcodes of two bytes are written 0x0fNN; a mandatory prefix goes in bits 16 to 23.
    private mutating func opcode(_ code: UInt32, rex: UInt8, needsRex: Bool) {
      if code >> 16 != 0 { byte(UInt8(truncatingIfNeeded: code >> 16)) }
      if rex != 0 || needsRex { byte(0x40 | rex) }
      if code >> 8 & 0xff != 0 { byte(0x0f) }
      byte(UInt8(truncatingIfNeeded: code))
    }

    /// An instruction with a ModRM byte. `isByte`: byte registers are used, of which some exist with a REX prefix only.
    mutating func instruction(
      _ code: UInt32, _ reg: UInt8, _ operand: HostOperand, wide: Bool, isByte: Bool = false
    ) {
      let w: UInt8 = wide ? 8 : 0
      switch operand {
      case .register(let register):
        let rm = register.rawValue
        opcode(
          code, rex: w | (reg & 8) >> 1 | rm >> 3, needsRex: isByte && (reg & 7 >= 4 || rm & 7 >= 4))
        byte(0xc0 | (reg & 7) << 3 | rm & 7)
      case .memory(let displacement):
        memory(
          code, reg, base: .rbp, displacement: displacement, wide: wide, isByte: isByte)
      }
    }

    /// An instruction with an operand in memory at `base` + `displacement`.
    mutating func memory(
      _ code: UInt32, _ reg: UInt8, base: HostRegister, displacement: Int32, wide: Bool,
      isByte: Bool = false
    ) {
      let rm = base.rawValue
      opcode(
        code, rex: (wide ? 8 : 0) | (reg & 8) >> 1 | rm >> 3, needsRex: isByte && reg & 7 >= 4)
      let isShort = displacement >= -128 && displacement < 128
      byte((isShort ? 0x40 : 0x80) | (reg & 7) << 3 | rm & 7)
      if rm & 7 == 4 { byte(0x24) }  // rsp and r12 as a base need an index byte that says "none"
      if isShort {
        byte(UInt8(bitPattern: Int8(displacement)))
      } else {
        int32(displacement)
      }
    }

    /// The same at `base` + `index` + `displacement`. The index is not rsp, which is none.
    mutating func memory(
      _ code: UInt32, _ reg: UInt8, base: HostRegister, index: HostRegister, displacement: Int32, wide: Bool,
      isByte: Bool = false
    ) {
      opcode(
        code, rex: (wide ? 8 : 0) | (reg & 8) >> 1 | (index.rawValue & 8) >> 2 | base.rawValue >> 3,
        needsRex: isByte && reg & 7 >= 4)
      let isShort = displacement >= -128 && displacement < 128
      byte((isShort ? 0x44 : 0x84) | (reg & 7) << 3)
      byte((index.rawValue & 7) << 3 | base.rawValue & 7)
      if isShort {
        byte(UInt8(bitPattern: Int8(displacement)))
      } else {
        int32(displacement)
      }
    }

    /// The same at an address within 2 GiB of the code. `tail`: bytes of an immediate that the caller writes behind it.
    mutating func memory(
      _ code: UInt32, _ reg: UInt8, at address: UInt, tail: Int = 0, wide: Bool
    ) {
      opcode(code, rex: (wide ? 8 : 0) | (reg & 8) >> 1, needsRex: false)
      byte(0x05 | (reg & 7) << 3)
      int32(Int32(Int(bitPattern: address) - (Int(bitPattern: cursor) + 4 + tail)))
    }

    // MARK: Moves

    mutating func move(_ target: HostRegister, _ source: HostOperand, wide: Bool = true) {
      if wide && source == .register(target) { return }
      instruction(0x8b, target.rawValue, source, wide: wide)
    }

    mutating func move(_ target: HostOperand, _ source: HostRegister, wide: Bool = true) {
      if wide && target == .register(source) { return }
      instruction(0x89, source.rawValue, target, wide: wide)
    }

    /// Leaves the flags alone unless `value` is zero.
    mutating func moveImmediate(_ target: HostRegister, _ value: UInt64) {
      if value == 0 {
        arithmetic(.xor, target, .register(target), wide: false)
      } else if value <= 0xffff_ffff {
        if target.rawValue >= 8 { byte(0x41) }
        byte(0xb8 | target.rawValue & 7)
        int32(Int32(bitPattern: UInt32(value)))
      } else if let short = Int32(exactly: Int64(bitPattern: value)) {
        instruction(0xc7, 0, .register(target), wide: true)
        int32(short)
      } else {
        byte(0x48 | target.rawValue >> 3)
        byte(0xb8 | target.rawValue & 7)
        int64(value)
      }
    }

    mutating func signExtendWord(_ target: HostRegister, _ source: HostOperand) {
      instruction(0x63, target.rawValue, source, wide: true)
    }

    /// target = base + displacement
    mutating func loadAddress(_ target: HostRegister, _ base: HostRegister, _ displacement: Int32) {
      memory(0x8d, target.rawValue, base: base, displacement: displacement, wide: true)
    }

    /// target = base + index × 2^scale
    mutating func loadAddress(
      _ target: HostRegister, _ base: HostRegister, index: HostRegister, scale: UInt8
    ) {
      let rex =
        0x48 | (target.rawValue & 8) >> 1 | (index.rawValue & 8) >> 2 | base.rawValue >> 3
      byte(rex)
      byte(0x8d)
      byte(0x44 | (target.rawValue & 7) << 3)  // with a displacement byte, which every base allows
      byte(scale << 6 | (index.rawValue & 7) << 3 | base.rawValue & 7)
      byte(0)
    }

    // MARK: Arithmetic

    mutating func arithmetic(
      _ operation: Arithmetic, _ target: HostRegister, _ source: HostOperand, wide: Bool = true
    ) {
      instruction(UInt32(operation.rawValue << 3 | 3), target.rawValue, source, wide: wide)
    }

    mutating func arithmetic(
      _ operation: Arithmetic, _ target: HostOperand, immediate: Int32, wide: Bool = true
    ) {
      let isShort = immediate >= -128 && immediate < 128
      instruction(isShort ? 0x83 : 0x81, operation.rawValue, target, wide: wide)
      if isShort {
        byte(UInt8(bitPattern: Int8(immediate)))
      } else {
        int32(immediate)
      }
    }

    mutating func test(_ left: HostRegister, _ right: HostRegister, wide: Bool = true) {
      instruction(0x85, right.rawValue, .register(left), wide: wide)
    }

    mutating func shift(_ shift: Shift, _ target: HostRegister, by amount: UInt8, wide: Bool = true) {
      instruction(0xc1, shift.rawValue, .register(target), wide: wide)
      byte(amount)
    }

    /// By the low bits of `cl`.
    mutating func shiftByCL(_ shift: Shift, _ target: HostRegister, wide: Bool = true) {
      instruction(0xd3, shift.rawValue, .register(target), wide: wide)
    }

    mutating func multiply(_ target: HostRegister, _ source: HostOperand, wide: Bool = true) {
      instruction(0x0faf, target.rawValue, source, wide: wide)
    }

    /// The group of one-operand instructions on `rdx:rax`: 2 not, 3 neg, 4 mul, 5 imul, 6 div, 7 idiv.
    mutating func unary(_ number: UInt8, _ operand: HostOperand, wide: Bool = true) {
      instruction(0xf7, number, operand, wide: wide)
    }

    mutating func not(_ target: HostRegister) { unary(2, .register(target)) }
    mutating func negate(_ target: HostRegister, wide: Bool = true) {
      unary(3, .register(target), wide: wide)
    }

    /// rdx = the sign of rax, all over.
    mutating func extendSignOfRAX(wide: Bool) {
      if wide { byte(0x48) }
      byte(0x99)
    }

    /// The low byte of `target` = condition ? 1 : 0.
    mutating func set(_ condition: Condition, _ target: HostRegister) {
      instruction(
        0x0f90 | UInt32(condition.rawValue), 0, .register(target), wide: false, isByte: true)
    }

    mutating func moveIf(_ condition: Condition, _ target: HostRegister, _ source: HostOperand) {
      instruction(0x0f40 | UInt32(condition.rawValue), target.rawValue, source, wide: true)
    }

    mutating func byteSwap(_ target: HostRegister) {
      byte(0x48 | target.rawValue >> 3)
      byte(0x0f)
      byte(0xc8 | target.rawValue & 7)
    }

    // MARK: Jumps

    /// Answers where the distance stands, to be set with `patch`.
    mutating func jump() -> UnsafeMutablePointer<UInt8> {
      byte(0xe9)
      int32(0)
      return cursor - 4
    }

    mutating func jump(_ condition: Condition) -> UnsafeMutablePointer<UInt8> {
      byte(0x0f)
      byte(0x80 | condition.rawValue)
      int32(0)
      return cursor - 4
    }

    mutating func jump(to target: UInt) {
      let place = jump()
      Self.patch(place, to: target)
    }

    mutating func jump(_ condition: Condition, to target: UInt) {
      let place = jump(condition)
      Self.patch(place, to: target)
    }

    mutating func call(_ target: UInt) {
      byte(0xe8)
      int32(0)
      Self.patch(cursor - 4, to: target)
    }

    mutating func patchHere(_ place: UnsafeMutablePointer<UInt8>) { Self.patch(place, to: address) }

    /// Sets a distance of 32 bits. Code and targets lie in one buffer of less than 2 GiB.
    static func patch(_ place: UnsafeMutablePointer<UInt8>, to target: UInt) {
      let distance = Int(bitPattern: target) - (Int(bitPattern: place) + 4)
      UnsafeMutableRawPointer(place).storeBytes(of: Int32(distance).littleEndian, as: Int32.self)
    }
  }
#endif
