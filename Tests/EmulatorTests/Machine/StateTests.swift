// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

/// `saveState` and `restoreState`: canonical, exact, and safe with bytes from a stranger.
@Suite struct StateTests {
  private static func busyMachine(seed: UInt64) -> Machine {
    let machine = RandomGuest(seed: seed, harts: 2).machine(shift: 1)
    _ = machine.run(until: 5_000)
    return machine
  }

  @Test func equalMachinesGiveEqualBytes() throws {
    let one = Self.busyMachine(seed: 7)
    let other = Self.busyMachine(seed: 7)
    #expect(one.saveState() == other.saveState())
    #expect(one.saveState() == one.saveState())
    _ = other.run(until: 5_001)
    #expect(one.saveState() != other.saveState())
    try other.restoreState(one.saveState())
    #expect(one.saveState() == other.saveState())
  }

  /// A machine that has run is as good to restore into as a new one.
  @Test func restoringIntoAUsedMachine() throws {
    let machine = Self.busyMachine(seed: 8)
    let memory = try #require(machine.memory.read(at: ramBase, count: Int(machine.memory.size)))
    let state = machine.saveState()
    let start = machine.fingerprint
    _ = machine.run(until: 9_000)
    let end = machine.fingerprint
    machine.memory.write(memory, at: ramBase)
    try machine.restoreState(state)
    #expect(machine.fingerprint == start)
    _ = machine.run(until: 9_000)
    #expect(machine.fingerprint == end)
  }

  @Test func everyTruncationAndExtensionThrows() {
    let state = Self.busyMachine(seed: 9).saveState()
    let machine = RandomGuest(seed: 9, harts: 2).machine()
    for count in 0..<state.count {
      #expect(throws: ByteCodingError.self) { try machine.restoreState(Array(state[..<count])) }
    }
    #expect(throws: ByteCodingError.self) { try machine.restoreState(state + [0]) }
  }

  @Test func stateOfAnotherMachineThrows() {
    let state = RandomGuest(seed: 1, harts: 2).machine().saveState()
    let machine = RandomGuest(seed: 1, harts: 1).machine()
    #expect(throws: ByteCodingError.self) { try machine.restoreState(state) }
  }

  /// Whatever is restored without an error runs without harm to the host.
  @Test func mutatedStatesThrowOrRun() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    print("mutated states: seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let original = Self.busyMachine(seed: 10)
    let memory = try #require(original.memory.read(at: ramBase, count: 0x20000))
    let state = original.saveState()
    var restored = 0
    for _ in 0..<1_500 {
      var bytes = state
      for _ in 0..<(1 << Int.random(in: 0..<5, using: &random)) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 1: bytes[place] = 0xff
        case 2:
          for byte in place..<min(bytes.count, place + 8) { bytes[byte] = 0xff }
        default: bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
      }
      let machine = RandomGuest(seed: 10, harts: 2).machine(shift: 1)
      machine.memory.write(memory, at: ramBase)
      do { try machine.restoreState(bytes) } catch { continue }
      restored += 1
      let isSame = machine.saveState() == bytes
      #expect(isSame, "what is accepted is what is then saved: seed \(seed)")
      _ = machine.run(until: machine.now.position + 10_000)
    }
    #expect(restored > 100, "most registers may hold anything")
  }

  /// Nothing holds a machine but who uses it.
  @Test func aMachineIsFreed() {
    weak var machine: Machine?
    do {
      let busy = Self.busyMachine(seed: 11)
      _ = busy.digests()
      machine = busy
      #expect(machine != nil)
    }
    #expect(machine == nil)
  }
}
