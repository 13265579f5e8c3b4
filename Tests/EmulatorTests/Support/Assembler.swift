// SPDX-License-Identifier: Apache-2.0

/// Integer registers by their names in the calling convention.
enum Register {
  static let zero = 0
  static let ra = 1
  static let sp = 2
  static let t0 = 5
  static let t1 = 6
  static let t2 = 7
  static let s0 = 8
  static let s1 = 9
  static let a0 = 10
  static let a1 = 11
  static let a2 = 12
  static let a3 = 13
  static let a4 = 14
  static let a5 = 15
  static let a6 = 16
  static let a7 = 17
  static let s2 = 18
  static let s3 = 19
  static let s4 = 20
  static let s5 = 21
  static let s6 = 22
  static let s7 = 23
  static let s8 = 24
  static let s9 = 25
  static let s10 = 26
  static let s11 = 27
  static let t3 = 28
  static let t4 = 29
  static let t5 = 30
  static let t6 = 31
}

/// Instruction words from operands, for the instructions that tests write by hand.
enum Instruction {
  static func typeR(
    _ opcode: UInt32, _ function3: UInt32, _ function7: UInt32, _ rd: Int, _ rs1: Int, _ rs2: Int
  ) -> UInt32 {
    function7 << 25 | UInt32(rs2) << 20 | UInt32(rs1) << 15 | function3 << 12 | UInt32(rd) << 7 | opcode
  }

  static func typeI(_ opcode: UInt32, _ function3: UInt32, _ rd: Int, _ rs1: Int, _ immediate: Int) -> UInt32
  {
    UInt32(truncatingIfNeeded: immediate & 0xfff) << 20 | UInt32(rs1) << 15 | function3 << 12
      | UInt32(rd) << 7 | opcode
  }

  static func typeS(_ opcode: UInt32, _ function3: UInt32, _ rs1: Int, _ rs2: Int, _ immediate: Int) -> UInt32
  {
    let bits = UInt32(truncatingIfNeeded: immediate & 0xfff)
    let registers = UInt32(rs2) << 20 | UInt32(rs1) << 15
    return (bits >> 5) << 25 | registers | function3 << 12 | (bits & 31) << 7 | opcode
  }

  static func typeB(_ function3: UInt32, _ rs1: Int, _ rs2: Int, _ offset: Int) -> UInt32 {
    let bits = UInt32(truncatingIfNeeded: offset)
    return (bits >> 12 & 1) << 31 | (bits >> 5 & 63) << 25 | UInt32(rs2) << 20 | UInt32(rs1) << 15
      | function3 << 12 | (bits >> 1 & 15) << 8 | (bits >> 11 & 1) << 7 | 0x63
  }

  static func jal(_ rd: Int, _ offset: Int) -> UInt32 {
    let bits = UInt32(truncatingIfNeeded: offset)
    return (bits >> 20 & 1) << 31 | (bits >> 1 & 0x3ff) << 21 | (bits >> 11 & 1) << 20
      | (bits >> 12 & 0xff) << 12 | UInt32(rd) << 7 | 0x6f
  }

  static func lui(_ rd: Int, _ upper: UInt32) -> UInt32 { upper << 12 | UInt32(rd) << 7 | 0x37 }
  static func jalr(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x67, 0, rd, rs1, offset) }
  static func addi(_ rd: Int, _ rs1: Int, _ immediate: Int) -> UInt32 { typeI(0x13, 0, rd, rs1, immediate) }
  static func addiw(_ rd: Int, _ rs1: Int, _ immediate: Int) -> UInt32 { typeI(0x1b, 0, rd, rs1, immediate) }
  static func xori(_ rd: Int, _ rs1: Int, _ immediate: Int) -> UInt32 { typeI(0x13, 4, rd, rs1, immediate) }
  static func andi(_ rd: Int, _ rs1: Int, _ immediate: Int) -> UInt32 { typeI(0x13, 7, rd, rs1, immediate) }
  static func slli(_ rd: Int, _ rs1: Int, _ amount: Int) -> UInt32 { typeI(0x13, 1, rd, rs1, amount) }
  static func srli(_ rd: Int, _ rs1: Int, _ amount: Int) -> UInt32 { typeI(0x13, 5, rd, rs1, amount) }
  static func add(_ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 { typeR(0x33, 0, 0, rd, rs1, rs2) }
  static func sub(_ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 { typeR(0x33, 0, 0x20, rd, rs1, rs2) }
  static func xor(_ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 { typeR(0x33, 4, 0, rd, rs1, rs2) }
  static func or(_ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 { typeR(0x33, 6, 0, rd, rs1, rs2) }
  static func mul(_ rd: Int, _ rs1: Int, _ rs2: Int) -> UInt32 { typeR(0x33, 0, 1, rd, rs1, rs2) }

  static func lb(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 0, rd, rs1, offset) }
  static func lbu(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 4, rd, rs1, offset) }
  static func lh(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 1, rd, rs1, offset) }
  static func lhu(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 5, rd, rs1, offset) }
  static func lw(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 2, rd, rs1, offset) }
  static func ld(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x03, 3, rd, rs1, offset) }
  static func flw(_ rd: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeI(0x07, 2, rd, rs1, offset) }
  static func sb(_ rs2: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeS(0x23, 0, rs1, rs2, offset) }
  static func sh(_ rs2: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeS(0x23, 1, rs1, rs2, offset) }
  static func sw(_ rs2: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeS(0x23, 2, rs1, rs2, offset) }
  static func sd(_ rs2: Int, _ rs1: Int, _ offset: Int = 0) -> UInt32 { typeS(0x23, 3, rs1, rs2, offset) }

  static func lrW(_ rd: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 2, 0x08, rd, rs1, 0) }
  static func scW(_ rd: Int, _ rs2: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 2, 0x0c, rd, rs1, rs2) }
  static func amoaddW(_ rd: Int, _ rs2: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 2, 0, rd, rs1, rs2) }
  static func lrD(_ rd: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 3, 0x08, rd, rs1, 0) }
  static func scD(_ rd: Int, _ rs2: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 3, 0x0c, rd, rs1, rs2) }
  static func amoaddD(_ rd: Int, _ rs2: Int, _ rs1: Int) -> UInt32 { typeR(0x2f, 3, 0, rd, rs1, rs2) }

  static func csrrw(_ rd: Int, _ csr: Int, _ rs1: Int) -> UInt32 { typeI(0x73, 1, rd, rs1, csr) }
  static func csrrs(_ rd: Int, _ csr: Int, _ rs1: Int) -> UInt32 { typeI(0x73, 2, rd, rs1, csr) }
  static func csrrc(_ rd: Int, _ csr: Int, _ rs1: Int) -> UInt32 { typeI(0x73, 3, rd, rs1, csr) }
  static func csrr(_ rd: Int, _ csr: Int) -> UInt32 { csrrs(rd, csr, 0) }
  static func csrw(_ csr: Int, _ rs1: Int) -> UInt32 { csrrw(0, csr, rs1) }

  static let nop = addi(0, 0, 0)
  static let ecall: UInt32 = 0x0000_0073
  static let ebreak: UInt32 = 0x0010_0073
  static let mret: UInt32 = 0x3020_0073
  static let sret: UInt32 = 0x1020_0073
  static let wfi: UInt32 = 0x1050_0073
  static let fenceI: UInt32 = 0x0000_100f
  static let sfenceVMA: UInt32 = 0x1200_0073
}

/// Numbers of the CSRs that tests use.
enum ControlRegister {
  static let sstatus = 0x100
  static let sie = 0x104
  static let stvec = 0x105
  static let sscratch = 0x140
  static let sepc = 0x141
  static let scause = 0x142
  static let stval = 0x143
  static let sip = 0x144
  static let scounteren = 0x106
  static let stimecmp = 0x14d
  static let satp = 0x180
  static let mstatus = 0x300
  static let medeleg = 0x302
  static let mideleg = 0x303
  static let mie = 0x304
  static let mtvec = 0x305
  static let mcounteren = 0x306
  static let menvcfg = 0x30a
  static let senvcfg = 0x10a
  static let mcountinhibit = 0x320
  static let mscratch = 0x340
  static let mepc = 0x341
  static let mcause = 0x342
  static let mtval = 0x343
  static let mip = 0x344
  static let pmpcfg0 = 0x3a0
  static let pmpaddr0 = 0x3b0
  static let mcycle = 0xb00
  static let minstret = 0xb02
  static let cycle = 0xc00
  static let time = 0xc01
  static let mhartid = 0xf14
}

/// A program under construction: bytes at an address, with labels that may be used before they are placed.
struct Assembly {
  let base: UInt64
  private(set) var bytes: [UInt8] = []
  private var labels: [String: UInt64] = [:]
  private var fixups: [(offset: Int, label: String, encode: (_ from: UInt64, _ to: UInt64) -> [UInt32])] = []

  init(base: UInt64 = 0x8000_0000) { self.base = base }

  var address: UInt64 { base + UInt64(bytes.count) }

  mutating func emit(_ words: UInt32...) { for word in words { append(word) } }

  mutating func half(_ value: UInt16) { bytes += [UInt8(value & 0xff), UInt8(value >> 8)] }

  private mutating func append(_ word: UInt32) {
    half(UInt16(truncatingIfNeeded: word))
    half(UInt16(word >> 16))
  }

  mutating func label(_ name: String) {
    precondition(labels[name] == nil, "a label stands in one place")
    labels[name] = address
  }

  mutating func align(_ count: Int) { while bytes.count % count != 0 { bytes.append(0) } }
  mutating func pad(to address: UInt64) {
    precondition(address >= self.address)
    bytes += [UInt8](repeating: 0, count: Int(address - self.address))
  }

  /// Any 64-bit constant, in as many instructions as it takes.
  mutating func load(_ rd: Int, _ value: UInt64) {
    let low = Int64(bitPattern: value << 52) >> 52
    if Int64(bitPattern: value) == Int64(Int32(truncatingIfNeeded: value)) {
      let upper = UInt32(truncatingIfNeeded: (value &+ 0x800) >> 12) & 0xf_ffff
      if upper != 0 {
        emit(Instruction.lui(rd, upper))
        if low != 0 { emit(Instruction.addiw(rd, rd, Int(low))) }
      } else {
        emit(Instruction.addi(rd, 0, Int(low)))
      }
      return
    }
    let high = UInt64(bitPattern: Int64(bitPattern: value &- UInt64(bitPattern: low)) >> 12)
    load(rd, high)
    emit(Instruction.slli(rd, rd, 12))
    if low != 0 { emit(Instruction.addi(rd, rd, Int(low))) }
  }

  /// The address of a label (within 2 GiB of here).
  mutating func loadAddress(_ rd: Int, _ name: String) {
    fixups.append(
      (
        bytes.count, name,
        { from, to in
          let distance = Int64(bitPattern: to &- from)
          let upper = UInt32(truncatingIfNeeded: (distance + 0x800) >> 12) & 0xf_ffff
          let low = Int((distance << 52) >> 52)
          return [upper << 12 | UInt32(rd) << 7 | 0x17, Instruction.addi(rd, rd, low)]
        }
      ))
    emit(0, 0)
  }

  mutating func jump(_ name: String, link rd: Int = 0) {
    fixups.append(
      (bytes.count, name, { from, to in [Instruction.jal(rd, Int(Int64(bitPattern: to &- from)))] }))
    emit(0)
  }

  enum Condition: UInt32 {
    case equal = 0
    case notEqual = 1
    case less = 4
    case greaterOrEqual = 5
    case lessUnsigned = 6
  }

  mutating func branch(_ condition: Condition, _ rs1: Int, _ rs2: Int, _ name: String) {
    fixups.append(
      (
        bytes.count, name,
        { from, to in
          [Instruction.typeB(condition.rawValue, rs1, rs2, Int(Int64(bitPattern: to &- from)))]
        }
      ))
    emit(0)
  }

  mutating func doubleword(_ value: UInt64) {
    emit(UInt32(truncatingIfNeeded: value), UInt32(value >> 32))
  }

  /// Writes a constant to a CSR through t0.
  mutating func set(_ csr: Int, _ value: UInt64) {
    load(Register.t0, value)
    emit(Instruction.csrw(csr, Register.t0))
  }

  /// One PMP entry that lets S and U mode access everything.
  mutating func openProtection() {
    set(ControlRegister.pmpaddr0, ~0 >> 10)
    set(ControlRegister.pmpcfg0, 0x1f)
  }

  func address(of name: String) -> UInt64 {
    guard let address = labels[name] else { preconditionFailure("no label \(name)") }
    return address
  }

  /// The program with every label resolved.
  func assembled() -> [UInt8] {
    var result = bytes
    for fixup in fixups {
      let words = fixup.encode(base + UInt64(fixup.offset), address(of: fixup.label))
      for (index, word) in words.enumerated() {
        for byte in 0..<4 {
          result[fixup.offset + index * 4 + byte] = UInt8(truncatingIfNeeded: word >> UInt32(byte * 8))
        }
      }
    }
    return result
  }
}
