// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// Tables of the specification for the extensions that came after RV64GC. Each program stores what it found and ends.
@Suite struct LaterExtensionsTests {
  private typealias I = Instruction
  private typealias R = Register
  private typealias C = ControlRegister

  private static let data = ramBase + 0x8000

  /// Runs what `body` emits in M mode on each engine, and gives `count` doublewords from `data` on. A trap goes to a handler that
  /// stores mcause and mtval at `data + 0x800`, counts at `data + 0x810` and steps over the instruction.
  private func run(
    _ processor: ProcessorModel = .max, extra: [BootPlan.Region] = [], count: Int = 4,
    _ body: (inout Assembly) -> Void
  ) throws -> [UInt64] {
    var results: [[UInt64]] = []
    for engine in Machine.Engine.both {
      var program = Assembly()
      program.loadAddress(R.t0, "handler")
      program.emit(I.csrw(C.mtvec, R.t0))
      program.load(R.s0, Self.data)
      body(&program)
      program.load(R.t0, 0x10_0000)
      program.load(R.t1, 0x5555)
      program.emit(I.sw(R.t1, R.t0))
      program.align(4)
      program.label("handler")
      program.load(R.t6, Self.data + 0x800)
      program.emit(I.csrr(R.t5, C.mcause), I.sd(R.t5, R.t6), I.csrr(R.t5, C.mtval), I.sd(R.t5, R.t6, 8))
      program.emit(I.typeI(0x03, 3, R.t5, R.t6, 16), I.addi(R.t5, R.t5, 1), I.sd(R.t5, R.t6, 16))
      program.emit(I.csrr(R.t5, C.mepc), I.addi(R.t5, R.t5, 4), I.csrw(C.mepc, R.t5), I.mret)
      let machine = Machine(
        configuration: MachineConfiguration(
          memorySize: 2 << 20, hartCount: 1, shift: 0, drives: [], processor: processor),
        plan: BootPlan(
          regions: [BootPlan.Region(address: ramBase, bytes: program.assembled())] + extra,
          start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20)),
        gate: ScriptedGate(), engine: engine)
      #expect(machine.run(until: 100_000) == .poweredOff(status: 0), "\(engine)")
      let offsets = (0..<count).map { UInt64(8 * $0) } + [0x800, 0x808, 0x810]
      results.append(offsets.map { machine.memory.load(UInt64.self, at: Self.data + $0) ?? 0 })
    }
    #expect(results[0] == results[1], "the engines differ")
    return results[0]
  }

  private static func value(_ one: UInt64, _ other: UInt64, _ word: UInt32) -> (inout Assembly) -> Void {
    { program in
      program.load(R.a1, one)
      program.load(R.a2, other)
      program.emit(word, I.sd(R.a0, R.s0))
    }
  }

  @Test(
    arguments: [
      // clmul, clmulh, clmulr a0,a1,a2
      (3, 3, 0x0ac5_9533, 5), (~0, ~0, 0x0ac5_9533, 0x5555_5555_5555_5555),
      (~0, ~0, 0x0ac5_b533, 0x5555_5555_5555_5555), (1 << 63, 2, 0x0ac5_b533, 1),
      (~0, ~0, 0x0ac5_a533, 0xaaaa_aaaa_aaaa_aaaa), (1 << 63, 1 << 63, 0x0ac5_a533, 1 << 63),
      (1 << 63, 1 << 63, 0x0ac5_b533, 1 << 62),
      // czero.eqz, czero.nez
      (7, 0, 0x0ec5_d533, 0), (7, 1, 0x0ec5_d533, 7), (7, 0, 0x0ec5_f533, 7), (7, 1 << 40, 0x0ec5_f533, 0),
      // mop.r.0, mop.r.31, mop.rr.7
      (7, 7, 0x81c5_c573, 0), (7, 7, 0xcdf5_c573, 0), (7, 7, 0xcec5_c573, 0),
    ] as [(UInt64, UInt64, UInt32, UInt64)])
  func computes(one: UInt64, other: UInt64, word: UInt32, result: UInt64) throws {
    let found = try run { Self.value(one, other, word)(&$0) }
    #expect(found[0] == result)
    #expect(found[6] == 0, "a trap")
  }

  /// What a model has not is illegal there: cause 2, with the instruction.
  @Test(
    arguments: [
      (.rv64, 0x0ec5_d533), (.rv64, 0x81c5_c573), (.rv64, 0x1800_0073), (.rv64, 0x28c5_a52f),
      (.rv64, 0x00c5_852f),
      (.rva22s64, 0x0ac5_9533), (.rva22s64, 0x00d0_0073), (.max, 0x28c5_c5af), (.max, 0x0035_a00f),
      (.max, 0x0005_a50f),
    ] as [(ProcessorModel, UInt32)])
  func isIllegal(processor: ProcessorModel, word: UInt32) throws {
    let found = try run(processor) { $0.emit(word) }
    #expect(found[4...] == [2, UInt64(word), 1])
  }

  @Test func clearsABlock() throws {
    let found = try run(.rv64, count: 17) { program in
      program.load(R.t0, ~0)
      for index in 0..<17 { program.emit(I.sd(R.t0, R.s0, 8 * index)) }
      program.emit(I.addi(R.a1, R.s0, 69), 0x0045_a00f)
    }
    let ones = [UInt64](repeating: .max, count: 8)
    let expected = ones + [UInt64](repeating: 0, count: 8) + [UInt64.max]
    #expect(Array(found[..<17]) == expected)
  }

  /// Management makes no access; clearing what is no RAM does, and fails at the block's start.
  @Test func managesHoles() throws {
    let found = try run { program in
      program.load(R.a1, 0x4000_0045)
      program.emit(0x0005_a00f, 0x0015_a00f, 0x0025_a00f, 0x0045_a00f)
    }
    #expect(found[4...] == [7, 0x4000_0040, 1])
  }

  @Test func comparesAndSwaps() throws {
    let found = try run(count: 6) { program in
      program.load(R.t0, 0xffff_ffff_8000_0001)
      program.emit(I.sd(R.t0, R.s0), I.sd(R.t0, R.s0, 8), I.addi(R.a1, R.s0, 0))
      // amocas.w a0,a2,(a1) of equal words, whatever stands above; then amocas.b of others.
      program.load(R.a0, 0x8000_0001)
      program.load(R.a2, 5)
      program.emit(0x28c5_a52f, I.sd(R.a0, R.s0, 16), I.addi(R.a0, 0, 6), 0x28c5_852f, I.sd(R.a0, R.s0, 24))
      // amocas.q a0,a2,(a1) of what stands there.
      program.emit(I.typeI(0x03, 3, R.a0, R.s0, 0), I.addi(R.a4, R.a1, 0), I.typeI(0x03, 3, R.a1, R.s0, 8))
      program.emit(I.addi(R.a3, 0, 9), 0x28c7_452f, I.sd(R.a0, R.s0, 32), I.sd(R.a1, R.s0, 40))
    }
    #expect(
      found[..<6] == [5, 9, 0xffff_ffff_8000_0001, 5, 0xffff_ffff_0000_0005, 0xffff_ffff_8000_0001])
    #expect(found[8] == 0)
  }

  /// amomax.b and amominu.h a0,a2,(a1): signed and not.
  @Test func worksOnBytesAndHalfwords() throws {
    let found = try run { program in
      program.load(R.t0, 0x1234_5678_ffff_80f0)
      program.emit(I.sd(R.t0, R.s0), I.addi(R.a1, R.s0, 0))
      program.load(R.a2, 0xfff1)
      program.emit(0xa0c5_852f, I.sd(R.a0, R.s0, 8), 0xc0c5_952f, I.sd(R.a0, R.s0, 16))
      program.emit(I.addi(R.a1, R.a1, 1), 0xc0c5_952f)
    }
    #expect(found[..<3] == [0x1234_5678_ffff_80f1, 0xffff_ffff_ffff_fff0, 0xffff_ffff_ffff_80f1])
    #expect(found[4...] == [6, Self.data + 1, 1])
  }

  @Test func controlRegistersHaveTheirBits() throws {
    func menvcfg(_ processor: ProcessorModel) throws -> [UInt64] {
      try run(processor) { program in
        program.emit(I.csrr(R.a0, C.menvcfg), I.sd(R.a0, R.s0))
        program.set(C.menvcfg, ~0)
        program.emit(I.csrr(R.a0, C.menvcfg), I.sd(R.a0, R.s0, 8))
        program.set(0x10a, ~0)
        program.emit(I.csrr(R.a0, 0x10a), I.sd(R.a0, R.s0, 16))
        program.set(C.satp, 9 << 60)
        program.emit(I.csrr(R.a0, C.satp), I.sd(R.a0, R.s0, 24))
      }
    }
    #expect(try menvcfg(.rv64)[..<4] == [1 << 61, 0xa000_0000_0000_00f1, 0xf1, 9 << 60])
    #expect(try menvcfg(.rva22s64)[..<4] == [1 << 62, 0xc000_0000_0000_00f1, 0xf1, 0])
    #expect(try menvcfg(.max)[..<4] == [3 << 61, 0xe000_0000_0000_00f1, 0xf1, 9 << 60])
  }

  /// Memory types and pages of 64 KiB, with `menvcfg.PBMTE` set and then cleared: that works at once.
  @Test func translatesMemoryTypesAndContiguousPages() throws {
    let tables = ramBase + 0x10000
    func pointer(_ address: UInt64) -> UInt64 { address >> 2 | 1 }
    // A gigapage where everything is, then at 1 GiB a table of pages.
    let pages: [Int: UInt64] = [
      0: Self.data >> 2 | 0xcf | 1 << 61, 3: (ramBase >> 12 | 8) << 10 | 0xcf | 1 << 63,
      4: Self.data >> 2 | 0xcf | 3 << 61, 5: (ramBase >> 12 | 4) << 10 | 0xcf | 1 << 63,
      6: Self.data >> 2 | 0xcf | 1 << 60,
    ]
    let regions = [
      pageTable(at: tables, [1: pointer(tables + 0x1000), 2: ramBase >> 2 | 0xcf]),
      pageTable(at: tables + 0x1000, [0: pointer(tables + 0x2000)]), pageTable(at: tables + 0x2000, pages),
    ]
    let found = try run(extra: regions, count: 4) { program in
      program.openProtection()
      program.load(R.t0, 42)
      program.emit(I.sd(R.t0, R.s0, 24))
      program.load(R.t1, ramBase + 0x3000)
      program.emit(I.addi(R.t0, 0, 43), I.sd(R.t0, R.t1, 24))
      program.set(C.menvcfg, 1 << 62)
      program.set(C.satp, 8 << 60 | tables >> 12)
      // Loads as in S mode; a trap's return forgets it.
      program.load(R.t4, 1 << 17 | 1 << 11)
      program.emit(I.csrrs(0, C.mstatus, R.t4), I.lui(R.t2, 0x40000))
      program.load(R.t3, 0x1000)
      // Page 0 and 3 are good; 4 to 6 fault.
      program.emit(I.typeI(0x03, 3, R.a0, R.t2, 24), I.add(R.t2, R.t2, R.t3), I.add(R.t2, R.t2, R.t3))
      program.emit(I.add(R.t2, R.t2, R.t3), I.typeI(0x03, 3, R.a1, R.t2, 24))
      for _ in 4...6 {
        program.emit(
          I.csrrs(0, C.mstatus, R.t4), I.add(R.t2, R.t2, R.t3), I.typeI(0x03, 3, R.a2, R.t2, 0))
      }
      program.emit(I.csrrc(0, C.mstatus, R.t4))
      program.emit(I.sd(R.a0, R.s0), I.sd(R.a1, R.s0, 8))
      program.set(C.menvcfg, 0)
      program.emit(I.csrrs(0, C.mstatus, R.t4), I.lui(R.t2, 0x40000), I.typeI(0x03, 3, R.a2, R.t2, 24))
      program.emit(I.csrrc(0, C.mstatus, R.t4))
    }
    #expect(found[..<2] == [42, 43])
    #expect(found[4...] == [13, 0x4000_0018, 4])
  }
}
