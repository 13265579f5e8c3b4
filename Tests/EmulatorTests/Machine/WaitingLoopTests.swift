// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Harts that wait for others end their turns, and it is the same on both engines and however a run is cut.
@Suite struct WaitingLoopTests {
  @Test(arguments: Machine.Engine.both, [2, 4]) func cuttingChangesNothing(engine: Machine.Engine, harts: Int)
  {
    for _ in 0..<12 {
      let seed = UInt64.random(in: 0...UInt64.max)
      let guest = TokenGuest(seed: seed, harts: harts)
      SlicingTests.expectEqual(
        { poll in
          makeMachine(
            program: guest.program, harts: harts, shift: 2, gate: ScriptedGate(pollDistance: poll),
            engine: engine)
        }, length: 60_000, seed: seed, "\(engine), \(harts) harts")
    }
  }

  @Test(arguments: [2, 4]) func enginesAgree(harts: Int) {
    for _ in 0..<12 {
      let seed = UInt64.random(in: 0...UInt64.max)
      var random = SeededGenerator(seed: seed)
      let guest = TokenGuest(seed: seed, harts: harts)
      var position: UInt64 = 0
      SlicingTests.expectSameEngines(
        { makeMachine(program: guest.program, harts: harts, engine: $0) },
        at: (0..<100).map { _ in
          position += UInt64.random(in: 1...2000, using: &random)
          return position
        })
    }
  }

  /// How often the token goes round in a million instructions tells whether harts wait for the ends of turns.
  @Test(arguments: TokenGuest.Loop.allCases) func waitingTakesNoTurns(loop: TokenGuest.Loop) {
    func rounds(_ revision: MachineRevision) -> UInt64 {
      let guest = TokenGuest(seed: 1, harts: 4, loops: [loop], work: [1], changesCode: false)
      let machine = makeMachine(program: guest.program, harts: 4, revision: revision)
      #expect(machine.run(until: 1_000_000) == .position)
      return (0..<4).map { machine.doubleword(TokenGuest.rounds + $0 * 8) }.min()!
    }
    let (before, now) = (rounds(.fifth), rounds(.sixth))
    if loop == .count {
      #expect(now == before)
    } else {
      #expect(now > 10 * before, "\(now) rounds, \(before) before")
    }
  }

  @Test func aHartThatIsAloneKeepsItsTurn() {
    let guest = TokenGuest(seed: 2, harts: 1)
    let machines = [MachineRevision.fifth, .sixth].map {
      makeMachine(program: guest.program, revision: $0)
    }
    for machine in machines { #expect(machine.run(until: 100_000) == .position) }
    #expect(machines[0].fingerprint == machines[1].fingerprint)
  }
}
