// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Where a run is cut, and how often the gate is asked, changes nothing.
@Suite struct SlicingTests {
  /// The fingerprints at `positions`, and how the run to each of them ended.
  static func trace(_ machine: Machine, _ positions: [UInt64], cut: () -> UInt64?) -> [(
    [UInt64], Machine.Stop
  )] {
    positions.map { position in
      var stop = Machine.Stop.position
      while machine.now.position < position, stop == .position {
        stop = machine.run(until: min(position, cut().map { machine.now.position + $0 } ?? position))
      }
      return (machine.fingerprint, stop)
    }
  }

  static func expectEqual(
    _ make: (_ pollDistance: @escaping () -> UInt64) -> Machine, length: UInt64, seed: UInt64, _ what: String
  ) {
    let positions = (1...4).map { length / 4 * UInt64($0) }
    let reference = make { 1 << 40 }
    let expected = trace(reference, positions) { nil }
    var polls = SeededGenerator(seed: seed ^ 1)
    var cuts = SeededGenerator(seed: seed ^ 2)
    let cutMachine = make { 1 << UInt64.random(in: 0...12, using: &polls) }
    let found = trace(cutMachine, positions) {
      UInt64.random(in: 1...(1 << UInt64.random(in: 0...12, using: &cuts)), using: &cuts)
    }
    for (left, right) in zip(expected, found) {
      #expect(left.1 == right.1, "\(what) seed \(seed)")
      #expect(
        left.0 == right.0,
        "\(what) seed \(seed): \(differences(left.0, right.0, reference.digestNames)) differ at \(left.0.suffix(2))"
      )
    }
  }

  /// Both engines stop alike and stand alike at each of these positions.
  static func expectSameEngines(
    _ make: (Machine.Engine) -> Machine, at positions: some Sequence<UInt64>
  ) {
    let two = Machine.Engine.both.map(make)
    for position in positions {
      #expect(two[0].run(until: position) == two[1].run(until: position))
      #expect(two[0].fingerprint == two[1].fingerprint)
    }
  }

  @Test(arguments: Machine.Engine.both, [1, 2, 4])
  func interruptsTimersAndIdleGaps(engine: Machine.Engine, harts: Int) {
    let program = InterruptGuest.program(harts: harts).assembled()
    for shift in [0, 3, 10] {
      let seed = UInt64.random(in: 0...UInt64.max)
      Self.expectEqual(
        { poll in
          makeMachine(
            program: program, harts: harts, shift: shift, gate: InterruptGuest.gate(pollDistance: poll),
            engine: engine)
        }, length: 160_000, seed: seed, "\(engine), \(harts) harts, shift \(shift)")
    }
  }

  /// The guest that the test above relies on does what it says.
  @Test func interruptGuestSeesEveryKindOfInterrupt() {
    let gate = InterruptGuest.gate()
    let machine = makeMachine(InterruptGuest.program(harts: 2), harts: 2, gate: gate)
    #expect(machine.run(until: 160_000) == .position)
    #expect(gate.output.count > 40, "console input is echoed")
    for hart in 0..<2 {
      #expect(machine.doubleword(ramBase + 0x8000 + UInt64(hart) * 256) > 1000, "hart \(hart) works")
      #expect(machine.doubleword(ramBase + 0x8008 + UInt64(hart) * 256) > 10, "hart \(hart) is interrupted")
    }
    #expect(machine.now.time > 2 * machine.now.position, "there are idle gaps")
  }

  @Test(arguments: Machine.Engine.both, [1, 2, 4]) func randomCode(engine: Machine.Engine, harts: Int) {
    for _ in 0..<12 {
      let seed = UInt64.random(in: 0...UInt64.max)
      let guest = RandomGuest(seed: seed, harts: harts)
      Self.expectEqual(
        { guest.machine(shift: 2, gate: ScriptedGate(pollDistance: $0), engine: engine) }, length: 60_000,
        seed: seed,
        "\(engine), \(harts) harts")
    }
  }

  /// Answers of drives come at their positions, however the run there is cut.
  @Test(arguments: Machine.Engine.both) func blockRequests(engine: Machine.Engine) {
    let seed = UInt64.random(in: 0...UInt64.max)
    Self.expectEqual(
      { poll in
        BlockGuest.machine(gate: ScriptedGate(blockDelay: 333, pollDistance: poll), engine: engine)
      }, length: 40_000, seed: seed, "\(engine), block requests")
    let machine = BlockGuest.machine(gate: ScriptedGate(blockDelay: 333), engine: engine)
    #expect(machine.run(until: 40_000) == .position)
    #expect(machine.doubleword(BlockGuest.rounds) > 50, "the guest that this relies on is at work")
  }

  /// One instruction at a time is the same run, and the position counts every one of them, trapping or not.
  @Test(arguments: Machine.Engine.both) func singleSteppingEqualsRunning(engine: Machine.Engine) {
    for harts in [1, 2] {
      let seed = UInt64.random(in: 0...UInt64.max)
      let guest = RandomGuest(seed: seed, harts: harts)
      let stepped = guest.machine(engine: engine)
      var random = SeededGenerator(seed: seed)
      for position in 1...UInt64(3_000) {
        let stop = stepped.run(until: position)
        if stop != .position { break }
        #expect(stepped.now.position == position, "seed \(seed)")
        guard Int.random(in: 0..<40, using: &random) == 0 else { continue }
        let straight = guest.machine(engine: engine)
        #expect(straight.run(until: position) == .position)
        #expect(straight.fingerprint == stepped.fingerprint, "seed \(seed), position \(position)")
      }
    }
  }

  @Test func runningToWhereTheMachineStandsDoesNothing() {
    let machine = RandomGuest(seed: 1).machine()
    _ = machine.run(until: 1_234)
    let before = machine.fingerprint
    for position in [0, 5, 1_234] as [UInt64] { #expect(machine.run(until: position) == .position) }
    #expect(machine.fingerprint == before)
  }
}
