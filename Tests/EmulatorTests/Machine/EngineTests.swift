// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import TestSupport
import Testing

/// Random guests on both engines: the same states, whatever they do.
@Suite struct EngineTests {
  /// Instructions of each guest, and between two looks at its state. Odd, so that looks fall anywhere in blocks.
  private static let length: UInt64 = 60_000
  private static let interval: UInt64 = 2_999

  /// `RRTOOL_RANDOM_INSTRUCTIONS` says how many are to be executed in all.
  private static var instructionCount: UInt64 {
    ProcessInfo.processInfo.environment["RRTOOL_RANDOM_INSTRUCTIONS"].flatMap { UInt64($0) } ?? 1_200_000
  }

  @Test(arguments: [false, true]) func enginesAgreeOnRandomGuests(translatedAtOnce: Bool) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("engines on random guests: seed \(seed), translated at once: \(translatedAtOnce)")
    var random = SeededGenerator(seed: seed)
    var executed: UInt64 = 0
    while executed < Self.instructionCount {
      let harts = 1 << Int.random(in: 0...2, using: &random)
      let guest = RandomGuest(seed: random.next(), harts: harts)
      let shift = Int.random(in: 0...4, using: &random)
      let interpreted = guest.machine(shift: shift, engine: .interpreter)
      let translated = guest.machine(shift: shift, engine: .translator)
      // Short blocks have their ends, and so what is kept across them, in other places.
      let blockLength = translatedAtOnce ? Int.random(in: 1...64, using: &random) : 64
      translated.makeBlocks(ofAtMost: blockLength, translatedAtOnce: translatedAtOnce)
      var position: UInt64 = 0
      while position < Self.length {
        position += Self.interval
        let stop = interpreted.run(until: position)
        let other = translated.run(until: position)
        let isSame = stop == other && interpreted.fingerprint == translated.fingerprint
        if !isSame {
          let found = interpreted.differences(from: translated, limit: 4)
          Issue.record(
            "seed \(guest.seed), \(guest.harts) harts, shift \(shift), blocks of \(blockLength): \(found)")
          return
        }
        if stop != .position { break }
      }
      #expect(interpreted.hasSameMemory(as: translated), "seed \(guest.seed)")
      executed += interpreted.now.position
    }
  }

  /// Loads and stores in loops: blocks are translated three times, and what they remember of pages is shared and given up.
  @Test func enginesAgreeOnLoops() {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("engines on loops: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<12 {
      let guest = LoopGuest(seed: random.next(), loops: 120)
      let interpreted = guest.machine(engine: .interpreter)
      let translated = guest.machine(engine: .translator)
      translated.makeBlocks(ofAtMost: Machine.blockLengthLimit, translatedAtOnce: true)
      var position: UInt64 = 0
      while position < 120_000 {
        position += Self.interval
        _ = (interpreted.run(until: position), translated.run(until: position))
        guard interpreted.fingerprint == translated.fingerprint else {
          Issue.record(
            "seed \(seed), position \(position): \(interpreted.differences(from: translated, limit: 4))")
          return
        }
      }
      #expect(interpreted.hasSameMemory(as: translated))
      // It came to its end, which is a call from S mode.
      #expect(interpreted.controlAndStatusRegister(ControlRegister.mcause, hart: 0) == 9)
    }
  }

  /// The comparison itself: it names what differs, with both values.
  @Test func differencesAreNamed() throws {
    let one = RandomGuest(seed: 5).machine(engine: .interpreter)
    let other = RandomGuest(seed: 5).machine(engine: .interpreter)
    _ = (one.run(until: 4_000), other.run(until: 4_000))
    #expect(one.differences(from: other).isEmpty)
    #expect(one.hasSameMemory(as: other))
    other.memory.store(one.doubleword(ramBase + 0x1f_0000) ^ 1, at: ramBase + 0x1f_0000)
    _ = one.run(until: 4_001)
    let names = one.differences(from: other).map(\.name)
    #expect(names.contains("board position"))
    #expect(names.contains("hart0 executedBeforeTurn"))
    #expect(names.contains("memory 0x801f0000"))
    #expect(!one.hasSameMemory(as: other))
    #expect(one.digests() != other.digests())
    let position = try #require(one.differences(from: other).first { $0.name == "board position" })
    #expect(position == StateDifference(name: "board position", left: "0xfa1", right: "0xfa0"))
  }
}
