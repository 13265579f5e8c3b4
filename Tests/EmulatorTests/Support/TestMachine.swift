// SPDX-License-Identifier: Apache-2.0

import Emulator

let ramBase: UInt64 = 0x8000_0000

extension Machine.Engine {
  /// The engines that there are, for tests that hold for each of them.
  static let both: [Machine.Engine] = [.interpreter, .translator]
}

/// A machine with `program` at the start of RAM, which every hart enters in M mode with its number in a0.
func makeMachine(
  program: [UInt8], extra: [BootPlan.Region] = [], harts: Int = 1, shift: Int = 0,
  memorySize: UInt64 = 2 << 20,
  toHostAddress: UInt64? = nil, fromHostAddress: UInt64? = nil, gate: ScriptedGate = ScriptedGate(),
  drives: [MachineConfiguration.Drive] = [], processor: ProcessorModel = .rv64,
  revision: MachineRevision = .current, engine: Machine.Engine = .automatic
) -> Machine {
  Machine(
    configuration: MachineConfiguration(
      memorySize: memorySize, hartCount: harts, shift: shift, drives: drives, processor: processor,
      revision: revision),
    plan: BootPlan(
      regions: [BootPlan.Region(address: ramBase, bytes: program)] + extra,
      start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20),
      toHostAddress: toHostAddress, fromHostAddress: fromHostAddress),
    gate: gate, engine: engine)
}

func makeMachine(
  _ assembly: Assembly, harts: Int = 1, shift: Int = 0, memorySize: UInt64 = 2 << 20,
  toHostAddress: UInt64? = nil, fromHostAddress: UInt64? = nil,
  gate: ScriptedGate = ScriptedGate(),
  drives: [MachineConfiguration.Drive] = [], processor: ProcessorModel = .rv64,
  revision: MachineRevision = .current, engine: Machine.Engine = .automatic
) -> Machine {
  makeMachine(
    program: assembly.assembled(), harts: harts, shift: shift, memorySize: memorySize,
    toHostAddress: toHostAddress, fromHostAddress: fromHostAddress, gate: gate, drives: drives,
    processor: processor, revision: revision, engine: engine)
}

/// A page table with these entries, and zeroes for the others.
func pageTable(at address: UInt64, _ entries: [Int: UInt64]) -> BootPlan.Region {
  var bytes = [UInt8](repeating: 0, count: 4096)
  for (index, entry) in entries {
    for byte in 0..<8 { bytes[index * 8 + byte] = UInt8(truncatingIfNeeded: entry >> UInt64(byte * 8)) }
  }
  return BootPlan.Region(address: address, bytes: bytes)
}

extension Machine {
  /// A second machine that stands where this one does: its RAM and its state, and nothing that was derived from them.
  func copied(gate: ScriptedGate, engine: Machine.Engine = .automatic) throws -> Machine {
    let copy = Machine(
      configuration: configuration,
      plan: BootPlan(
        regions: [], start: .machineMode(entry: ramBase), deviceTreeAddress: ramBase + (1 << 20)),
      gate: gate, engine: engine)
    copy.memory.write(memory.read(at: ramBase, count: Int(memory.size))!, at: ramBase)  // all of RAM is there
    for page in changedPages.pages where page >= memory.ramPageCount {
      copy.memory.replace(page: page, with: memory.bytes + page * GuestMemory.pageSize)
    }
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
