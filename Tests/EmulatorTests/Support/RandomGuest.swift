// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport

/// A guest of random code that stays alive: it changes its own code and page tables, moves between all modes, uses
/// timers, `wfi`, interrupts between harts, atomics, PMP and whatever random words mean.
///
/// Its trap handler in M mode stands on a page that a locked PMP entry guards. It puts the most vital things right and
/// goes on at a random place in a random mode.
struct RandomGuest {
  static let memorySize: UInt64 = 2 << 20
  private static let code = ramBase + 0x2000
  private static let codeSize: UInt64 = 0x8000
  private static let tables = ramBase + 0x10000
  private static let data = ramBase + 0x18000

  let seed: UInt64
  let harts: Int
  let processor: ProcessorModel
  let program: [UInt8]
  private let regions: [BootPlan.Region]

  /// - Parameter hasWideAccesses: whether instructions may access more than 8 bytes.
  init(seed: UInt64, harts: Int = 1, hasWideAccesses: Bool = true) {
    self.seed = seed
    self.harts = harts
    var random = SeededGenerator(seed: seed)
    processor = ProcessorModel.allCases.randomElement(using: &random)!  // not empty
    let isSv48 = Bool.random(using: &random) && processor.extensions.contains(.sv48)
    program = Self.runtime(isSv48: isSv48, &random)
    var words: [UInt8] = []
    func append(_ word: UInt32) {
      for byte in 0..<4 { words.append(UInt8(truncatingIfNeeded: word >> UInt32(byte * 8))) }
    }
    while words.count < Int(Self.codeSize) {
      append(Self.instruction(hasWideAccesses: hasWideAccesses, &random))
      if Int.random(in: 0..<40, using: &random) == 0, words.count + 8 <= Int(Self.codeSize) {
        // Extends a word or a halfword without a sign.
        let (register, amount) = (
          Int.random(in: 1..<10, using: &random), Bool.random(using: &random) ? 32 : 48
        )
        append(Instruction.slli(register, Int.random(in: 0..<32, using: &random), amount))
        append(Instruction.srli(register, register, amount))
      }
    }
    regions =
      [BootPlan.Region(address: Self.code, bytes: words)]
      + Self.pageTables(isSv48: isSv48, hasGroups: processor.extensions.contains(.svnapot), &random)
  }

  func machine(
    shift: Int = 0, gate: ScriptedGate = ScriptedGate(), engine: Machine.Engine = .automatic
  ) -> Machine {
    makeMachine(
      program: program, extra: regions, harts: harts, shift: shift, memorySize: Self.memorySize, gate: gate,
      processor: processor, engine: engine)
  }

  // MARK: Code that is not random

  private static func runtime(isSv48: Bool, _ random: inout SeededGenerator) -> [UInt8] {
    typealias I = Instruction
    typealias R = Register
    typealias C = ControlRegister
    var program = Assembly()
    program.loadAddress(R.t0, "machineHandler")
    program.emit(I.csrw(C.mtvec, R.t0))
    program.loadAddress(R.t0, "supervisorHandler")
    program.emit(I.csrw(C.stvec, R.t0))
    // Everything may be accessed (entry 1), but the first page of RAM may not be written by anyone (entry 0).
    program.set(C.pmpaddr0, ramBase >> 2 | 0x1ff)
    program.set(C.pmpaddr0 + 1, ~0 >> 10)
    program.set(C.pmpcfg0, 0x1f9d)
    // Faults of instruction fetches are not delegated: the supervisor's handler may not be mapped any more.
    program.set(C.medeleg, random.next() & 0xa9fc)
    program.set(C.mideleg, random.next() & 0x222)
    program.set(C.mie, 0x88 | random.next() & 0xaaa)
    program.set(C.menvcfg, random.next() & (7 << 61 | 0xf0))
    program.set(C.senvcfg, random.next() & 0xf0)
    program.set(C.mcounteren, 7)
    program.set(C.scounteren, 7)
    // Every hart has random numbers of its own.
    program.load(R.t0, random.next() | 1)
    program.emit(I.slli(R.t1, R.a0, 8), I.xor(R.t0, R.t0, R.t1), I.csrw(C.mscratch, R.t0))

    program.align(4)
    program.label("machineHandler")
    program.emit(I.csrr(R.t0, C.mscratch))
    for (shift, isLeft) in [(13, true), (7, false), (17, true)] {
      program.emit(isLeft ? I.slli(R.t1, R.t0, shift) : I.srli(R.t1, R.t0, shift), I.xor(R.t0, R.t0, R.t1))
    }
    program.emit(I.csrw(C.mscratch, R.t0))
    // Most exceptions are merely stepped over.
    program.emit(I.csrr(R.t1, C.mcause))
    program.branch(.less, R.t1, 0, "renew")
    program.emit(I.andi(R.t1, R.t0, 15))
    program.branch(.equal, R.t1, 0, "renew")
    program.emit(I.csrr(R.t1, C.mepc), I.addi(R.t1, R.t1, 4), I.csrw(C.mepc, R.t1), I.mret)
    program.label("renew")
    // The next timer interrupt, and no software interrupt.
    program.emit(I.csrr(R.t6, C.mhartid))
    program.load(R.t1, 0x200_0000)
    program.emit(I.slli(R.t2, R.t6, 2), I.add(R.t2, R.t2, R.t1), I.sw(0, R.t2))
    program.load(R.t1, 0x200_4000)
    program.emit(I.slli(R.t2, R.t6, 3), I.add(R.t2, R.t2, R.t1))
    program.emit(I.csrr(R.t1, C.time), I.srli(R.t3, R.t0, 40), I.andi(R.t3, R.t3, 0x7f))
    program.emit(I.addi(R.t3, R.t3, 3), I.add(R.t1, R.t1, R.t3), I.sd(R.t1, R.t2))
    program.emit(I.addi(R.t1, R.t1, -2), I.csrw(C.stimecmp, R.t1))
    // Interrupts as at the start, and the root of the page tables.
    program.set(C.mie, 0x88 | random.next() & 0xaaa)
    program.emit(I.csrr(R.t0, C.mscratch))
    program.load(R.t1, isSv48 ? tables + 0x1000 : tables)
    program.load(R.t2, (tables + 0x2000) >> 2 | 1)
    program.emit(I.sd(R.t2, R.t1, 16))
    program.load(R.t1, (isSv48 ? 9 : 8) << 60 | tables >> 12)
    program.emit(I.andi(R.t2, R.t0, 0x70))
    program.branch(.notEqual, R.t2, 0, "translated")
    program.emit(I.addi(R.t1, 0, 0))
    program.label("translated")
    program.emit(I.csrw(C.satp, R.t1))
    // Pointers: data, code, page tables, the end of a page, MMIO.
    program.load(R.a0, data + 0x100)
    program.emit(I.srli(R.t1, R.t0, 13))
    program.load(R.t2, codeSize - 8)
    program.emit(I.typeR(0x33, 7, 0, R.t1, R.t1, R.t2))
    program.load(R.a1, code)
    program.emit(I.add(R.a1, R.a1, R.t1))
    program.emit(I.andi(R.t1, R.t0, 0x7f8))
    program.load(R.a2, tables + 0x3000)
    program.emit(I.add(R.a2, R.a2, R.t1))
    program.load(R.a3, data + 0xffd)
    program.load(R.a4, 0x200_0004)
    program.load(R.a5, data + 0x200)
    // Where to go on: anywhere in the code, in U, S or M mode.
    program.emit(I.srli(R.t1, R.t0, 22))
    program.load(R.t2, codeSize - 2)
    program.emit(I.typeR(0x33, 7, 0, R.t1, R.t1, R.t2))
    program.load(R.t2, code)
    program.emit(I.add(R.t1, R.t1, R.t2), I.csrw(C.mepc, R.t1))
    program.load(R.t2, 0x1800)
    program.emit(I.csrrc(0, C.mstatus, R.t2), I.typeR(0x33, 7, 0, R.t1, R.t0, R.t2))
    program.emit(I.csrrs(0, C.mstatus, R.t1))
    program.load(R.t2, 0x6080)
    program.emit(I.csrrs(0, C.mstatus, R.t2), I.mret)

    program.align(4)
    program.label("supervisorHandler")
    program.emit(I.csrr(R.t0, C.sepc), I.addi(R.t0, R.t0, 4), I.csrw(C.sepc, R.t0), I.sret)
    precondition(program.bytes.count <= 0x1000, "one page is guarded")
    return program.assembled()
  }

  /// Everything stands where it is: MMIO and RAM in supervisor pages, but for user pages and odd ones here and there.
  /// Sv48 has a root above.
  private static func pageTables(
    isSv48: Bool, hasGroups: Bool, _ random: inout SeededGenerator
  ) -> [BootPlan.Region] {
    func pointer(_ address: UInt64) -> UInt64 { address >> 2 | 1 }
    let gigapages: [Int: UInt64] = [0: 0xef, 2: pointer(tables + 0x2000)]
    var pages: [Int: UInt64] = [:]
    for index in 0..<512 {
      let flags: UInt64 =
        switch Int.random(in: 0..<16, using: &random) {
        case 0: random.next() & 0xff
        case 1..<6: 0xdf
        case 6..<9: 0x0f  // A and D are still to be set
        default: 0xcf
        }
      pages[index] = (ramBase + UInt64(index) << 12) >> 2 | flags
      // Memory types, bits that nobody uses, and sixteen pages mapped together.
      if Int.random(in: 0..<24, using: &random) == 0 { pages[index]! |= 1 << UInt64(54 + index % 10) }
    }
    for group in 1..<32 where Int.random(in: 0..<(hasGroups ? 3 : 24), using: &random) == 0 {
      let size: UInt64 = Int.random(in: 0..<8, using: &random) == 0 ? 4 : 8
      for index in group * 16..<group * 16 + 16 {
        pages[index] = ((ramBase >> 12 | UInt64(group) << 4 | size) << 10) | pages[index]! & 0xff | 1 << 63
      }
    }
    pages[0] = ramBase >> 2 | 0xcb
    let lower = [
      pageTable(at: tables + 0x2000, [0: pointer(tables + 0x3000)]), pageTable(at: tables + 0x3000, pages),
    ]
    if isSv48 {
      return [
        pageTable(at: tables, [0: pointer(tables + 0x1000)]), pageTable(at: tables + 0x1000, gigapages),
      ] + lower
    }
    return [pageTable(at: tables, gigapages)] + lower
  }

  // MARK: Random code

  private static let controlRegisters = [
    0x001, 0x002, 0x003, 0x100, 0x104, 0x106, 0x10a, 0x10a, 0xda0, 0x140, 0x141, 0x142, 0x143, 0x144, 0x14d,
    0x180, 0x300, 0x302,
    0x303,
    0x306, 0x30a, 0x320, 0x341, 0x342, 0x343, 0x344, 0x3a2, 0x3b4, 0x3b5, 0xb00, 0xb02, 0xc00, 0xc01, 0xc02,
    0xf14,
  ]

  private static let functions7: [UInt32] = [0, 0, 0x20, 1, 4, 5, 0x10, 0x14, 0x24, 0x30, 0x34]
  private static let branches: [UInt32] = [0, 1, 4, 5, 6, 7]
  private static let atomics: [UInt32] = [0x08, 0x08, 0x0c, 0x0c, 0, 4, 0x10, 0x20, 0x30, 0x40, 0x50]
  private static let pointers = [10, 15, 11, 12]
  private static let floatingPoint: [UInt32] = [0x53, 0x43, 0x47, 0x4b, 0x4f]
  private static let systems = [
    Instruction.ecall, Instruction.ebreak, Instruction.sfenceVMA, Instruction.fenceI, Instruction.sret,
    Instruction.mret, Instruction.wfi, Instruction.wfi, 0x0000_000f,
  ]

  private static func instruction(hasWideAccesses: Bool, _ random: inout SeededGenerator) -> UInt32 {
    func number(_ range: Range<Int>) -> Int { Int.random(in: range, using: &random) }
    func any() -> UInt32 { UInt32(truncatingIfNeeded: random.next()) }
    // Pointers are in a0 to a5 and mostly left alone.
    func destination() -> Int {
      let register = number(0..<32)
      return (10...15).contains(register) && number(0..<10) != 0 ? register + 10 : register
    }
    let pointer = 10 + number(0..<6)
    let offset = number(0..<4) == 0 ? number(-64..<64) : number(-8..<8) * 8
    if number(0..<10) == 0 {
      return laterInstruction(destination(), pointer, hasWideAccesses: hasWideAccesses, &random)
    }
    switch number(0..<100) {
    case 0..<16:
      return Instruction.typeR(
        number(0..<2) == 0 ? 0x33 : 0x3b, UInt32(number(0..<8)), functions7[number(0..<functions7.count)],
        destination(), number(0..<32), number(0..<32))
    case 16..<32:
      return Instruction.typeI(
        number(0..<2) == 0 ? 0x13 : 0x1b, UInt32(number(0..<8)), destination(), number(0..<32),
        number(-2048..<2048))
    case 32..<46: return Instruction.typeI(0x03, UInt32(number(0..<7)), destination(), pointer, offset)
    case 46..<62: return Instruction.typeS(0x23, UInt32(number(0..<4)), pointer, number(0..<32), offset)
    case 62..<68:
      return Instruction.typeB(
        branches[number(0..<6)], number(0..<32), number(0..<32), number(-64..<128) * 2)
    case 68..<71: return Instruction.jal(destination(), number(-512..<512) * 2)
    case 71..<72:
      return Instruction.jalr(destination(), number(0..<8) == 0 ? number(0..<32) : 11, number(-64..<64))
    case 72..<79: return any() & 0xfffc_fffc | UInt32(number(0..<3)) | UInt32(number(0..<3)) << 16
    case 79..<84:
      let function = atomics[number(0..<atomics.count)]
      let isLoad = function == 0x08
      return Instruction.typeR(
        0x2f, UInt32(number(2..<4)), function, destination(), pointers[number(0..<4)],
        isLoad ? 0 : number(0..<32))
    case 84..<88:
      let register = controlRegisters.randomElement(using: &random)!  // not empty
      if number(0..<3) != 0 { return Instruction.csrr(destination(), register) }
      let functions: [UInt32] = [1, 2, 3, 5, 6, 7]
      return Instruction.typeI(0x73, functions[number(0..<6)], destination(), number(0..<32), register)
    case 88..<91:
      return systems[number(0..<systems.count)]
    case 91..<96:
      // Rounding modes that are there, mostly.
      let rounding = UInt32(number(0..<8) == 0 ? number(0..<8) : number(0..<5))
      return any() & 0xffff_8f80 | rounding << 12 | floatingPoint[number(0..<floatingPoint.count)]
    case 96..<98: return Instruction.typeI(0x07, UInt32(number(2..<4)), number(0..<32), pointer, offset)
    default: return any() | 3
    }
  }
}
