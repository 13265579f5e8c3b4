// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Keepers see every page that changes, once, as it was when their epoch began.
@Suite struct PageKeepingTests {
  private final class Keeper: PageKeeper {
    private(set) var pages: [Int: [UInt8]] = [:]
    private(set) var shownTwice: [Int] = []

    func keep(page: Int, bytes: UnsafeRawPointer) {
      if pages[page] != nil { shownTwice.append(page) }
      pages[page] = [UInt8](UnsafeRawBufferPointer(start: bytes, count: GuestMemory.pageSize))
    }

    func forget() { pages = [:] }
  }

  private static func contents(_ memory: GuestMemory) -> [UInt8] {
    memory.read(at: memory.base, count: Int(memory.size))!  // all of RAM
  }

  /// `present` with the pages that `keeper` was shown put back.
  private static func putBack(_ keeper: Keeper, into present: [UInt8]) -> [UInt8] {
    var bytes = present
    // What lies behind RAM is not compared.
    for (page, old) in keeper.pages where (page + 1) * 4096 <= bytes.count {
      bytes.replaceSubrange(page * 4096..<(page + 1) * 4096, with: old)
    }
    return bytes
  }

  @Test func storesOfTheHost() {
    let memory = GuestMemory(base: ramBase, size: 16 * 4096)
    memory.write([UInt8](repeating: 1, count: 3 * 4096), at: ramBase)
    let (early, late) = (Keeper(), Keeper())
    memory.beginKeeping(for: early)
    memory.write([2, 2], at: ramBase + 4095)
    #expect(early.pages.keys.sorted() == [0, 1], "a write across a page's end changes both")
    #expect(early.pages.values.allSatisfy { $0 == [UInt8](repeating: 1, count: 4096) })

    memory.beginKeeping(for: late)
    memory.store(UInt64(3), at: ramBase + 4096)
    memory.clear(at: ramBase + 2 * 4096, count: 4096)
    #expect(late.pages.keys.sorted() == [1, 2])
    #expect(late.pages[1]?.first == 2, "as it was when the later epoch began")
    #expect(early.pages.keys.sorted() == [0, 1, 2] && early.shownTwice.isEmpty)

    early.forget()
    memory.beginKeeping(for: early)
    memory.endKeeping(for: late)
    memory.clear()
    #expect(early.pages.keys.sorted() == [0, 1], "a new epoch; page 2 is zero already")
    #expect(late.pages.count == 2, "nothing is shown after the end")
    memory.endKeeping(for: early)
    memory.write([9], at: ramBase + 5 * 4096)
    #expect(early.pages.count == 2)
  }

  /// Interpreted and translated stores, atomics, the A and D bits, devices, in epochs that overlap; and nobody else
  /// notices.
  @Test(arguments: Machine.Engine.both, [1, 2]) func everyStoreOfAGuest(engine: Machine.Engine, harts: Int) {
    for _ in 0..<10 {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SeededGenerator(seed: seed)
      let machine = RandomGuest(seed: seed, harts: harts).machine(shift: 2, engine: engine)
      let other = RandomGuest(seed: seed, harts: harts).machine(shift: 2, engine: engine)
      var keepers: [(keeper: Keeper, start: [UInt8])] = []
      for step in 1...12 {
        if keepers.isEmpty || Int.random(in: 0..<2, using: &random) == 0 {
          // A new keeper, or a new epoch of one that is there.
          let start = Self.contents(machine.memory)
          if keepers.count < 3 {
            keepers.append((Keeper(), start))
            machine.memory.beginKeeping(for: keepers[keepers.count - 1].keeper)
          } else {
            let index = Int.random(in: 0..<keepers.count, using: &random)
            keepers[index].keeper.forget()
            keepers[index].start = start
            machine.memory.beginKeeping(for: keepers[index].keeper)
          }
        }
        let position = UInt64(step) * 2_000 + UInt64.random(in: 0..<1_000, using: &random)
        let stops = (machine.run(until: position), other.run(until: position))
        #expect(stops.0 == stops.1)
        #expect(machine.fingerprint == other.fingerprint, "keeping is invisible: seed \(seed)")
        let present = Self.contents(machine.memory)
        for (keeper, start) in keepers {
          let isRestored = Self.putBack(keeper, into: present) == start
          #expect(isRestored, "\(engine), seed \(seed), step \(step)")
          #expect(keeper.shownTwice.isEmpty, "seed \(seed)")
        }
        if stops.0 != .position { break }
      }
    }
  }

  @Test(arguments: Machine.Engine.both) func whatADriveBrings(engine: Machine.Engine) {
    let machine = BlockGuest.machine(gate: ScriptedGate(blockDelay: 333), engine: engine)
    _ = machine.run(until: 5_000)
    let keeper = Keeper()
    machine.memory.beginKeeping(for: keeper)
    let start = Self.contents(machine.memory)
    _ = machine.run(until: 40_000)
    let present = Self.contents(machine.memory)
    let isRestored = Self.putBack(keeper, into: present) == start
    #expect(isRestored)
    // Of the pages from the counters on, only those that are written to: counters, queue, status, data.
    #expect(keeper.pages.keys.sorted() == [7, 8, 9, 10])
  }

  @Test func aResetIsSeenToo() {
    var seed: UInt64
    // Some guests end before the reset comes.
    repeat {
      seed = UInt64.random(in: 0...UInt64.max)
    } while RandomGuest(seed: seed).machine(gate: ScriptedGate()).run(until: 9_001) != .position
    let gate = ScriptedGate(script: [.init(position: 9_000, arrival: .reset)])
    let machine = RandomGuest(seed: seed).machine(gate: gate)
    _ = machine.run(until: 8_000)
    let keeper = Keeper()
    machine.memory.beginKeeping(for: keeper)
    let start = Self.contents(machine.memory)
    _ = machine.run(until: 9_100)
    let isRestored = Self.putBack(keeper, into: Self.contents(machine.memory)) == start
    #expect(isRestored, "seed \(seed)")
    #expect(keeper.pages.count > 5)
  }
}
