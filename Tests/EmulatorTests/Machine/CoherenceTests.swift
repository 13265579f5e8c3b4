// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Guests that change what is derived from memory, without any fence: page tables act as if they were walked for each
/// access, and code as if it were fetched for each instruction.
@Suite struct CoherenceTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  /// Runs `program` to its endless loop in two ways, straight and by way of a copy at every position.
  private func expectResult(
    _ program: Assembly, _ engine: Machine.Engine, register: Int, equals value: UInt64,
    gate: () -> ScriptedGate = { ScriptedGate() },
    end: UInt64? = nil,
    copying: Bool = true
  ) throws {
    let machine = makeMachine(program, gate: gate(), engine: engine)
    let end = end ?? program.address(of: "end")
    var length: UInt64 = 0
    while machine.programCounter(hart: 0) != end, length < 3_000 {
      length += 1
      _ = machine.run(until: length)
    }
    #expect(machine.programCounter(hart: 0) == end, "the program ends")
    #expect(machine.register(register, hart: 0) == value, "in single steps")
    let straight = makeMachine(program, gate: gate(), engine: engine)
    _ = straight.run(until: length)
    #expect(straight.register(register, hart: 0) == value, "in one run")
    #expect(straight.fingerprint == machine.fingerprint)
    guard copying else { return }
    for position in 1..<length {
      let first = makeMachine(program, gate: gate(), engine: engine)
      _ = first.run(until: position)
      let copy = try first.copied(gate: gate(), engine: engine)
      _ = copy.run(until: length)
      #expect(copy.fingerprint == straight.fingerprint, "restored at \(position)")
    }
  }

  /// The next instruction of the same block, and one further on, are rewritten, first run and second.
  @Test(arguments: Machine.Engine.both) func codeThatRewritesWhatComesNext(engine: Machine.Engine) throws {
    var program = Assembly()
    program.loadAddress(R.a1, "patched")
    program.load(R.a2, UInt64(I.addi(R.a0, R.a0, 100)))
    program.load(R.a3, UInt64(I.addi(R.a0, R.a0, 1)))
    program.load(R.s1, 4)
    program.label("loop")
    program.emit(I.sw(R.a2, R.a1))
    program.label("patched")
    program.emit(I.addi(R.a0, R.a0, 1), I.sw(R.a3, R.a1, 8), I.nop)
    program.emit(I.addi(R.a0, R.a0, 1_000), I.addi(R.s1, R.s1, -1))
    program.branch(.notEqual, R.s1, 0, "loop")
    program.label("end")
    program.jump("end")
    // The word 8 bytes on is `nop`, then what was 1,000.
    try expectResult(program, engine, register: R.a0, equals: 4 * (100 + 1 + 1_000))
  }

  /// An instruction that lies on two pages is rewritten half by half.
  @Test(arguments: Machine.Engine.both) func codeAcrossAPageEnd(engine: Machine.Engine) throws {
    var program = Assembly()
    program.loadAddress(R.a1, "straddling")
    program.load(R.s1, 3)
    program.jump("start")
    program.pad(to: ramBase + 0xffe - 4)
    program.label("start")
    program.emit(I.nop)
    program.label("straddling")
    program.emit(I.addi(R.a0, R.a0, 1))
    // The immediate is in the second half: 1, 2, 3 are added.
    program.emit(I.lh(R.t1, R.a1, 2), I.addi(R.t1, R.t1, 16), I.sh(R.t1, R.a1, 2), I.addi(R.s1, R.s1, -1))
    program.branch(.notEqual, R.s1, 0, "start")
    program.label("end")
    program.jump("end")
    try expectResult(program, engine, register: R.a0, equals: 6)
  }

  /// A device writes into code that has just run.
  @Test(arguments: Machine.Engine.both) func codeThatDMARewrites(engine: Machine.Engine) throws {
    var program = Assembly()
    program.load(R.s1, 2)
    program.label("loop")
    program.label("patched")
    program.emit(I.addi(R.a0, R.a0, 1))
    program.emit(I.addi(R.s1, R.s1, -1))
    program.branch(.equal, R.s1, 0, "end")
    program.fetchEntropy(to: program.address(of: "patched"), count: 4)
    program.jump("loop")
    program.label("end")
    program.jump("end")
    let word = I.addi(R.a0, R.a0, 0x234)
    let bytes = (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32($0 * 8)) }
    try expectResult(program, engine, register: R.a0, equals: 0x235, gate: { ScriptedGate(entropy: bytes) })
  }

  // MARK: Page tables

  /// Sv39: a root at 0x80010000 with gigapages for MMIO and RAM, and from 0x40000000 pages of 4 KiB by a table at
  /// 0x80012000, which the guest sees through the gigapage, and through its own page 1 (`table` at 0x40001000).
  /// Page 0 is 0x80014000, page 2 is 0x80015000. Goes on in S mode.
  private func begin(_ program: inout Assembly) {
    program.load(R.t1, ramBase + 0x10000)
    for (offset, value) in [(8, (ramBase + 0x11000) >> 2 | 1), (16, ramBase >> 2 | 0xcf), (0, 0xcf)]
      as [(Int, UInt64)]
    {
      program.load(R.t2, value)
      program.emit(I.sd(R.t2, R.t1, offset))
    }
    program.load(R.t1, ramBase + 0x11000)
    program.load(R.t2, (ramBase + 0x12000) >> 2 | 1)
    program.emit(I.sd(R.t2, R.t1))
    program.load(R.t1, ramBase + 0x12000)
    for (index, page) in [0x14000, 0x12000, 0x15000].enumerated() as EnumeratedSequence<[UInt64]> {
      program.load(R.t2, (ramBase + page) >> 2 | 0xc7)
      program.emit(I.sd(R.t2, R.t1, index * 8))
    }
    program.load(R.t1, ramBase + 0x14000)
    program.load(R.t2, 11)
    program.emit(I.sd(R.t2, R.t1))
    program.load(R.t1, ramBase + 0x15000)
    program.load(R.t2, 22)
    program.emit(I.sd(R.t2, R.t1))
    program.loadAddress(R.t0, "fault")
    program.emit(I.csrw(C.stvec, R.t0), I.csrw(C.mtvec, R.t0))
    program.openProtection()
    program.set(C.medeleg, 0xb1ff)
    program.set(C.menvcfg, 1 << 61)
    program.set(C.satp, 8 << 60 | (ramBase + 0x10000) >> 12)
    program.load(R.t0, 0x800)
    program.emit(I.csrrs(0, C.mstatus, R.t0))
    program.loadAddress(R.t0, "supervisor")
    program.emit(I.csrw(C.mepc, R.t0), I.mret)
    program.label("supervisor")
    program.load(R.s1, 0x4000_0000)
    program.load(R.s2, 0x4000_1000)
    program.load(R.s3, ramBase + 0x12000)
  }

  /// Ends the program; a fault adds 1,000 to a0 and goes on behind the instruction.
  private func end(_ program: inout Assembly) {
    program.label("end")
    program.jump("end")
    program.align(4)
    program.label("fault")
    program.emit(
      I.csrr(R.t0, C.sepc), I.addi(R.t0, R.t0, 4), I.csrw(C.sepc, R.t0), I.addi(R.a0, R.a0, 1_000), I.sret)
  }

  @Test(arguments: Machine.Engine.both) func entriesThatChangeWithoutAFence(engine: Machine.Engine) throws {
    var program = Assembly()
    begin(&program)
    program.emit(I.ld(R.t1, R.s1), I.add(R.a0, R.a0, R.t1))  // 11
    // To the other frame.
    program.load(R.t2, (ramBase + 0x15000) >> 2 | 0xc7)
    program.emit(I.sd(R.t2, R.s3), I.ld(R.t1, R.s1), I.add(R.a0, R.a0, R.t1))  // 22
    program.emit(I.sd(R.t1, R.s1))
    // Read-only, then not there at all.
    program.load(R.t2, (ramBase + 0x15000) >> 2 | 0xc3)
    program.emit(I.sd(R.t2, R.s3), I.sd(R.t1, R.s1), I.ld(R.t1, R.s1), I.add(R.a0, R.a0, R.t1))  // 1,000, 22
    program.emit(I.sd(0, R.s3), I.ld(R.t1, R.s1))  // 1,000
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 11 + 22 + 1_000 + 22 + 1_000)
  }

  /// A and D bits that the guest clears come back.
  @Test(arguments: Machine.Engine.both) func accessedAndDirtyBitsComeBack(engine: Machine.Engine) throws {
    var program = Assembly()
    begin(&program)
    program.load(R.s4, (ramBase + 0x14000) >> 2 | 0x07)
    for access in [I.ld(R.t1, R.s1), I.sd(0, R.s1), I.ld(R.t1, R.s1), I.sd(0, R.s1)] {
      program.emit(I.sd(R.s4, R.s3), access, I.ld(R.t2, R.s3), I.sub(R.t2, R.t2, R.s4), I.slli(R.a0, R.a0, 8))
      program.emit(I.add(R.a0, R.a0, R.t2))
    }
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 0x40c0_40c0)
  }

  /// The page table is written through a page that it maps itself, time and again, and that page is then moved
  /// by a store through itself: the next store must go where the new entry says.
  @Test(arguments: Machine.Engine.both) func tableThatMapsItself(engine: Machine.Engine) throws {
    var program = Assembly()
    begin(&program)
    program.load(R.t2, (ramBase + 0x14000) >> 2 | 0xc7)
    program.load(R.t3, (ramBase + 0x15000) >> 2 | 0xc7)
    program.emit(I.ld(R.t1, R.s1))
    for _ in 0..<3 {
      program.emit(I.sd(R.t3, R.s2), I.ld(R.t1, R.s1), I.add(R.a0, R.a0, R.t1))  // 22
      program.emit(I.sd(R.t2, R.s2), I.ld(R.t1, R.s1), I.add(R.a0, R.a0, R.t1))  // 11
    }
    // Page 1 becomes frame 0x15000; what is stored there next is no page-table entry.
    program.emit(I.sd(R.t3, R.s2, 8), I.sd(R.a0, R.s2), I.ld(R.t1, R.s3), I.sub(R.t1, R.t1, R.t2))
    program.emit(I.add(R.a0, R.a0, R.t1))  // 0 if the table is as it was
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 99)
  }

  /// A store that goes through a superpage drops translations; the superpage's own entry may then change.
  @Test(arguments: Machine.Engine.both) func storeAfterWhichItsOwnTranslationChanges(engine: Machine.Engine)
    throws
  {
    var program = Assembly()
    begin(&program)
    // Through the gigapage, to a valid entry: flushes. Then again, by what that store may have left behind.
    program.load(R.t2, (ramBase + 0x15000) >> 2 | 0xc7)
    program.emit(I.ld(R.t1, R.s1), I.sd(R.t2, R.s2))
    // In the root's own page: the entry of the table of page 1 goes.
    program.load(R.t3, ramBase + 0x10000)
    program.emit(I.sd(0, R.t3, 8), I.sd(R.t2, R.s2))  // 1,000
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 1_000)
  }

  /// Two virtual pages with one frame of code: a store by the one changes what the other runs.
  @Test(arguments: Machine.Engine.both) func codeByTwoMappings(engine: Machine.Engine) throws {
    var program = Assembly()
    begin(&program)
    // Pages 0 and 2 are one executable frame: `addi a0, a0, 1; ret`.
    program.load(R.t2, (ramBase + 0x14000) >> 2 | 0xcf)
    program.emit(I.sd(R.t2, R.s3), I.sd(R.t2, R.s3, 16))
    program.load(R.s4, 0x4000_2000)
    program.load(R.t2, UInt64(I.addi(R.a0, R.a0, 1)) | UInt64(I.jalr(0, R.ra)) << 32)
    program.emit(I.sd(R.t2, R.s1), I.jalr(R.ra, R.s1), I.jalr(R.ra, R.s4))  // 2
    program.load(R.t2, UInt64(I.addi(R.a0, R.a0, 100)))
    program.emit(I.sw(R.t2, R.s1), I.jalr(R.ra, R.s4), I.jalr(R.ra, R.s1))  // 200
    // Then the mapping of the second page changes: 22 is no instruction.
    program.load(R.t2, (ramBase + 0x15000) >> 2 | 0xcb)
    program.load(R.t3, UInt64(I.addi(R.a0, R.a0, 1_00)) | UInt64(I.jalr(0, R.ra)) << 32)
    program.load(R.t4, ramBase + 0x15000)
    program.emit(I.sd(R.t3, R.t4), I.sd(R.t2, R.s3, 16), I.jalr(R.ra, R.s4))  // 100
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 302)
  }

  /// A load sets an A bit, and the entry that it stands in is the instruction behind the load.
  @Test(arguments: Machine.Engine.both) func loadWhoseAccessedBitIsCode(engine: Machine.Engine) throws {
    var program = Assembly()
    begin(&program)
    // The code runs in the page table of pages from 0x40000000 on: entry 8 is `addi` with rd such that bit 6, A,
    // makes `addi a0, a0, 1` (0x13 | ...) something else. The entry: valid, readable, writable, executable, no A.
    // Bits 0 to 7 of an instruction are its opcode and the lowest bit of rd; 0x0f is `fence`, 0x4f is `fnmadd.s`.
    // `fence` becomes an instruction that is illegal while FS is off.
    program.load(R.t2, (ramBase + 0x15000) >> 2 | 0x0f)
    program.load(R.t3, ramBase + 0x12000)
    program.load(R.s5, 0x4000_8000)
    // The load before the entry, in entry 7, and the return behind it, in entry 9.
    program.load(R.t4, UInt64(I.nop) | UInt64(I.ld(R.t1, R.s5)) << 32)
    program.emit(I.sd(R.t4, R.t3, 56), I.sd(R.t2, R.t3, 64))
    program.load(R.t4, UInt64(I.addi(R.a0, R.a0, 1)) | UInt64(I.jalr(0, R.ra)) << 32)
    program.emit(I.sd(R.t4, R.t3, 72), I.addi(R.t3, R.t3, 56), I.jalr(R.ra, R.t3))
    end(&program)
    try expectResult(program, engine, register: R.a0, equals: 2_001)
  }

  // MARK: Address spaces

  /// S mode in the upper half of Sv39, with three roots at 0x80010000. `A` and `B` have the same upper half, with all
  /// pages of RAM and, as page 8, the frame of 1; in that of `C` page 8 is the frame of 3. In the lower half, page 1 is the
  /// frame of 1 in `A` and of 2 in `B`. What is read, digit by digit, goes to a0.
  @Test(arguments: Machine.Engine.both, [1, 8])
  func addressSpacesThatShareTheirUpperHalf(engine: Machine.Engine, passes: Int) throws {
    let upper: UInt64 = 0xffff_ffff_c000_0000
    let tables = upper + 0x10000
    let page = { (number: UInt64, bits: UInt64) in (ramBase + number * 0x1000) >> 2 | bits }
    let satp = { (root: UInt64) in 8 << 60 | (ramBase + root * 0x1000) >> 12 }
    var program = Assembly()
    program.openProtection()
    program.load(R.t1, satp(0x10))
    program.emit(I.csrw(C.satp, R.t1))
    program.loadAddress(R.t1, "kernel")
    program.load(R.t2, upper - ramBase)
    program.emit(I.add(R.t1, R.t1, R.t2), I.csrw(C.mepc, R.t1))
    program.set(C.mstatus, 1 << 11 | 1 << 18)
    program.emit(I.mret)

    var digits: [UInt64] = []
    func read(_ register: Int, _ digit: UInt64) {
      program.emit(I.ld(R.t1, register), I.mul(R.a0, R.a0, R.a1), I.add(R.a0, R.a0, R.t1))
      digits.append(digit)
    }
    func store(_ value: UInt64, _ address: UInt64) {
      program.load(R.t1, value)
      program.load(R.t2, address)
      program.emit(I.sd(R.t1, R.t2))
    }
    let (own, user, giga) = (R.s0, R.s1, R.s2)
    let (rootA, rootB, rootC) = (R.s3, R.s4, R.s5)
    program.label("kernel")
    program.load(own, upper + 0x8000)
    program.load(user, 0x1000)
    program.load(giga, 0xffff_ffff_8000_0000 + 0x1a000)
    for (root, register) in [(0x10, rootA), (0x11, rootB), (0x12, rootC)] as [(UInt64, Int)] {
      program.load(register, satp(root))
    }
    program.load(R.a1, 10)
    program.load(R.s6, UInt64(passes))
    program.label("pass")
    read(own, 1)
    read(user, 1)
    program.emit(I.csrw(C.satp, rootB))
    read(own, 1)
    read(user, 2)
    // The table that both share; then the root of this space alone.
    store(page(0x19, 0xcf), tables + 0x4000 + 8 * 8)
    read(own, 2)
    store(page(0x15, 1), tables + 0x1000 + 511 * 8)
    read(own, 3)
    store(page(0x13, 1), tables + 0x1000 + 511 * 8)
    read(own, 2)
    program.emit(I.csrw(C.satp, rootC))
    read(own, 3)
    program.emit(I.csrw(C.satp, rootA))
    read(own, 2)
    read(user, 1)
    // The root of the space that is left, while it is not the one in use.
    program.emit(I.csrw(C.satp, rootB))
    store(page(0x15, 1), tables + 511 * 8)
    read(own, 2)
    program.emit(I.csrw(C.satp, rootA))
    read(own, 3)
    store(page(0x13, 1), tables + 511 * 8)
    // A page as large as an entry of the root allows, until that entry of the other root leads on.
    read(giga, 3)
    program.emit(I.csrw(C.satp, rootB))
    read(giga, 3)
    store(page(0x13, 1), tables + 0x1000 + 510 * 8)
    read(giga, 2)
    store(page(0, 0xcf), tables + 0x1000 + 510 * 8)
    store(page(0x18, 0xcf), tables + 0x4000 + 8 * 8)
    program.emit(I.csrw(C.satp, rootA), I.addi(R.s6, R.s6, -1))
    program.branch(.notEqual, R.s6, 0, "pass")
    program.label("end")
    program.jump("end")

    func table(_ number: UInt64, _ entries: [Int: UInt64]) {
      program.pad(to: ramBase + number * 0x1000)
      for index in 0..<512 { program.doubleword(entries[index] ?? 0) }
    }
    // Roots; two upper halves; two lower halves.
    table(0x10, [0: page(0x1b, 1), 510: page(0, 0xcf), 511: page(0x13, 1)])
    table(0x11, [0: page(0x1d, 1), 510: page(0, 0xcf), 511: page(0x13, 1)])
    table(0x12, [511: page(0x15, 1)])
    for (number, own, giga) in [(0x13, 0x18, 0x19), (0x15, 0x1a, 0x1a)] as [(UInt64, UInt64, UInt64)] {
      table(number, [0: page(number + 1, 1)])
      var entries: [Int: UInt64] = [:]
      for frame in 0..<32 { entries[frame] = page(UInt64(frame), 0xcf) }
      entries[8] = page(own, 0xcf)
      entries[0x1a] = page(giga, 0xcf)
      table(number + 1, entries)
    }
    program.pad(to: ramBase + 0x18000)
    for value: UInt64 in 1...3 {
      program.doubleword(value)
      program.pad(to: ramBase + (0x18 + value) * 0x1000)
    }
    table(0x1b, [0: page(0x1c, 1)])
    table(0x1c, [1: page(0x18, 0xd7)])
    table(0x1d, [0: page(0x1e, 1)])
    table(0x1e, [1: page(0x19, 0xd7)])

    var expected: UInt64 = 0
    for _ in 0..<passes { for digit in digits { expected = expected &* 10 &+ digit } }
    try expectResult(
      program, engine, register: R.a0, equals: expected, end: upper &- ramBase &+ program.address(of: "end"),
      copying: passes == 1)
  }
}
