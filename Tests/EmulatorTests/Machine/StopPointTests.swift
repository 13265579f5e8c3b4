// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Breakpoints, watchpoints and noted stores, compared with what single steps show.
@Suite struct StopPointTests {
  /// A guest of some kind, made anew for each run of it.
  struct Subject {
    let name: String
    let length: UInt64
    let make: (Machine.Engine) -> Machine

    static func any(harts: Int, hasWideAccesses: Bool = true, _ random: inout SeededGenerator) -> Subject {
      if Int.random(in: 0..<3, using: &random) == 0 {
        let shift = Int.random(in: 0...4, using: &random)
        return Subject(name: "interrupts, \(harts) harts", length: 24_000) { engine in
          makeMachine(
            InterruptGuest.program(harts: harts), harts: harts, shift: shift, gate: InterruptGuest.gate(),
            engine: engine)
        }
      }
      let guest = RandomGuest(seed: random.next(), harts: harts, hasWideAccesses: hasWideAccesses)
      return Subject(name: "random \(guest.seed), \(harts) harts", length: 12_000) { engine in
        let machine = guest.machine(shift: 2, engine: engine)
        // Code that is translated from the start, in blocks as short as may be, has the most ways to go wrong.
        machine.makeBlocks(ofAtMost: 1 + Int(guest.seed % 64), translatedAtOnce: guest.seed & 64 != 0)
        return machine
      }
    }
  }

  /// What a run with stop points came to.
  struct Outcome {
    var hits: [StopPointHit] = []
    var fingerprint: [UInt64] = []
  }

  static func run(_ subject: Subject, _ engine: Machine.Engine, _ points: StopPoints) -> Outcome {
    let machine = subject.make(engine)
    machine.stopPoints = points
    var outcome = Outcome()
    while case .stopPoint(let hit) = machine.run(
      until: subject.length, ignoringBreakpointHere: outcome.hits.last?.cause == .breakpoint)
    {
      outcome.hits.append(hit)
      #expect(machine.now.position == hit.position + (hit.cause == .breakpoint ? 0 : 1), "\(subject.name)")
    }
    outcome.fingerprint = machine.fingerprint
    return outcome
  }

  static func collect(_ subject: Subject, _ engine: Machine.Engine, _ points: StopPoints) -> HitLog {
    let machine = subject.make(engine)
    machine.stopPoints = points
    let log = HitLog(limit: 1 << 20)
    machine.hitLog = log
    _ = machine.run(until: subject.length)
    return log
  }

  static func expectEqual(_ found: [StopPointHit], _ expected: [StopPointHit], _ what: String) {
    guard found != expected else { return }
    let same = zip(found, expected).prefix { $0 == $1 }.count
    Issue.record(
      """
      \(what): \(found.count) hits, not \(expected.count); the first that differs: \
      \(found.dropFirst(same).first.map { "\($0)" } ?? "none"), not \
      \(expected.dropFirst(same).first.map { "\($0)" } ?? "none")
      """)
  }

  @Test(arguments: [1, 2, 4]) func breakpointsEqualSingleSteps(harts: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("breakpoints, \(harts) harts: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<6 {
      let subject = Subject.any(harts: harts, &random)
      // Every instruction, as single steps meet it.
      let stepped = subject.make(.interpreter)
      var trace: [StopPointHit] = []
      while stepped.now.position < subject.length, stepped.settle() == .position {
        let hart = stepped.currentHart
        trace.append(
          StopPointHit(
            position: stepped.now.position, hart: hart, programCounter: stepped.programCounter(hart: hart),
            cause: .breakpoint))
        guard stepped.run(until: stepped.now.position + 1) == .position else { break }
      }
      _ = stepped.run(until: subject.length)
      var points = StopPoints()
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = trace[Int.random(in: 0..<trace.count, using: &random)].programCounter
        let mask = Bool.random(using: &random) ? ~0 : random.next()
        points.breakpoints.append(.init(at: place, harts: mask))
      }
      let expected = trace.filter { hit in
        points.breakpoints.contains {
          $0.address == hit.programCounter && $0.harts >> UInt64(hit.hart) & 1 == 1
        }
      }
      for engine in Machine.Engine.both {
        let what = "seed \(seed), \(subject.name), \(engine), \(points.breakpoints)"
        let outcome = Self.run(subject, engine, points)
        Self.expectEqual(outcome.hits, expected, what)
        #expect(outcome.fingerprint == stepped.fingerprint, "\(what): breakpoints changed the run")
        let log = Self.collect(subject, engine, points)
        #expect(log.entries.map(\.position) == expected.map(\.position), "\(what): collected")
        #expect(log.entries.allSatisfy { !$0.isWatchpoint } && !log.isIncomplete)
      }
    }
  }

  @Test(arguments: [1, 2, 4]) func watchpointsEqualWatchingEverything(harts: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("watchpoints, \(harts) harts: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<6 {
      // Of a wide access the first watched word is told: what is watched besides would not show here.
      let subject = Subject.any(harts: harts, hasWideAccesses: false, &random)
      let everything = StopPoints(watchpoints: [.init(.access, at: 0, byteCount: 1 << 63)!])  // has bytes
      let all = Self.run(subject, .interpreter, everything)
      let plain = Self.run(subject, .interpreter, StopPoints())
      #expect(all.fingerprint == plain.fingerprint, "\(subject.name): watchpoints changed the run")
      let accesses = all.hits.compactMap { hit -> (StopPointHit, WatchedAccess)? in
        guard case .watchpoint(_, let access) = hit.cause else { return nil }
        return (hit, access)
      }
      var points = StopPoints()
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let access = accesses[Int.random(in: 0..<accesses.count, using: &random)].1
        let count = UInt64.random(in: 1...(1 << UInt64.random(in: 0...13, using: &random)), using: &random)
        points.watchpoints.append(
          .init(.allCases.randomElement(using: &random)!, at: access.address, byteCount: count)!)  // in RAM
      }
      let expected = accesses.compactMap { hit, access -> StopPointHit? in
        // Of several the first that sees loads, then the first that sees stores.
        let touching = points.watchpoints.filter {
          $0.first < access.address + UInt64(access.byteCount) && access.address <= $0.last
        }
        let loading = access.kind == .write ? nil : touching.first { $0.kind != .write }
        let storing = access.kind == .read ? nil : touching.first { $0.kind != .read }
        guard let watchpoint = loading ?? storing else { return nil }
        var expected = hit
        expected.cause = .watchpoint(watchpoint, access)
        return expected
      }
      for engine in Machine.Engine.both {
        let what = "seed \(seed), \(subject.name), \(engine), \(points.watchpoints)"
        let outcome = Self.run(subject, engine, points)
        Self.expectEqual(outcome.hits, expected, what)
        #expect(outcome.fingerprint == plain.fingerprint, "\(what): watchpoints changed the run")
        let log = Self.collect(subject, engine, points)
        #expect(log.entries.map(\.position) == expected.map(\.position), "\(what): collected")
      }
    }
  }

  /// What is reported of accesses, against a program whose accesses are known.
  @Test(arguments: Machine.Engine.both) func accessesAreReportedAsTheyAre(engine: Machine.Engine) throws {
    typealias I = Instruction
    typealias R = Register
    var program = Assembly()
    program.load(R.s0, ramBase + 0x8ffc)
    program.load(R.t0, 0x1122_3344_5566_7788)
    program.load(R.t1, 0x55)
    let start = UInt64(program.bytes.count)
    program.emit(
      I.sd(R.t0, R.s0),  // over two pages
      I.lw(R.t2, R.s0, 4),
      I.sb(R.t1, R.s0, 7),
      I.addi(R.s0, R.s0, 4),
      I.amoaddD(R.t3, R.t1, R.s0),
      I.lrD(R.t3, R.s0),
      I.scD(R.t4, R.t1, R.s0),
      I.scD(R.t4, R.t1, R.s0),  // fails: no reservation is left
      I.typeI(0x07, 3, 1, R.s0, 0),  // fld, without floating point: traps
      I.sd(R.t0, R.s0))
    let watchpoint = try #require(StopPoints.Watchpoint(.access, at: ramBase + 0x9002, byteCount: 2))
    let machine = makeMachine(program, engine: engine)
    machine.stopPoints = StopPoints(watchpoints: [watchpoint])
    var accesses: [WatchedAccess] = []
    var places: [UInt64] = []
    while case .stopPoint(let hit) = machine.run(until: 200), accesses.count < 20 {
      guard case .watchpoint(watchpoint, let access) = hit.cause else { break }
      accesses.append(access)
      places.append((hit.programCounter - ramBase - start) / 4)
    }
    let word: UInt64 = ramBase + 0x9000
    #expect(
      accesses == [
        WatchedAccess(kind: .write, address: word - 4, byteCount: 8, old: 0, new: 0x1122_3344_5566_7788),
        WatchedAccess(kind: .read, address: word, byteCount: 4, old: 0x1122_3344, new: 0x1122_3344),
        WatchedAccess(kind: .write, address: word + 3, byteCount: 1, old: 0x11, new: 0x55),
        WatchedAccess(kind: .access, address: word, byteCount: 8, old: 0x5522_3344, new: 0x5522_3399),
        WatchedAccess(kind: .read, address: word, byteCount: 8, old: 0x5522_3399, new: 0x5522_3399),
        WatchedAccess(kind: .write, address: word, byteCount: 8, old: 0x5522_3399, new: 0x55),
      ])
    #expect(places == [0, 1, 2, 4, 5, 6])
  }

  /// Of an access that is wider than a word, the word that is watched is told.
  @Test(arguments: Machine.Engine.both) func wideAccessesTellTheWatchedWord(engine: Machine.Engine) throws {
    typealias I = Instruction
    typealias R = Register
    let block = ramBase + 0x9000
    var program = Assembly()
    program.load(R.s0, block)
    program.load(R.s1, block + 16)
    program.load(R.t0, 0x1122_3344_5566_7788)
    for register in [R.a0, R.a2, R.a3] { program.load(register, 0) }
    program.load(R.a1, 0x77)
    program.emit(
      I.sd(R.t0, R.s0, 24),
      I.typeI(0x0f, 2, 0, R.s0, 4),  // cbo.zero (s0)
      I.typeR(0x2f, 4, 0x14, R.a2, R.s1, R.a0))  // amocas.q a2, a0, (s1): equal, as memory is zero
    let watchpoint = try #require(StopPoints.Watchpoint(.access, at: block + 24, byteCount: 8))
    let machine = makeMachine(program, processor: .max, engine: engine)
    machine.stopPoints = StopPoints(watchpoints: [watchpoint])
    var accesses: [WatchedAccess] = []
    while case .stopPoint(let hit) = machine.run(until: 100), accesses.count < 20 {
      guard case .watchpoint(watchpoint, let access) = hit.cause else { break }
      accesses.append(access)
    }
    let word = 0x1122_3344_5566_7788 as UInt64
    #expect(
      accesses == [
        WatchedAccess(kind: .write, address: block + 24, byteCount: 8, old: 0, new: word),
        WatchedAccess(kind: .write, address: block + 24, byteCount: 8, old: word, new: 0),
        WatchedAccess(kind: .access, address: block + 24, byteCount: 8, old: 0, new: 0x77),
      ])
  }

  @Test func watchpointsThatCannotBe() {
    #expect(StopPoints.Watchpoint(.read, at: 0, byteCount: 0) == nil)
    #expect(StopPoints.Watchpoint(.read, at: 16, byteCount: ~0) == nil)
    #expect(StopPoints.Watchpoint(.read, at: ~0, byteCount: 2) == nil)
    #expect(StopPoints.Watchpoint(.read, at: ~0, byteCount: 1)?.last == ~0)
    #expect(StopPoints.Watchpoint(.read, at: 0, byteCount: ~0)?.byteCount == ~0)
  }

  /// Setting and taking away leaves nothing behind, whatever was translated meanwhile.
  @Test(arguments: Machine.Engine.both) func pointsComeAndGo(engine: Machine.Engine) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let guest = InterruptGuest.program(harts: 2).assembled()
    func make(_ engine: Machine.Engine) -> Machine {
      makeMachine(program: guest, harts: 2, gate: InterruptGuest.gate(), engine: engine)
    }
    let plain = make(.interpreter)
    _ = plain.run(until: 60_000)
    let machine = make(engine)
    var hits = 0
    while machine.now.position < 60_000 {
      var points = StopPoints()
      if Bool.random(using: &random) {
        let place = ramBase + UInt64.random(in: 0..<UInt64(guest.count), using: &random) & ~3
        points.breakpoints = [.init(at: place), .init(at: place + 4)]
      }
      if Bool.random(using: &random) {
        points.watchpoints = [.init(.access, at: ramBase + 0x8000, byteCount: 8)!]  // it has bytes
      }
      machine.stopPoints = points
      let stop = machine.run(
        until: min(60_000, machine.now.position + UInt64.random(in: 1...900, using: &random)),
        ignoringBreakpointHere: true)
      if case .stopPoint(let hit) = stop {
        hits += 1
        if hit.cause == .breakpoint {
          #expect(points.breakpoints.contains { $0.address == hit.programCounter }, "seed \(seed)")
        } else {
          #expect(!points.watchpoints.isEmpty, "seed \(seed)")
        }
      }
    }
    #expect(hits > 20, "seed \(seed): stop points are met")
    #expect(machine.fingerprint == plain.fingerprint, "seed \(seed)")
  }

  /// A breakpoint that is gone costs nothing for long: its place is forgotten, and then it can come back.
  @Test(arguments: Machine.Engine.both) func forgottenPlacesStopAgain(engine: Machine.Engine) {
    typealias I = Instruction
    var program = Assembly()
    program.label("loop")
    program.emit(I.addi(Register.s0, Register.s0, 1))
    program.jump("loop")
    let machine = makeMachine(program, engine: engine)
    let points = StopPoints(breakpoints: [.init(at: ramBase)])
    machine.stopPoints = points
    guard case .stopPoint = machine.run(until: 100) else { return #expect(Bool(false), "no stop") }
    machine.stopPoints = StopPoints()
    #expect(machine.run(until: 100_000) == .position)
    machine.stopPoints = points
    guard case .stopPoint(let hit) = machine.run(until: 200_000) else {
      return #expect(Bool(false), "no stop")
    }
    #expect(hit.programCounter == ramBase && hit.position < 100_004)
  }

  /// One page of code at two virtual addresses: a breakpoint is at one of them, also when the code was translated and linked
  /// before, and when breakpoints change.
  @Test(arguments: Machine.Engine.both) func aPageAtTwoAddressesStopsAtOne(engine: Machine.Engine) {
    typealias I = Instruction
    typealias R = Register
    typealias C = ControlRegister
    let alias: UInt64 = 0x4000_0000
    var program = Assembly()
    program.openProtection()
    for index in [ramBase >> 30, (ramBase + alias) >> 30] {
      program.load(R.t1, ramBase + 0x10000 + index * 8)
      program.load(R.t2, ramBase >> 2 | 0xcf)
      program.emit(I.sd(R.t2, R.t1))
    }
    program.set(C.satp, 8 << 60 | (ramBase + 0x10000) >> 12)
    program.load(R.t0, 0x800)
    program.emit(I.csrrs(0, C.mstatus, R.t0))
    program.loadAddress(R.t0, "loop")
    program.load(R.s2, alias)
    program.emit(I.addi(R.s1, R.t0, 0), I.csrw(C.mepc, R.t0), I.mret)
    // Every other round is at the other address; each has a branch back within the page.
    program.pad(to: ramBase + 0x2000)
    program.label("loop")
    program.load(R.s3, 3)
    program.label("again")
    program.emit(I.addi(R.s0, R.s0, 1), I.addi(R.s3, R.s3, -1))
    program.branch(.notEqual, R.s3, 0, "again")
    program.emit(I.xor(R.s1, R.s1, R.s2), I.jalr(0, R.s1, 0))
    let again = program.address(of: "again")
    let rounds: [(length: UInt64, places: [UInt64])] = [
      (9_000, []), (9_500, [again + alias]), (30_000, []), (30_500, [again]),
      (31_000, [again, again + alias + 4]),
      (60_000, [again + alias]), (60_100, [again + alias]),
    ]
    let (machine, stepped) = (
      makeMachine(program, engine: engine), makeMachine(program, engine: .interpreter)
    )
    for (length, places) in rounds {
      var expected: [UInt64] = []
      while stepped.now.position < length {
        if places.contains(stepped.programCounter(hart: 0)) { expected.append(stepped.now.position) }
        _ = stepped.run(until: stepped.now.position + 1)
      }
      machine.stopPoints = StopPoints(breakpoints: places.map { .init(at: $0) })
      let log = HitLog(limit: 1 << 20)
      machine.hitLog = log
      #expect(machine.run(until: length) == .position)
      #expect(log.entries.map(\.position) == expected, "to \(length): \(places)")
      #expect(machine.fingerprint == stepped.fingerprint)
      if !places.isEmpty { #expect(expected.count > 10) }
    }
  }

  @Test(arguments: Machine.Engine.both) func steppingOneHart(engine: Machine.Engine) {
    let program = InterruptGuest.program(harts: 4).assembled()
    func make(_ engine: Machine.Engine) -> Machine {
      makeMachine(program: program, harts: 4, gate: InterruptGuest.gate(), engine: engine)
    }
    let machine = make(engine)
    let reference = make(.interpreter)
    for round in 0..<40 {
      let hart = round % 4
      let before = machine.programCounter(hart: hart)
      // The reference steps until that hart has executed something.
      var last = 0
      repeat {
        #expect(reference.settle() == .position)
        last = reference.currentHart
        _ = reference.run(until: reference.now.position + 1)
      } while last != hart
      #expect(machine.step(hart: hart, until: .max) == .position)
      #expect(machine.now == reference.now, "round \(round)")
      #expect(machine.fingerprint == reference.fingerprint, "round \(round)")
      #expect(machine.programCounter(hart: hart) != before || round > 0)
    }
    let position = machine.now.position
    #expect(machine.step(hart: 3, until: position) == .position)
    #expect(machine.now.position == position, "the limit holds")
  }

  @Test func settlingKnowsWhereItStands() {
    let machine = makeMachine(InterruptGuest.program(harts: 2), harts: 2, gate: InterruptGuest.gate())
    #expect(machine.isAtStartOfPosition)
    _ = machine.run(until: 700)
    #expect(machine.isAtStartOfPosition)
    #expect(machine.settle() == .position)
    #expect(!machine.isAtStartOfPosition && machine.now.position == 700)
    _ = machine.run(until: 701)
    #expect(machine.isAtStartOfPosition)
  }

  // MARK: Noted stores

  /// Every change of the bytes is noted, at its position, and the last one is the same at full speed.
  @Test(arguments: [1, 4]) func notedStoresEqualSingleSteps(harts: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("noted stores, \(harts) harts: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    for _ in 0..<8 {
      let subject = Subject.any(harts: harts, &random)
      // Data, page tables and code of the guests all lie in these pages.
      let pages: [UInt64] = [0x2000, 0x8000, 0x9000, 0x10000, 0x12000, 0x13000, 0x18000]
      let page = try #require(pages.randomElement(using: &random))
      let first = ramBase + page + UInt64.random(in: 0..<0x400, using: &random)
      let range = first...first + UInt64.random(in: 0..<0x1000, using: &random)
      let stepped = subject.make(.interpreter)
      stepped.noteStores(to: [range])
      func bytes() -> [UInt8]? { stepped.memory.read(at: first, count: Int(range.upperBound - first) + 1) }
      var before = bytes()
      while stepped.now.position < subject.length {
        let position = stepped.now.position
        guard stepped.run(until: position + 1) == .position else { break }
        let after = bytes()
        if before != after {
          #expect(stepped.lastStore?.position == position, "seed \(seed), \(subject.name), \(range)")
        }
        before = after
      }
      for engine in Machine.Engine.both {
        let machine = subject.make(engine)
        machine.noteStores(to: [range])
        _ = machine.run(until: subject.length)
        #expect(machine.lastStore == stepped.lastStore, "seed \(seed), \(subject.name), \(range), \(engine)")
        #expect(machine.fingerprint == stepped.fingerprint, "\(subject.name): notes changed the run")
      }
    }
  }

  @Test(arguments: Machine.Engine.both) func notesSayWhoStored(engine: Machine.Engine) throws {
    // A disk's answer.
    let machine = BlockGuest.machine(gate: ScriptedGate(blockDelay: 333), engine: engine)
    machine.noteStores(to: [ramBase + 0xa000...ramBase + 0xa1ff])
    _ = machine.run(until: 40_000)
    let store = try #require(machine.lastStore)
    guard case .blockCompletion(drive: 0, let request) = store.source else {
      return #expect(Bool(false), "\(store)")
    }
    #expect(request > 50 && store.address == ramBase + 0xa000 && store.byteCount == 512)
    #expect(store.position % 64 == 0, "answers come at multiples of 64")
    // The ring that says so is written by the same answer, the counter behind it by an instruction.
    machine.noteStores(to: [BlockGuest.rounds...BlockGuest.rounds + 7])
    #expect(machine.lastStore == nil)
    _ = machine.run(until: 41_000)
    #expect(machine.lastStore?.source == .instruction)
    // Nothing is noted any more.
    machine.noteStores(to: [])
    _ = machine.run(until: 42_000)
    #expect(machine.lastStore == nil)
    // Bytes that are not in RAM.
    machine.noteStores(to: [0...0xfff, UInt64.max - 1...UInt64.max])
    _ = machine.run(until: 43_000)
    #expect(machine.lastStore == nil)
  }

  @Test func resetsAreNoted() throws {
    let gate = ScriptedGate(script: [.init(position: 5_000, arrival: .reset)])
    let machine = makeMachine(InterruptGuest.program(harts: 1), gate: gate)
    machine.noteStores(to: [ramBase...ramBase + 3])
    #expect(machine.lastStore == nil)
    _ = machine.run(until: 6_000)
    let store = try #require(machine.lastStore)
    #expect(store.source == .reset(byGuest: false) && store.position == 5_000)
  }
}
