// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

/// RAM as devices and the host see it, and its digest.
@Suite struct GuestMemoryTests {
  /// The digest from its definition, from scratch.
  static func digest(_ memory: GuestMemory) -> UInt64 {
    var sum: UInt64 = 0
    for page in 0..<memory.pageCount {
      // What lies behind RAM counts as well.
      let bytes = UnsafeRawBufferPointer(start: memory.bytes + page * 4096, count: 4096)
      if !GuestMemory.isZero(bytes) { sum &+= Digest.of(bytes, seed: UInt64(page)) }
    }
    return sum
  }

  @Test func digestIsThatOfAllMemory() throws {
    for _ in 0..<6 {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SeededGenerator(seed: seed)
      let machine = RandomGuest(seed: seed, harts: 2).machine()
      for step in 1...12 {
        _ = machine.run(until: UInt64(step) * 1_500)
        // What devices write, across pages; and pages that become zero again.
        let address = ramBase + 0x40000 + UInt64.random(in: 0..<0x10000, using: &random)
        let count = Int.random(in: 0..<9000, using: &random)
        let fill: UInt8 = Bool.random(using: &random) ? 0 : 0x5a
        #expect(machine.memory.write([UInt8](repeating: fill, count: count), at: address))
        #expect(machine.memory.store(random.next(), at: address &- 4))
        #expect(
          try #require(machine.digests().last) == Self.digest(machine.memory), "seed \(seed), step \(step)")
      }
    }
  }

  @Test func changedPagesAreThoseThatChanged() {
    for _ in 0..<6 {
      let seed = UInt64.random(in: 0...UInt64.max)
      let machine = RandomGuest(seed: seed).machine()
      _ = machine.run(until: 4_000)
      machine.forgetChangedPages()
      let before = machine.memory.read(at: ramBase, count: Int(machine.memory.size))!  // all of RAM
      _ = machine.run(until: 12_000)
      // In between digests must not lose a page.
      _ = machine.digests()
      _ = machine.run(until: 20_000)
      machine.memory.write([1, 2, 3], at: ramBase + 0x4_0fff)
      let after = machine.memory.read(at: ramBase, count: before.count)!  // all of RAM
      let changed = Set(machine.changedPages.pages)
      for page in 0..<machine.memory.ramPageCount {
        let isMarked = changed.contains(page)
        let differs = before[page * 4096..<(page + 1) * 4096] != after[page * 4096..<(page + 1) * 4096]
        #expect(isMarked || !differs, "page \(page) changed, seed \(seed)")
      }
      #expect(changed.isSuperset(of: [64, 65]), "a write across a page's end marks both")
    }
  }

  /// With no guest running, since a random one may store anywhere.
  @Test func whatNobodyWritesIsNotMarked() {
    let machine = RandomGuest(seed: 1).machine()
    machine.forgetChangedPages()
    machine.memory.write([1, 2, 3], at: ramBase + 0x4_0fff)
    #expect(machine.changedPages.pages == [64, 65], "and no other")
  }

  @Test func accessesReachRAMOnly() {
    let memory = GuestMemory(base: ramBase, size: 8192)
    #expect(memory.read(at: ramBase - 1, count: 1) == nil)
    #expect(memory.read(at: ramBase + 8191, count: 1) == [0])
    #expect(memory.read(at: ramBase + 8191, count: 2) == nil)
    #expect(memory.read(at: ramBase + 8192, count: 0) == nil)
    #expect(memory.read(at: .max, count: 2) == nil)
    #expect(!memory.write([1, 2], at: ramBase + 8191))
    #expect(memory.read(at: ramBase + 8191, count: 1) == [0], "all or nothing")
    #expect(!memory.store(UInt64(1), at: ramBase + 8185))
    #expect(memory.store(UInt64(0x1122_3344_5566_7788), at: ramBase + 4093))
    #expect(memory.load(UInt64.self, at: ramBase + 4093) == 0x1122_3344_5566_7788)
    #expect(memory.read(at: ramBase + 4093, count: 2) == [0x88, 0x77])
    memory.clear()
    #expect(memory.load(UInt64.self, at: ramBase + 4093) == 0)
  }
}
