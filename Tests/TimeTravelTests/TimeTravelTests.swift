// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// A timeline that has been anywhere, in any order, is where a straight run is.
@Suite struct TimeTravelTests {
  /// Checkpoints as close together as these small guests need.
  private static func policy(memoryLimit: Int = 256 << 20) -> CheckpointPolicy {
    CheckpointPolicy(memoryLimit: memoryLimit, nearSpacing: 1_500, farSpacing: 60_000)
  }

  private static func expectAt(
    _ place: UInt64, _ timeline: Timeline, _ straight: StraightRun, _ what: String
  ) {
    let found = StraightRun.State(timeline)
    let expected = straight.states[place]
    guard found != expected else { return }
    let names = zip(timeline.machine.digestNames, zip(found.digests, expected?.digests ?? []))
      .filter { $1.0 != $1.1 }.map(\.0)
    Issue.record("\(what): at \(place) stands \(found.moment), differing in \(names)")
  }

  @Test(arguments: TravelledGuest.allCases, [Machine.Engine.interpreter, .translator])
  func randomSeeks(guest: TravelledGuest, engine: Machine.Engine) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let (recording, folder) = try guest.record()
    let straight = try StraightRun(recording, engine: engine, random: &random)
    // Much memory, some, and nearly none.
    for (memoryLimit, count) in [(256 << 20, 250), (1 << 20, 100), (100_000, 40)] {
      let output = KeptOutput()
      let timeline = try Timeline(
        recording, console: output, engine: engine, checkpoints: Self.policy(memoryLimit: memoryLimit))
      var way: [String] = []
      for _ in 0..<count {
        let place = straight.places.randomElement(using: &random)!  // the start at least is there
        switch Int.random(in: 0..<12, using: &random) {
        case 0:
          way.append("to the end")
          #expect(try timeline.run() == straight.stop)
          #expect(StraightRun.State(timeline) == straight.end, "\(guest), seed \(seed), \(way.suffix(4))")
        case 1:
          // Somewhere, and then back by single instructions.
          let count = UInt64.random(in: 0...min(3, place), using: &random)
          way.append("\(count) before \(place)")
          try timeline.seek(to: place)
          for _ in 0..<count { try timeline.seek(to: timeline.position - 1) }
          #expect(timeline.position == place - count)
          try timeline.run(until: place)
          Self.expectAt(place, timeline, straight, "\(guest), seed \(seed), \(way.suffix(4))")
        case 2:
          // In parts of a longer way.
          way.append("towards \(place)")
          try timeline.approach(place)
          while timeline.position < place {
            let part = timeline.position + UInt64.random(in: 1...40_000, using: &random)
            #expect(try timeline.run(until: min(part, place), towards: place) == .position)
          }
          Self.expectAt(place, timeline, straight, "\(guest), seed \(seed), \(way.suffix(4))")
        default:
          way.append("\(place)")
          #expect(try timeline.seek(to: place) == .position)
          Self.expectAt(place, timeline, straight, "\(guest), seed \(seed), \(way.suffix(4))")
        }
        let slack = 40 << 12
        #expect(timeline.checkpointByteCount <= memoryLimit + slack, "seed \(seed)")
        #expect(timeline.checkpointPositions == timeline.checkpointPositions.sorted())
      }
      try timeline.run()
      #expect(output.text == straight.output, "each line once: \(guest), seed \(seed)")
    }
    withExtendedLifetime(folder) {}
  }

  /// Forks leave nothing behind.
  @Test(arguments: TravelledGuest.allCases) func seeksDiscardForks(guest: TravelledGuest) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let (recording, folder) = try guest.record()
    let straight = try StraightRun(recording, engine: .automatic, random: &random)
    for policy in [Self.policy(), Self.policy(memoryLimit: 500_000), nil] {
      let timeline = try Timeline(recording, checkpoints: policy)
      for _ in 0..<(policy == nil ? 5 : 60) {
        let place = straight.places.randomElement(using: &random)!  // the start at least is there
        try timeline.seek(to: place)
        #expect(!timeline.isForked)
        try timeline.change { (machine) throws(Failure) in
          for _ in 0..<4 {
            machine.setRegister(Int.random(in: 0..<32, using: &random), random.next(), hart: 0)
            let address = machine.memory.base + UInt64.random(in: 0..<(1 << 20), using: &random)
            machine.memory.store(random.next(), at: address)
          }
          machine.setFloatingPointRegister(3, 7, hart: 0)
        }
        #expect(timeline.isForked)
        let stop = try timeline.run(until: place + UInt64.random(in: 0..<100_000, using: &random))
        if case .forkEnded(let reason) = stop { #expect(!reason.isEmpty) } else { #expect(stop == .position) }
        #expect(throws: Failure.self) { try timeline.createSnapshot("fork") }
        let next = straight.places.randomElement(using: &random)!  // the start at least is there
        try timeline.seek(to: next)
        Self.expectAt(next, timeline, straight, "\(guest), seed \(seed)")
      }
    }
    withExtendedLifetime(folder) {}
  }

  /// From snapshots, with checkpoints between them.
  @Test func snapshotsAndCheckpointsTogether() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let (recording, folder) = try TravelledGuest.ledger.record()
    let straight = try StraightRun(recording, engine: .automatic, random: &random)
    let timeline = try Timeline(recording, checkpoints: Self.policy())
    var names: [String] = []
    for round in 0..<60 {
      let place = straight.places.randomElement(using: &random)!  // the start at least is there
      try timeline.seek(to: place)
      Self.expectAt(place, timeline, straight, "seed \(seed), round \(round)")
      if round % 10 == 3 {
        names.append("s\(round)")
        try timeline.createSnapshot(names[names.count - 1])
      }
    }
    // A snapshot made after all that going about is as good as any.
    for name in names {
      let fresh = try Timeline(recording, from: name, checkpoints: Self.policy())
      for _ in 0..<3 {
        let place = straight.places.randomElement(using: &random)!  // the start at least is there
        try fresh.seek(to: place)
        Self.expectAt(place, fresh, straight, "from \(name), seed \(seed)")
      }
      #expect(try fresh.run() == straight.stop)
      #expect(StraightRun.State(fresh) == straight.end)
    }
    withExtendedLifetime(folder) {}
  }

  @Test func intervalsLeadBackToTheStart() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let (recording, folder) = try TravelledGuest.ledger.record()
    let straight = try StraightRun(recording, engine: .automatic, random: &random)
    let timeline = try Timeline(recording, checkpoints: Self.policy())
    let from = try #require(straight.places.last)
    try timeline.seek(to: from)
    var end = from
    var count = 0
    var changed: [Int: Int] = [:]
    while count < 40, let interval = timeline.interval(endingAt: end) {
      #expect(interval.end == end && interval.start < interval.end)
      try timeline.seek(to: interval.start)
      end = interval.start
      count += 1
      let before = timeline.machine.memory.read(at: timeline.machine.memory.base, count: 16 << 20)!  // all
      try timeline.run(until: interval.end)
      let after = timeline.machine.memory.read(at: timeline.machine.memory.base, count: 16 << 20)!  // all
      guard before != after else { continue }
      for page in 0..<(16 << 20) / 4096
      where before[page * 4096..<(page + 1) * 4096] != after[page * 4096..<(page + 1) * 4096] {
        let isKnown = interval.mayChange(page: page)
        #expect(isKnown, "page \(page) in \(interval.start)..<\(interval.end), seed \(seed)")
        changed[page, default: 0] += 1
      }
    }
    #expect(count == 40 || end == 0)
    #expect(!changed.isEmpty)

    // Where the machine has been, what does not change is known as well.
    try timeline.seek(to: from)
    end = from
    while let interval = timeline.interval(endingAt: end) {
      #expect(!interval.mayChange(page: 4095), "the last page is never written")
      end = interval.start
    }
    withExtendedLifetime(folder) {}
  }

  @Test func placesOutsideOfTheRecording() throws {
    let (recording, folder) = try TravelledGuest.traps.record()
    let timeline = try Timeline(recording, checkpoints: Self.policy())
    let last = timeline.end.position
    #expect(try timeline.seek(to: last + 1_000) == .end(.poweredOff(status: 0)))
    #expect(throws: Failure.self) { try timeline.change { _ in } }
    #expect(throws: Failure.self) { try timeline.createSnapshot("late") }
    #expect(try timeline.seek(to: last - 1) == .position)
    #expect(timeline.position == last - 1)
    #expect(try timeline.seek(to: 0) == .position)
    #expect(timeline.position == 0 && timeline.interval(endingAt: 0) == nil)
    #expect(try timeline.seek(to: .max) == .end(.poweredOff(status: 0)))
    withExtendedLifetime(folder) {}
  }

  /// A divergence is found again after going back, and does not stand in the way of places before it.
  @Test func aDivergenceCanBeWalkedAround() throws {
    let recorded = try RecordedGuest("counter", digestInterval: 100_000)
    try recorded.rewriteLog { events in
      let index = try #require(events.firstIndex { $0.payload.kind == .digest && $0.position == 200_000 })
      guard case .digest(var values) = events[index].payload else { return }
      values[1] ^= 1
      events[index].payload = .digest(values)
    }
    let timeline = try Timeline(recorded.recording, checkpoints: Self.policy())
    for place in [150_000, 20_000, 199_999] as [UInt64] {
      #expect(throws: ReplayError.self) { try timeline.run() }
      #expect(try timeline.seek(to: place) == .position)
      #expect(timeline.position == place)
    }
    #expect(throws: ReplayError.self) { try timeline.seek(to: 200_000) }
  }

  /// Of a log that is damaged further on nothing is lost but what is there.
  @Test func damageIsAFailureAndNoMore() throws {
    // So many digests that its members are more than the reader has looked at.
    let recorded = try RecordedGuest("ledger", harts: 2, digestInterval: 1_000) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
    let path = try recorded.recording.logPath
    try #require(try recorded.recording.openLog().memberCount > 8)
    let timeline = try Timeline(recorded.recording, checkpoints: Self.policy())
    try timeline.seek(to: 300_000)
    let digests = timeline.machine.digests()
    // In place: the reader has the file open.
    let good = try readFile(path)
    var bad = good
    for index in (good.count / 3)..<(good.count * 2 / 3) { bad[index] ^= 0x55 }
    try overwrite(path, bad)
    do {
      try timeline.seek(to: timeline.end.position - 1)
      Issue.record("the damage was not noticed")
    } catch {
      guard case .failed(let failure) = error else {
        Issue.record("\(error)")
        return
      }
      #expect(failure.kind == .damaged)
    }
    try overwrite(path, good)
    try timeline.seek(to: 300_000)
    #expect(timeline.machine.digests() == digests)
    #expect(try timeline.run() == .end(.poweredOff(status: recorded.result.ending.status)))
  }
}
