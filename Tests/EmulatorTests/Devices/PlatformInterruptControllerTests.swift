// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

@Suite struct PlatformInterruptControllerTests {
  let board = DeviceTestBoard()
  let plic: PlatformInterruptController

  init() { plic = PlatformInterruptController(board: board, hartCount: 2) }

  private func enable(_ sources: [Int], context: UInt64) {
    for word in 0..<3 {
      let bits = sources.filter { $0 / 32 == word }.reduce(0 as UInt32) { $0 | 1 << UInt32($1 % 32) }
      plic.write32(0x2000 + context * 0x80 + UInt64(word) * 4, bits)
    }
  }

  private func setPriority(_ priority: UInt32, source: Int) { plic.write32(UInt64(source) * 4, priority) }
  private func claim(context: UInt64) -> UInt32 { plic.read32(0x20_0004 + context * 0x1000) }
  private func complete(_ source: UInt32, context: UInt64) {
    plic.write32(0x20_0004 + context * 0x1000, source)
  }

  @Test func interruptsReachTheHartsOfTheirContexts() {
    setPriority(1, source: 10)
    plic.setSource(10, level: true)
    #expect(board.highHartLines.isEmpty)
    for (context, line) in [
      (.machineExternal, 0), (.supervisorExternal, 0), (.machineExternal, 1),
      (.supervisorExternal, 1),
    ].enumerated() as EnumeratedSequence<[(HartInterrupt, Int)]> {
      enable([10], context: UInt64(context))
      #expect(board.highHartLines.isEmpty)
      setPriority(1, source: 10)
      #expect(board.highHartLines == [.init(hart: line.1, interrupt: line.0)])
      enable([], context: UInt64(context))
      #expect(!board.highHartLines.isEmpty)
      #expect(claim(context: UInt64(context)) == 0)
      #expect(board.highHartLines.isEmpty)
    }
  }

  @Test func highestPriorityThenLowestSourceIsClaimed() {
    let sources = [95, 40, 33, 32, 7]
    enable(sources, context: 1)
    for source in sources { plic.setSource(source, level: true) }
    for (source, priority) in [(95, 7), (40, 3), (33, 3), (32, 2), (7, 1)] {
      setPriority(UInt32(priority), source: source)
    }
    #expect(plic.read32(0x1000) == 1 << 7)
    #expect(plic.read32(0x1004) == 1 << 8 | 1 << 1 | 1)
    #expect(plic.read32(0x1008) == 1 << 31)
    #expect((0..<6).map { _ in claim(context: 1) } == [95, 33, 40, 32, 7, 0])
    #expect(board.highHartLines.isEmpty)
  }

  @Test func thresholdMasksUpToItself() {
    enable([1], context: 0)
    setPriority(3, source: 1)
    plic.setSource(1, level: true)
    plic.write32(0x20_0000, 3)
    #expect(!board.isHigh(.machineExternal, hart: 0))
    #expect(claim(context: 0) == 0)
    plic.write32(0x20_0000, 2)
    #expect(board.isHigh(.machineExternal, hart: 0))
    #expect(claim(context: 0) == 1)
  }

  @Test func sourcesPendWhenTheirDevicesSpeak() {
    enable([2], context: 3)
    setPriority(1, source: 2)
    plic.setSource(2, level: true)
    #expect(claim(context: 3) == 2)
    complete(2, context: 3)
    // The line is still high, but nobody has said so again.
    #expect(plic.read32(0x1000) == 0 && !board.isHigh(.supervisorExternal, hart: 1))
    plic.setSource(2, level: true)
    #expect(plic.read32(0x1000) == 4 && board.isHigh(.supervisorExternal, hart: 1))
    #expect(claim(context: 3) == 2)
    // What is said while the source is claimed waits for the completion, even if the line has fallen.
    plic.setSource(2, level: true)
    plic.setSource(2, level: false)
    #expect(plic.read32(0x1000) == 4 && !board.isHigh(.supervisorExternal, hart: 1))
    #expect(claim(context: 3) == 0)
    complete(2, context: 3)
    #expect(board.isHigh(.supervisorExternal, hart: 1))
    #expect(claim(context: 3) == 2)
  }

  @Test func levelIsLookedAtAgainAtCompletionInTheFirstRevision() {
    let board = DeviceTestBoard(revision: .first)
    let plic = PlatformInterruptController(board: board, hartCount: 2)
    func claim(context: UInt64) -> UInt32 { plic.read32(0x20_0004 + context * 0x1000) }
    func complete(_ source: UInt32, context: UInt64) { plic.write32(0x20_0004 + context * 0x1000, source) }
    plic.write32(8, 1)
    plic.setSource(2, level: true)
    plic.write32(0x2180, 4)
    // Enable bits take effect at once.
    #expect(board.isHigh(.supervisorExternal, hart: 1))
    plic.setSource(2, level: false)
    _ = claim(context: 3)
    complete(2, context: 3)
    plic.setSource(2, level: true)
    #expect(claim(context: 3) == 2)
    #expect(!board.isHigh(.supervisorExternal, hart: 1))
    #expect(plic.read32(0x1000) == 0)
    // Still high: it comes again, but only after the completion.
    #expect(claim(context: 3) == 0)
    complete(2, context: 3)
    #expect(board.isHigh(.supervisorExternal, hart: 1))
    #expect(claim(context: 3) == 2)
    // It rises and falls while claimed: nothing remains of that.
    plic.setSource(2, level: false)
    plic.setSource(2, level: true)
    plic.setSource(2, level: false)
    complete(2, context: 3)
    #expect(claim(context: 3) == 0)
  }

  @Test func pendingOutlivesTheLevel() {
    enable([2], context: 0)
    setPriority(1, source: 2)
    plic.setSource(2, level: true)
    plic.setSource(2, level: false)
    #expect(board.isHigh(.machineExternal, hart: 0))
    #expect(claim(context: 0) == 2)
    complete(2, context: 0)
    #expect(claim(context: 0) == 0)
  }

  @Test func completionsOfNothingAreIgnored() {
    enable([2], context: 0)
    setPriority(1, source: 2)
    plic.setSource(2, level: true)
    let before = plic.savedBytes()
    for source in [0, 2, 3, 96, .max] as [UInt32] { complete(source, context: 0) }
    #expect(plic.savedBytes() == before)
  }

  @Test func registersKeepOnlyWhatExists() {
    plic.write32(4, 0xffff_fffd)
    #expect(plic.read32(4) == 5)
    plic.write32(0, 7)
    #expect(plic.read32(0) == 0)
    plic.write32(96 * 4, 7)
    #expect(plic.read32(96 * 4) == 0)
    plic.write32(0x2000, 0xffff_ffff)
    #expect(plic.read32(0x2000) == 0xffff_fffe)
    plic.write32(0x1000, 0xffff_ffff)
    #expect(plic.read32(0x1000) == 0)
    plic.write32(0x20_3000, 0xff)
    #expect(plic.read32(0x20_3000) == 7)
    // Context 4 belongs to a third hart.
    plic.write32(0x20_4000, 7)
    #expect(plic.read32(0x20_4000) == 0)
    plic.write32(0x2200, 2)
    #expect(plic.read32(0x2200) == 0)
    plic.write8(4, 1)
    #expect(plic.read8(4) == 0 && plic.read32(4) == 5)
  }

  /// A model that says the same in other words: sets of sources, and the definition of a claim.
  @Test(arguments: [1, 2, 3] as [UInt64]) func agreesWithAModel(seed: UInt64) {
    print("PLIC model seed \(seed)")
    var random = SeededGenerator(seed: seed)
    var priority: [Int: UInt32] = [:]
    var enabled: [Set<Int>] = Array(repeating: [], count: 4)
    var threshold: [UInt32] = [0, 0, 0, 0]
    var pending: Set<Int> = []
    var claimed: Set<Int> = []
    var isHigh = [false, false, false, false]
    let sources = [1, 2, 10, 11, 31, 32, 64, 95]
    func best(_ context: Int) -> Int {
      pending.subtracting(claimed).intersection(enabled[context]).filter {
        priority[$0, default: 0] > threshold[context]
      }
      .max { (priority[$0, default: 0], -$0) < (priority[$1, default: 0], -$1) } ?? 0
    }
    for step in 0..<20_000 {
      let source = sources.randomElement(using: &random)!  // not empty
      let context = Int.random(in: 0..<4, using: &random)
      let value = UInt32.random(in: 0...7, using: &random)
      var isUpdated = true
      switch Int.random(in: 0..<7, using: &random) {
      case 0:
        setPriority(value, source: source)
        priority[source] = value
      case 1:
        enabled[context].formSymmetricDifference([source])
        enable(Array(enabled[context]), context: UInt64(context))
        isUpdated = false
      case 2:
        plic.write32(0x20_0000 + UInt64(context) * 0x1000, value / 2)
        threshold[context] = value / 2
      case 3, 4:
        let level = Bool.random(using: &random)
        plic.setSource(source, level: level)
        if level { pending.insert(source) }
        isUpdated = level
      case 5:
        let expected = best(context)
        #expect(claim(context: UInt64(context)) == UInt32(expected), "seed \(seed), step \(step)")
        if expected != 0 {
          pending.remove(expected)
          claimed.insert(expected)
        }
      default:
        complete(UInt32(source), context: UInt64(context))
        claimed.remove(source)
      }
      if isUpdated { isHigh = (0..<4).map { best($0) != 0 } }
      for context in 0..<4 {
        let interrupt: HartInterrupt = context % 2 == 0 ? .machineExternal : .supervisorExternal
        #expect(
          board.isHigh(interrupt, hart: context / 2) == isHigh[context], "seed \(seed), step \(step)")
      }
    }
  }

  @Test func stateRoundTrip() throws {
    enable([1, 40, 95], context: 2)
    for source in [1, 40, 95] {
      setPriority(UInt32(source % 8), source: source)
      plic.setSource(source, level: true)
    }
    setPriority(6, source: 40)
    #expect(claim(context: 2) == 95)
    let saved = plic.savedBytes()
    let copy = PlatformInterruptController(board: board, hartCount: 2)
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved)
    // The copy knows what its outputs are: taking the last pending source lowers the line.
    #expect(copy.read32(0x20_2004) == 40)
    #expect(board.isHigh(.machineExternal, hart: 1))
    #expect(copy.read32(0x20_2004) == 1)
    #expect(!board.isHigh(.machineExternal, hart: 1))
    plic.reset()
    let fresh = PlatformInterruptController(board: board, hartCount: 2)
    #expect(plic.savedBytes() == fresh.savedBytes())
  }

  @Test func badStateIsRefused() {
    let saved = plic.savedBytes()
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try plic.restoreAll(Array(saved.prefix(count))) }
    }
    // Priority of source 0, priority 8, level of source 0, enable of source 0, threshold 8.
    // And an output of a fifth context.
    for (index, value) in [
      (0, 1), (1, 8), (96, 1), (96 + 36, 1), (saved.count - 5, 8), (saved.count - 4, 16),
    ]
      as [(Int, UInt8)]
    {
      var bad = saved
      bad[index] = value
      #expect(throws: ByteCodingError.self) { try plic.restoreAll(bad) }
    }
    // Source 1 pending and claimed at once: only in the first revision that cannot be.
    var bad = saved
    bad[100] = 2
    bad[104] = 2
    #expect(throws: Never.self) { try plic.restoreAll(bad) }
    let first = PlatformInterruptController(board: DeviceTestBoard(revision: .first), hartCount: 2)
    bad.removeLast(4)
    #expect(throws: ByteCodingError.self) { try first.restoreAll(bad) }
  }
}
