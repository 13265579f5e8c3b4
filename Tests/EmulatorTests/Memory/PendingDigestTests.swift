// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Emulator
import TestSupport
import Testing

/// The digest of memory is that of the instant at which it was begun, whoever computes it and whenever.
@Suite struct PendingDigestTests {
  /// Computes digests on other threads.
  private final class Workers: Sendable {
    private let queue = DispatchQueue(label: "digests", attributes: .concurrent)
    private let group = DispatchGroup()

    func start(_ digests: PendingDigests) { queue.async(group: group) { _ = digests.values() } }
    func wait() { group.wait() }
  }

  private static let pageCount = 300

  private static func machine() -> Machine {
    makeMachine(program: [0x6f, 0, 0, 0], memorySize: UInt64(pageCount * 4096))  // jumps to itself
  }

  /// Stores anywhere, also what was there before, and pages that become zero; digests begin, and are asked for, at random
  /// moments, by one thread, several or none but the machine's.
  @Test func digestsAreOfTheirInstants() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let machine = Self.machine()
    let workers = Workers()
    var begun: [(digests: PendingDigests, expected: UInt64)] = []
    for _ in 0..<2000 {
      switch Int.random(in: 0..<40, using: &random) {
      case 0:
        let digests = machine.beginDigests()
        begun.append((digests, GuestMemoryTests.digest(machine.memory)))
        for _ in 0..<Int.random(in: 0...2, using: &random) { workers.start(digests) }
      case 1: machine.forgetChangedPages()
      case 2:
        if let one = begun.randomElement(using: &random) {
          #expect(try #require(one.digests.values().last) == one.expected, "seed \(seed)")
        }
      case 3:
        let page = UInt64.random(in: 0..<UInt64(Self.pageCount), using: &random)
        machine.memory.clear(at: ramBase + page * 4096, count: 4096)
      default:
        let offset = UInt64.random(in: 0..<UInt64(Self.pageCount * 4096 - 8), using: &random)
        #expect(machine.memory.store(UInt64.random(in: 0...3, using: &random), at: ramBase + offset))
      }
    }
    for (number, one) in begun.enumerated() {
      #expect(try #require(one.digests.values().last) == one.expected, "seed \(seed), number \(number)")
    }
    workers.wait()
    #expect(begun.count > 10)
    #expect(try #require(machine.digests().last) == GuestMemoryTests.digest(machine.memory))
  }

  /// Threads read pages that the machine changes at the same time: what they read then must not count.
  @Test func pagesChangeUnderTheThreadsThatDigestThem() throws {
    let machine = Self.machine()
    let workers = Workers()
    for round in 1...300 as ClosedRange<UInt64> {
      for page in 0..<UInt64(Self.pageCount) {
        machine.memory.store(round << 32 | page, at: ramBase + page * 4096 + 4000)
      }
      let expected = round % 10 == 0 ? GuestMemoryTests.digest(machine.memory) : nil
      let digests = machine.beginDigests()
      workers.start(digests)
      // From the other end, so that the two meet.
      for page in (0..<UInt64(Self.pageCount)).reversed() {
        machine.memory.store(~round, at: ramBase + page * 4096 + 8)
      }
      if let expected { #expect(try #require(digests.values().last) == expected, "round \(round)") }
    }
    workers.wait()
    #expect(try #require(machine.digests().last) == GuestMemoryTests.digest(machine.memory))
  }

  /// The guest stores to everything before anybody asks, or after somebody did.
  @Test(arguments: [false, true]) func whoeverComesFirst(asksBefore: Bool) throws {
    let machine = Self.machine()
    func fill(_ value: UInt64) {
      for page in 0..<UInt64(Self.pageCount) { machine.memory.store(value + page, at: ramBase + page * 4096) }
    }
    fill(1)
    let expected = GuestMemoryTests.digest(machine.memory)
    let digests = machine.beginDigests()
    if asksBefore { #expect(digests.values().last == expected) }
    fill(1000)
    #expect(digests.values().last == expected)
    let later = machine.beginDigests()
    let laterExpected = GuestMemoryTests.digest(machine.memory)
    fill(2000)
    #expect(digests.values().last == expected, "a digest stays what it is")
    #expect(later.values().last == laterExpected && laterExpected != expected)
  }

  /// Stores of guests, through every door: a run whose digests are begun at many places gives those of one that waits for each.
  @Test(arguments: Machine.Engine.both, [1, 2]) func digestsOfAGuestThatRunsOn(
    engine: Machine.Engine, harts: Int
  ) {
    let workers = Workers()
    for _ in 0..<6 {
      let seed = UInt64.random(in: 0...UInt64.max)
      let machine = RandomGuest(seed: seed, harts: harts).machine(shift: 2, engine: engine)
      let other = RandomGuest(seed: seed, harts: harts).machine(shift: 2, engine: engine)
      var pending: [PendingDigests] = []
      var expected: [[UInt64]] = []
      for step in 1...20 as ClosedRange<UInt64> {
        #expect(machine.run(until: step * 1_300) == other.run(until: step * 1_300))
        pending.append(machine.beginDigests())
        if step % 3 != 0 { workers.start(pending[pending.count - 1]) }
        expected.append(other.digests())
      }
      #expect(pending.map { $0.values() } == expected, "\(engine), seed \(seed)")
    }
    workers.wait()
  }

  @Test func pagesThatChangedAreKnownMeanwhile() {
    let machine = Self.machine()
    machine.forgetChangedPages()
    machine.memory.store(UInt64(1), at: ramBase + 7 * 4096)
    let digests = machine.beginDigests()
    machine.memory.store(UInt64(1), at: ramBase + 9 * 4096)
    #expect(machine.changedPages.pages == [7, 9])
    machine.forgetChangedPages()
    #expect(machine.changedPages.pages.isEmpty)
    machine.memory.store(UInt64(2), at: ramBase + 9 * 4096)
    #expect(machine.changedPages.pages == [9], "stored to since, though it was dirty before")
    _ = digests.values()
    #expect(machine.changedPages.pages == [9])
    // A page that was forgotten is still in the next digest.
    #expect(machine.digests().last == GuestMemoryTests.digest(machine.memory))
  }

  @Test func aMachineMayGoAwayBefore() {
    var machine: Machine? = Self.machine()
    machine?.memory.store(UInt64(5), at: ramBase + 3 * 4096)
    let expected = machine.map { GuestMemoryTests.digest($0.memory) }
    weak let memory = machine?.memory
    var digests = machine?.beginDigests()
    machine = nil
    #expect(memory != nil && digests?.values().last == expected)
    digests = nil
    #expect(memory == nil, "nobody holds it any more")
  }
}

@Suite struct PageSetTests {
  @Test func groupsAreThoseThatHaveAPageOfTheSet() {
    for _ in 0..<200 {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SeededGenerator(seed: seed)
      var set = PageSet(pageCount: Int.random(in: 1...700, using: &random))
      let count = set.pageCount
      for _ in 0..<Int.random(in: 0...5, using: &random) {
        let first = Int.random(in: 0..<count, using: &random)
        let length = [1, 3, 64, 130].randomElement(using: &random) ?? 1
        for page in first..<min(first + length, count) { set.insert(page) }
      }
      let size = [1, 2, 4, 16, 64, 128, 512].randomElement(using: &random) ?? 1
      var expected: Set<Int> = []
      for page in 0..<count where set.contains(page) {
        let first = page / size * size
        expected.formUnion(first..<min(first + size, count))
      }
      let ranges = set.ranges(inGroupsOf: size)
      #expect(ranges.flatMap { Array($0) } == expected.sorted(), "seed \(seed)")
      #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.upperBound < $1.lowerBound }, "seed \(seed)")
      let contained = (0..<count).filter { set.contains($0) }
      #expect(set.pages == contained, "seed \(seed)")
    }
  }

  @Test func insertingAndRemoving() {
    var set = PageSet(pageCount: 130)
    let inserted = [129, 129, 0, 64].map { set.insert($0) }
    #expect(inserted == [true, false, true, true])
    let copied = set.copy().pages
    let copy = set.copy()
    let removed = [64, 64].map { set.remove($0) }
    #expect(removed == [true, false])
    #expect(set.pages == [0, 129])
    #expect(copy.pages == copied && copied == [0, 64, 129], "a copy is one of its own")
    set.removeAll()
    let isEmpty = set.pages.isEmpty && !set.contains(0)
    #expect(isEmpty)
  }
}
