// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport

/// Random instructions that cannot leave their data window or their chunk of code, whatever the registers hold.
///
/// Some registers are the program's own and never a destination: sp and s0 point into the window for the compressed
/// loads and stores, t5 at the window's middle, t6 at the log's end, t4 counts the rounds of a chunk.
struct RandomInstructions {
  enum Reserved {
    static let stackPointer: UInt32 = 2
    static let window: UInt32 = 8
    static let rounds: UInt32 = 29
    static let windowMiddle: UInt32 = 30
    static let log: UInt32 = 31
    static let all: Set<UInt32> = [stackPointer, window, rounds, windowMiddle, log]
  }
  /// Bytes of a chunk's data window, half of them before its middle.
  static let windowSize = 1024
  /// Where sp and s0 stand, seen from the middle.
  static let stackPointerOffset = -512
  static let windowOffset = -128

  /// One or a few instructions that branches do not land between, or a jump whose target is still open.
  enum Item {
    case code([UInt16])
    /// A jump over the next `skipping` items.
    case jump(Jump, skipping: Int)
  }

  enum Jump {
    case branch(funct3: UInt32, UInt32, UInt32)
    case link(UInt32)
    case indirect(link: UInt32, through: UInt32)
    case compressedIndirect(through: UInt32, links: Bool)
    case compressedBranch(ifZero: Bool, UInt32)
    case compressed

    /// In parcels.
    var size: Int {
      switch self {
      case .branch, .link: 2
      case .indirect: 4
      case .compressedIndirect: 5
      case .compressedBranch, .compressed: 1
      }
    }

    /// `offset` in bytes, from the jump's first parcel.
    func encoded(offset: Int) -> [UInt16] {
      switch self {
      case .branch(let funct3, let left, let right): Encode.branch(funct3, left, right, offset)
      case .link(let register): Encode.jump(register, offset)
      case .indirect(let link, let register):
        Encode.upper(0x17, register, 0) + Encode.immediate(0x67, 0, link, register, offset)
      case .compressedIndirect(let register, let links):
        Encode.upper(0x17, register, 0) + Encode.immediate(0x13, 0, register, register, offset)
          + Encode.compressed(2, 4, register << 7 | (links ? 1 << 12 : 0))
      case .compressedBranch(let ifZero, let register):
        Encode.compressedBranch(ifZero: ifZero, register, offset)
      case .compressed: Encode.compressedJump(offset)
      }
    }
  }

  let repertoire: Repertoire
  let mode: RandomProgram.Mode
  var extensions: ProcessorExtensions { repertoire.extensions }

  private var generator: SeededGenerator

  init(seed: UInt64, mode: RandomProgram.Mode, repertoire: Repertoire = .base) {
    generator = SeededGenerator(seed: seed)
    self.mode = mode
    self.repertoire = repertoire
  }

  // MARK: Choices

  mutating func below(_ limit: Int) -> Int { Int.random(in: 0..<limit, using: &generator) }
  mutating func oneIn(_ count: Int) -> Bool { below(count) == 0 }
  mutating func bits(_ count: Int) -> UInt32 { UInt32(below(1 << count)) }
  mutating func next64() -> UInt64 { generator.next() }
  mutating func pick<T>(_ values: [T]) -> T { values[below(values.count)] }
  mutating func source() -> UInt32 { bits(5) }
  mutating func destination() -> UInt32 {
    while true {
      let register = bits(5)
      if !Reserved.all.contains(register) { return register }
    }
  }
  /// A destination that is not x0.
  mutating func namedDestination() -> UInt32 {
    while true {
      let register = destination()
      if register != 0 { return register }
    }
  }
  mutating func compressedSource() -> UInt32 { 8 + bits(3) }
  mutating func compressedDestination() -> UInt32 { 9 + UInt32(below(7)) }

  /// An offset from the window's middle with room for an access; mostly a multiple of its size.
  mutating func windowOffset(size: Int) -> Int {
    let offset = below(Self.windowSize - 8) - Self.windowSize / 2
    return oneIn(4) ? offset : offset & -size
  }

  // MARK: Items

  mutating func item() -> Item {
    if repertoire.isModel && oneIn(6) { return .code(laterExtension()) }
    switch below(100) {
    case 0..<16: return .code(integer())
    case 16..<22: return .code(bitManipulation())
    case 22..<27: return .code(multiplication())
    case 27..<37: return .code(memory())
    case 37..<42: return .code(atomic())
    case 42..<68: return .code(floatingPoint())
    case 68..<83: return .code(compressed())
    case 83..<93: return jump()
    case 93..<96: return .code(system())
    case 96: return .code(selfModification())
    default: return .code(reservedEncoding())
    }
  }

  /// RV64I without memory and jumps.
  mutating func integer() -> [UInt16] {
    let (rd, rs1, rs2) = (destination(), source(), source())
    switch below(7) {
    case 0: return Encode.register(0x33, bits(3), 0, rd, rs1, rs2)
    case 1: return Encode.register(0x33, pick([0, 5]), 0x20, rd, rs1, rs2)
    case 2:
      let (funct3, funct7) = pick([(0, 0), (0, 0x20), (1, 0), (5, 0), (5, 0x20)] as [(UInt32, UInt32)])
      return Encode.register(0x3b, funct3, funct7, rd, rs1, rs2)
    case 3: return Encode.immediate(0x13, pick([0, 2, 3, 4, 6, 7]), rd, rs1, Int(bits(12)))
    case 4:
      let isWord = oneIn(2)
      let amount = Int(bits(isWord ? 5 : 6))
      let (funct3, kind) = pick([(1, 0), (5, 0), (5, 0x400)] as [(UInt32, Int)])
      return Encode.immediate(isWord ? 0x1b : 0x13, funct3, rd, rs1, amount | kind)
    case 5:
      // How words and halfwords are extended without a sign: `slli`, then `srli`.
      let amount = pick([32, 32, 48])
      return Encode.immediate(0x13, 1, rd, rs1, amount)
        + Encode.immediate(0x13, 5, rd, rd, oneIn(2) ? amount : Int(bits(6)))
    default:
      if oneIn(3) { return Encode.immediate(0x1b, 0, rd, rs1, Int(bits(12))) }
      return Encode.upper(pick([0x37, 0x17]), rd, bits(20))
    }
  }

  /// Zba, Zbb and Zbs.
  mutating func bitManipulation() -> [UInt16] {
    let (rd, rs1, rs2) = (destination(), source(), source())
    switch below(4) {
    case 0:
      let (funct3, funct7) = pick(
        [
          (2, 0x10), (4, 0x10), (6, 0x10),  // sh1add sh2add sh3add
          (7, 0x20), (6, 0x20), (4, 0x20),  // andn orn xnor
          (6, 0x05), (7, 0x05), (4, 0x05), (5, 0x05),  // max maxu min minu
          (1, 0x30), (5, 0x30),  // rol ror
          (1, 0x24), (5, 0x24), (1, 0x34), (1, 0x14),  // bclr bext binv bset
        ] as [(UInt32, UInt32)])
      return Encode.register(0x33, funct3, funct7, rd, rs1, rs2)
    case 1:
      let (funct3, funct7) = pick(
        [(0, 0x04), (2, 0x10), (4, 0x10), (6, 0x10), (1, 0x30), (5, 0x30)] as [(UInt32, UInt32)])
      return Encode.register(0x3b, funct3, funct7, rd, rs1, rs2)
    case 2:
      if oneIn(11) {
        // ctzw: QEMU 7.2 counts on into the upper half when the lower is zero, so that is cleared first (slli.uw by 0).
        let narrowed = namedDestination()
        return Encode.immediate(0x1b, 1, narrowed, rs1, 0x080)
          + Encode.immediate(0x1b, 1, rd, narrowed, 0x601)
      }
      // clz ctz cpop sext.b sext.h, orc.b, rev8; then zext.h, clzw and cpopw.
      let (opcode, funct3, value) = pick(
        [
          (0x13, 1, 0x600), (0x13, 1, 0x601), (0x13, 1, 0x602), (0x13, 1, 0x604), (0x13, 1, 0x605),
          (0x13, 5, 0x287), (0x13, 5, 0x6b8), (0x3b, 4, 0x080), (0x1b, 1, 0x600), (0x1b, 1, 0x602),
        ] as [(UInt32, UInt32, Int)])
      return Encode.immediate(opcode, funct3, rd, rs1, value)
    default:
      // bclri bexti binvi bseti rori slli.uw roriw
      let (opcode, funct3, kind) = pick(
        [
          (0x13, 1, 0x480), (0x13, 5, 0x480), (0x13, 1, 0x680), (0x13, 1, 0x280), (0x13, 5, 0x600),
          (0x1b, 1, 0x080), (0x1b, 5, 0x600),
        ] as [(UInt32, UInt32, Int)])
      let amount = Int(bits(opcode == 0x1b && funct3 == 5 ? 5 : 6))
      return Encode.immediate(opcode, funct3, rd, rs1, kind | amount)
    }
  }

  mutating func multiplication() -> [UInt16] {
    let (rd, rs1, rs2) = (destination(), source(), source())
    if oneIn(2) { return Encode.register(0x33, bits(3), 1, rd, rs1, rs2) }
    return Encode.register(0x3b, pick([0, 4, 5, 6, 7]), 1, rd, rs1, rs2)
  }

  mutating func memory() -> [UInt16] {
    let base = Reserved.windowMiddle
    let logSize = below(4)
    switch below(4) {
    case 0:
      let isUnsigned = logSize < 3 && oneIn(2)
      return Encode.immediate(
        0x03, UInt32(logSize) | (isUnsigned ? 4 : 0), destination(), base, windowOffset(size: 1 << logSize))
    case 1: return Encode.store(0x23, UInt32(logSize), base, source(), windowOffset(size: 1 << logSize))
    case 2:
      let funct3 = pick(extensions.contains(.zfhmin) ? [1, 2, 3] : [2, 3] as [UInt32])
      return Encode.immediate(0x07, funct3, bits(5), base, windowOffset(size: 1 << Int(funct3)))
    default:
      let funct3 = pick(extensions.contains(.zfhmin) ? [1, 2, 3] : [2, 3] as [UInt32])
      return Encode.store(0x27, funct3, base, bits(5), windowOffset(size: 1 << Int(funct3)))
    }
  }

  /// The address is computed next to the instruction, so that it lies in the window. Now and then it is misaligned.
  mutating func atomic() -> [UInt16] {
    let funct3 = pick([2, 3] as [UInt32])
    let size = 1 << Int(funct3)
    if oneIn(4) { return reservationPair(funct3: funct3, size: size) }
    let offset = (below(Self.windowSize - 8) - Self.windowSize / 2) & -size
    let address = namedDestination()
    let point = Encode.immediate(
      0x13, 0, address, Reserved.windowMiddle, oneIn(12) ? offset + 1 + below(size - 1) : offset)
    let operation = pick([0x00, 0x01, 0x04, 0x08, 0x0c, 0x10, 0x14, 0x18, 0x1c] as [UInt32])
    return point + Encode.register(0x2f, funct3, operation << 2 | bits(2), destination(), address, source())
  }

  /// A load-reserved and a store-conditional on one address, which must succeed, and maybe a second one, which must fail.
  ///
  /// They use the place where the log will go on, for it can always be accessed: whether a store-conditional without a
  /// reservation faults is left open, and QEMU never lets it.
  private mutating func reservationPair(funct3: UInt32, size: Int) -> [UInt16] {
    let address = namedDestination()
    func otherThanAddress(_ register: UInt32) -> UInt32 { register == address ? 0 : register }
    var code = Encode.immediate(0x13, 0, address, Reserved.log, (1024 + below(1000)) & -size)
    code += Encode.register(0x2f, funct3, 0x02 << 2 | bits(2), otherThanAddress(destination()), address, 0)
    let conditional = 0x03 << 2 | bits(2)
    code += Encode.register(0x2f, funct3, conditional, otherThanAddress(destination()), address, source())
    if oneIn(2) { code += Encode.register(0x2f, funct3, conditional, destination(), address, source()) }
    return code
  }

  mutating func jump() -> Item {
    let skipping = below(7)
    switch below(9) {
    case 0..<4:
      return .jump(
        .branch(funct3: pick([0, 1, 4, 5, 6, 7]), source(), oneIn(4) ? 0 : source()), skipping: skipping)
    case 4: return .jump(.link(destination()), skipping: skipping)
    case 5: return .jump(.indirect(link: destination(), through: namedDestination()), skipping: skipping)
    case 6: return .jump(.compressedBranch(ifZero: oneIn(2), compressedSource()), skipping: skipping)
    case 7:
      return .jump(.compressedIndirect(through: namedDestination(), links: oneIn(2)), skipping: skipping)
    default: return .jump(.compressed, skipping: skipping)
    }
  }

  /// CSRs that hold what is written to them in every mode's own way, calls and breakpoints, fences.
  mutating func system() -> [UInt16] {
    let funct3 = pick([1, 2, 3, 5, 6, 7] as [UInt32])
    switch below(8) {
    case 0..<4:
      return Encode.immediate(0x73, funct3, destination(), oneIn(2) ? bits(3) : source(), pick([1, 2, 3]))
    case 4, 5:
      // mepc sepc, with even immediates only: QEMU 7.2 keeps bit 0 of what is written, which must read as zero.
      if oneIn(4) {
        return Encode.immediate(
          0x73, 5 + UInt32(below(3)), destination(), bits(4) << 1, pick([0x341, 0x141]))
      }
      // mhartid, read or wrongly written; QEMU 7.2 lets bits of a read-only register be set and cleared when the
      // mask register happens to hold zero.
      if oneIn(4) {
        return oneIn(2)
          ? Encode.immediate(0x73, 2 + bits(1), destination(), 0, 0xf14)
          : Encode.immediate(0x73, 1, destination(), source(), 0xf14)
      }
      // mscratch mtval sscratch stval
      let register = pick([0x340, 0x343, 0x140, 0x143])
      return Encode.immediate(0x73, funct3, destination(), source(), register)
    case 6: return Encode.immediate(0x73, 0, 0, 0, pick([0, 1]))
    default: return Encode.word(pick([0x0ff0_000f, 0x0000_100f, 0x8330_000f]))
    }
  }

  /// Writes the instruction that follows: an addi whose immediate counts the chunk's rounds, so that it is another one
  /// each time.
  mutating func selfModification() -> [UInt16] {
    let here = namedDestination()
    var word = namedDestination()
    while word == here { word = namedDestination() }
    var shifted = namedDestination()
    while shifted == here || shifted == word { shifted = namedDestination() }
    let target = destination()
    let written = 0x13 | target << 7 | source() << 15 | bits(7) << 20
    let low = Int(Int32(bitPattern: written << 20) >> 20)
    var code = Encode.upper(0x17, here, 0)
    code += Encode.upper(0x37, word, (written &- UInt32(truncatingIfNeeded: low)) >> 12)
    code += Encode.immediate(0x13, 0, word, word, low)
    // The immediate stands at bit 20.
    code += Encode.immediate(0x13, 1, shifted, Reserved.rounds, 20)
    code += Encode.register(0x33, 0, 0, word, word, shifted)
    code += Encode.store(0x23, 2, here, word, 28) + Encode.word(0x0000_100f)
    return code + Encode.immediate(0x13, 0, target, target, 1)
  }

  /// Words in opcodes that only compute, with function fields as they fall: mostly illegal instructions.
  mutating func reservedEncoding() -> [UInt16] {
    if oneIn(8) { return [0] }
    let opcode = pick([0x33, 0x3b, 0x13, 0x1b, 0x53, 0x43, 0x0b, 0x2b, 0x5b, 0x6b, 0x77, 0x7f] as [UInt32])
    let (funct3, funct7, rs2) = (bits(3), bits(7), source())
    // Not ctzw, see above.
    if !repertoire.isModel, opcode == 0x1b, funct3 == 1, funct7 == 0x30, rs2 == 1 { return [0] }
    // Nor froundnx, see `additional`.
    if opcode == 0x53, funct7 & 0x7c == 0x20, rs2 == 5 { return [0] }
    return shared(Encode.register(opcode, funct3, funct7, destination(), source(), rs2))
  }

  /// The instruction, or an illegal one instead of what our hart has and QEMU's was not told of.
  func shared(_ parcels: [UInt16]) -> [UInt16] {
    let word = parcels.reversed().reduce(0 as UInt32) { $0 << 16 | UInt32($1) }
    func isIllegal(_ extensions: ProcessorExtensions) -> Bool {
      Decoder(for: extensions).decode(word, pageOffset: 0).opcode == .illegal
    }
    return isIllegal(extensions) && !isIllegal(repertoire.processor.extensions) ? [0] : parcels
  }
}
