import Emulator

let ramBase: UInt64 = 0x8000_0000

/// A machine with `program` at the start of RAM, which every hart enters in M mode with its number in a0.
func makeMachine(
  program: [UInt8], extra: [BootPlan.Region] = [], harts: Int = 1, shift: Int = 0,
  memorySize: UInt64 = 2 << 20,
  toHostAddress: UInt64? = nil, gate: ScriptedGate = ScriptedGate(), engine: Machine.Engine = .automatic
) -> Machine {
  Machine(
    configuration: MachineConfiguration(memorySize: memorySize, hartCount: harts, shift: shift, drives: []),
    plan: BootPlan(
      regions: [BootPlan.Region(address: ramBase, bytes: program)] + extra,
      start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20),
      toHostAddress: toHostAddress),
    gate: gate, engine: engine)
}

func makeMachine(
  _ assembly: Assembly, harts: Int = 1, shift: Int = 0, memorySize: UInt64 = 2 << 20,
  toHostAddress: UInt64? = nil,
  gate: ScriptedGate = ScriptedGate()
) -> Machine {
  makeMachine(
    program: assembly.assembled(), harts: harts, shift: shift, memorySize: memorySize,
    toHostAddress: toHostAddress,
    gate: gate)
}

extension Machine {
  /// A second machine that stands where this one does: its RAM and its state, and nothing that was derived from them.
  func copied(gate: ScriptedGate, program: [UInt8] = []) throws -> Machine {
    let copy = Machine(
      configuration: configuration,
      plan: BootPlan(
        regions: [], start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20)),
      gate: gate)
    copy.memory.write(memory.read(at: ramBase, count: Int(memory.size))!, at: ramBase)  // all of RAM is there
    try copy.restoreState(saveState())
    return copy
  }

  /// Everything that a difference between two runs could show in.
  var fingerprint: [UInt64] { digests() + [now.position, now.time] }

  func doubleword(_ address: UInt64) -> UInt64 { memory.load(UInt64.self, at: address) ?? 0xdead }
}

/// Where two fingerprints differ, for messages.
func differences(_ left: [UInt64], _ right: [UInt64], _ names: [String]) -> String {
  zip(names + ["position", "time"], zip(left, right)).filter { $1.0 != $1.1 }.map(\.0).joined(separator: " ")
}
