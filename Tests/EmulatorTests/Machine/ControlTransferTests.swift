// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

/// Jumps as they are told: both engines tell the same, and where a jump led the hart stands.
@Suite struct ControlTransferTests {
  private struct Jump: Equatable {
    var hart: Int
    var source: UInt64
    var target: UInt64
    var stackPointer: UInt64
    var kind: ControlTransfer.Kind
    var position: UInt64
  }

  private struct Outcome: Equatable {
    var jumps: [Jump] = []
    /// Positions up to which all was told, by the hart that had executed the last instruction.
    var ends: [UInt64] = []
    var fingerprint: [UInt64] = []
  }

  private static func run(
    _ subject: StopPointTests.Subject, _ engine: Machine.Engine, _ notes: ControlTransferNotes = .all
  ) -> Outcome {
    let machine = subject.make(engine)
    var outcome = Outcome()
    let hear = { (transfers: ControlTransfers) in
      for jump in transfers.jumps {
        outcome.jumps.append(
          Jump(
            hart: transfers.hart, source: jump.source, target: jump.target, stackPointer: jump.stackPointer,
            kind: jump.kind, position: transfers.position(behind: jump)))
      }
      outcome.ends.append(transfers.end)
    }
    machine.observe({ _ in }, notes: notes, transfers: hear)
    _ = machine.run(until: subject.length)
    machine.observe(nil)
    outcome.fingerprint = machine.fingerprint
    return outcome
  }

  @Test(arguments: 1...24) func bothEnginesTellTheSame(seed: Int) {
    var random = SeededGenerator(seed: UInt64(seed))
    let subject = StopPointTests.Subject.any(harts: seed % 3 == 0 ? 3 : 1, &random)
    let (jit, interpreter) = (Self.run(subject, .automatic), Self.run(subject, .interpreter))
    #expect(jit.jumps == interpreter.jumps, "\(subject.name)")
    // Without branches the others are the same.
    let others = Self.run(subject, .automatic, .jumps)
    #expect(others.jumps == jit.jumps.filter { $0.kind != .branch }, "\(subject.name)")
    #expect(jit.fingerprint == interpreter.fingerprint, "\(subject.name)")
    // Nobody's looking on changes a run.
    let plain = subject.make(.automatic)
    _ = plain.run(until: subject.length)
    #expect(plain.fingerprint == jit.fingerprint, "\(subject.name)")
    #expect(zip(jit.jumps, jit.jumps.dropFirst()).allSatisfy { $0.position < $1.position }, "\(subject.name)")
    #expect(jit.ends.last == subject.length || jit.ends.last == plain.now.position, "\(subject.name)")
  }

  /// A machine that runs up to a jump stands behind it where it led, unless an interrupt or a reset came between.
  @Test(arguments: 1...6) func jumpsAreWhereTheyAreTold(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let guest = RandomGuest(seed: random.next(), harts: 1)
    let subject = StopPointTests.Subject(name: "random \(guest.seed)", length: 12_000) {
      guest.machine(shift: 2, engine: $0)
    }
    let jumps = Self.run(subject, .automatic).jumps
    try #require(!jumps.isEmpty)
    let machine = subject.make(.interpreter)
    for jump in jumps {
      _ = machine.run(until: jump.position - 1)
      #expect(machine.place(hart: 0).programCounter == jump.source, "\(subject.name) at \(jump.position)")
      _ = machine.run(until: jump.position)
      #expect(machine.place(hart: 0).programCounter == jump.target, "\(subject.name) at \(jump.position)")
      #expect(machine.register(2, hart: 0) == jump.stackPointer, "\(subject.name) at \(jump.position)")
    }
  }
}
