// SPDX-License-Identifier: Apache-2.0

import Emulator
import RecordingStore
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Going back to stop points, compared with the list that going forward gives.
@Suite struct ReverseSearchTests {
  struct Subject: CustomTestStringConvertible, Sendable {
    var name: String
    var harts = 1
    var hasDisk = false
    var engine = Machine.Engine.automatic
    var testDescription: String { "\(name), \(harts) harts, \(engine)" }

    func record() throws -> RecordedGuest {
      try RecordedGuest(name, harts: harts, digestInterval: 400_000) { _ in
        hasDisk ? [DriveOptions(source: .blank(size: 1 << 20))] : []
      }
    }
  }

  static let subjects = [
    Subject(name: "diskcheck", hasDisk: true), Subject(name: "traps"), Subject(name: "smp", harts: 4),
    Subject(name: "smp", harts: 4, engine: .interpreter), Subject(name: "idle", engine: .interpreter),
  ]

  /// Every hit of a run through.
  static func allHits(_ timeline: Timeline, _ points: StopPoints) throws -> [StopPointHit] {
    try timeline.seek(to: 0)
    var hits: [StopPointHit] = []
    while case .stopPoint(let hit) = try timeline.run(
      stopPoints: points, ignoringBreakpointHere: hits.last?.cause == .breakpoint)
    {
      hits.append(hit)
    }
    return hits
  }

  /// Breakpoints and watchpoints that are met, some a few times and some often.
  static func stopPoints(_ recorded: RecordedGuest, _ random: inout SeededGenerator) throws -> StopPoints {
    let timeline = try Timeline(recorded.recording, checkpoints: CheckpointPolicy())
    let end = timeline.end.position
    var points = StopPoints()
    for _ in 0..<Int.random(in: 0...3, using: &random) {
      try timeline.seek(to: UInt64.random(in: 0..<end, using: &random))
      let hart = timeline.machine.currentHart
      points.breakpoints.append(.init(at: timeline.machine.programCounter(hart: hart)))
    }
    // It has bytes.
    let everything = StopPoints(watchpoints: [.init(.access, at: 0x8000_0000, byteCount: 16 << 20)!])
    for _ in 0..<Int.random(in: points.isEmpty ? 1...3 : 0...3, using: &random) {
      try timeline.seek(to: UInt64.random(in: 0..<end, using: &random))
      guard case .stopPoint(let hit) = try timeline.run(stopPoints: everything),
        case .watchpoint(_, let access) = hit.cause,
        let watchpoint = StopPoints.Watchpoint(
          .allCases.randomElement(using: &random)!, at: access.address, byteCount: 4)  // not empty
      else { continue }
      points.watchpoints.append(watchpoint)
    }
    return points
  }

  @Test(arguments: subjects) func goingBackMeetsWhatGoingForwardMet(_ subject: Subject) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("reverse search, \(subject.testDescription): seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let recorded = try subject.record()
    let forward = try Timeline(recorded.recording, engine: subject.engine, checkpoints: CheckpointPolicy())
    let end = forward.end.position
    // Some places to begin at.
    for index in 0..<3 {
      try forward.seek(to: UInt64.random(in: 1..<end, using: &random))
      try forward.createSnapshot("s\(index)")
    }
    for round in 0..<4 {
      let points = try Self.stopPoints(recorded, &random)
      let what = "seed \(seed), round \(round), \(points)"
      let expected = try Self.allHits(forward, points)
      let search = HitSearch(points, hitLimit: [1, 2, 7, 1 << 20][round % 4])
      let policy = CheckpointPolicy(memoryLimit: 8 << 20, nearSpacing: 5_000, farSpacing: 200_000)
      let timeline = try Timeline(
        recorded.recording, engine: subject.engine, checkpoints: round == 0 ? nil : policy)
      // From the end a few steps back, then from anywhere.
      try timeline.run()
      var places: [UInt64?] = [nil, nil, nil]
      for _ in 0..<8 { places.append(UInt64.random(in: 0...end, using: &random)) }
      for place in places {
        if let place { try timeline.seek(to: place) }
        let here = timeline.position
        let found = try timeline.reverseContinue(search)
        if let hit = expected.last(where: { $0.position < here }) {
          #expect(found == .stopPoint(hit), "\(what), from \(here)")
          #expect(timeline.position == hit.position, "\(what)")
          #expect(timeline.machine.currentHart == hit.hart, "\(what)")
          #expect(timeline.machine.programCounter(hart: hit.hart) == hit.programCounter, "\(what)")
        } else {
          #expect(found == .limit, "\(what), from \(here)")
          #expect(timeline.position == 0)
        }
      }
      // It is the run that it was: going on from there ends as recorded.
      #expect(try timeline.run() == .end(.poweredOff(status: 0)), "\(what)")
    }
  }

  @Test func whatIsKnownIsNotLookedAtAgain() throws {
    let recorded = try Subject(name: "counter").record()
    let timeline = try Timeline(recorded.recording)
    let end = timeline.end.position
    try timeline.seek(to: end / 2)
    let pc = timeline.machine.programCounter(hart: 0)
    let points = StopPoints(breakpoints: [.init(at: pc)])
    let expected = try Self.allHits(timeline, points)
    try #require(expected.count > 100, "the place is in a loop")
    let search = HitSearch(points)
    for hit in expected.reversed().prefix(20) {
      #expect(try timeline.reverseContinue(search) == .stopPoint(hit))
    }
    #expect(search.scannedCount <= end, "one look was enough for all of them")
    // One that keeps few hits looks again, but never twice at what it knows.
    let forgetful = HitSearch(points, hitLimit: 10)
    try timeline.seek(to: end)
    for hit in expected.reversed().prefix(30) {
      #expect(try timeline.reverseContinue(forgetful) == .stopPoint(hit))
    }
    #expect(forgetful.scannedCount > end && forgetful.scannedCount < 6 * end)
  }

  @Test func conditionsLimitsAndInterruption() throws {
    let recorded = try Subject(name: "counter").record()
    let timeline = try Timeline(recorded.recording)
    let end = timeline.end.position
    try timeline.seek(to: end / 2)
    let pc = timeline.machine.programCounter(hart: 0)
    let points = StopPoints(breakpoints: [.init(at: pc)])
    let expected = try Self.allHits(timeline, points)
    try #require(expected.count > 100)
    // A condition is asked with the machine at the hit.
    var asked = 0
    let wanted = expected[expected.count / 3]
    let conditional = HitSearch(points) { hit in
      asked += 1
      return hit.position == wanted.position && timeline.machine.programCounter(hart: 0) == pc
    }
    #expect(try timeline.reverseContinue(conditional) == .stopPoint(wanted))
    #expect(asked == expected.count)
    // The limit is looked at, what lies before it is not.
    let search = HitSearch(points)
    #expect(try timeline.reverseContinue(search, to: wanted.position - 1) == .limit)
    #expect(timeline.position == wanted.position - 1)
    try timeline.seek(to: wanted.position + 1)
    #expect(try timeline.reverseContinue(search, to: wanted.position) == .stopPoint(wanted))
    #expect(try timeline.reverseContinue(search, to: end) == .limit)
    #expect(timeline.position == wanted.position, "a limit ahead leads nowhere")
    // An interruption leaves things as they were.
    try timeline.seek(to: end)
    var progress: [UInt64] = []
    let control = SearchControl(
      isInterrupted: { !progress.isEmpty }, progress: { done, _ in progress.append(done) })
    #expect(try timeline.reverseContinue(HitSearch(StopPoints()), control: control) == .interrupted)
    #expect(timeline.position == end && progress.count == 1)
  }

  /// A watchpoint and a breakpoint at one place, and a watched instruction at a digest's position.
  @Test func oneInstructionMeetsBoth() throws {
    let recorded = try Subject(name: "counter").record()
    let timeline = try Timeline(recorded.recording)
    // It has bytes.
    let everything = StopPoints(watchpoints: [.init(.write, at: 0x8000_0000, byteCount: 16 << 20)!])
    try timeline.seek(to: 100_000)
    guard case .stopPoint(let store) = try timeline.run(stopPoints: everything) else {
      return #expect(Bool(false), "no store")
    }
    var points = everything
    points.breakpoints = [.init(at: store.programCounter)]
    try timeline.seek(to: store.position)
    guard case .stopPoint(let first) = try timeline.run(stopPoints: points) else {
      return #expect(Bool(false), "no stop")
    }
    #expect(first.cause == .breakpoint && first.position == store.position)
    #expect(try timeline.run(stopPoints: points, ignoringBreakpointHere: true) == .stopPoint(store))
    #expect(try timeline.reverseContinue(HitSearch(points)) == .stopPoint(store))
    #expect(timeline.position == store.position)
    let search = HitSearch(points) { $0.cause == .breakpoint }
    try timeline.seek(to: store.position + 1)
    #expect(try timeline.reverseContinue(search) == .stopPoint(first))
    // A look that keeps no more than what one instruction met comes on all the same.
    func goBack(_ search: HitSearch) throws -> [ReverseStop] {
      try timeline.seek(to: store.position + 1)
      return try (0..<6).map { _ in try timeline.reverseContinue(search) }
    }
    let expected = try goBack(HitSearch(points))
    for limit in 1...3 { #expect(try goBack(HitSearch(points, hitLimit: limit)) == expected, "\(limit)") }
  }

  /// Stepping one hart goes through the checks of the replay, too.
  @Test func stepsAreReplayed() throws {
    let recorded = try Subject(name: "smp", harts: 4).record()
    let timeline = try Timeline(recorded.recording)
    for round in 0..<50 {
      let before = timeline.position
      #expect(try timeline.step(hart: round % 2) == .position)
      #expect(timeline.position > before)
      #expect(try timeline.settle() == .position)
    }
    #expect(try timeline.run() == .end(.poweredOff(status: 0)))
    #expect(try timeline.step(hart: 0) == .end(.poweredOff(status: 0)))
  }
}
