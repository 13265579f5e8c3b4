// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// A machine that is given another one's RAM and state goes on exactly as that one does: nothing that a machine
/// keeps for speed shows.
@Suite struct SnapshotTests {
  /// Copies `machine` where it stands and compares the two at `steps` later positions.
  static func expectSameFuture(
    _ machine: Machine, steps: [UInt64], gate: ScriptedGate = ScriptedGate(), engine: Machine.Engine,
    _ what: String
  ) throws {
    let copy = try machine.copied(gate: gate, engine: engine)
    #expect(copy.fingerprint == machine.fingerprint, "\(what): at once")
    #expect(copy.saveState() == machine.saveState(), "\(what): the state's bytes")
    for step in steps {
      let position = machine.now.position + step
      let start = machine.now
      let left = machine.run(until: position)
      let right = copy.run(until: position)
      #expect(left == right, "\(what)")
      let (one, other) = (machine.fingerprint, copy.fingerprint)
      #expect(
        one == other,
        "\(what): \(differences(one, other, machine.digestNames)) differ between \(start) and \(position)")
      if left != .position || one != other { return }
    }
  }

  @Test(arguments: Machine.Engine.both, [1, 2, 4])
  func randomCode(engine: Machine.Engine, harts: Int) throws {
    for _ in 0..<25 {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SeededGenerator(seed: seed)
      let machine = RandomGuest(seed: seed, harts: harts).machine(shift: 2, engine: engine)
      for _ in 0..<8 {
        let position = machine.now.position + UInt64.random(in: 1...4_000, using: &random)
        guard machine.run(until: position) == .position else { break }
        try Self.expectSameFuture(
          machine, steps: [1, 2, 5, 20, 100, 500, 3_000], engine: engine,
          "seed \(seed), harts \(harts), snapshot at \(position)")
      }
    }
  }

  @Test(arguments: Machine.Engine.both, [1, 3])
  func interruptsTimersAndIdleGaps(engine: Machine.Engine, harts: Int) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let machine = makeMachine(
      InterruptGuest.program(harts: harts), harts: harts, gate: InterruptGuest.gate(),
      engine: engine)
    for _ in 0..<20 {
      let position = machine.now.position + UInt64.random(in: 1...6_000, using: &random)
      #expect(machine.run(until: position) == .position)
      let gate = InterruptGuest.gate()
      gate.skip(past: machine.now)
      try Self.expectSameFuture(
        machine, steps: [1, 10, 300, 2_000], gate: gate, engine: engine,
        "seed \(seed), snapshot at \(position)")
    }
  }

  /// What a drive has not answered yet is part of the state, and its answer comes to the copy too.
  @Test(arguments: Machine.Engine.both) func blockRequestsInFlight(engine: Machine.Engine) throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let gate = ScriptedGate(blockDelay: 333)
    let machine = BlockGuest.machine(gate: gate, engine: engine)
    var inFlight = 0
    for _ in 0..<40 {
      let position = machine.now.position + UInt64.random(in: 1...2_000, using: &random)
      #expect(machine.run(until: position) == .position)
      inFlight += gate.requestsInFlight
      let copyGate = ScriptedGate(blockDelay: 333)
      copyGate.takeOver(from: gate)
      try Self.expectSameFuture(
        machine, steps: [1, 50, 400, 1_000], gate: copyGate, engine: engine,
        "seed \(seed), snapshot at \(position)")
    }
    #expect(inFlight > 20, "seed \(seed)")
    #expect(machine.doubleword(BlockGuest.rounds) > 50)
  }
}
