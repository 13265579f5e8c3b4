import Emulator
import Foundation
import Testing

/// Random programs must leave the same in RAM here, with either engine, and on QEMU: log, windows, page tables, code.
///
/// `RRTOOL_DIFFERENTIAL_SEED` sets the first seed and `RRTOOL_DIFFERENTIAL_PROGRAMS` how many programs run in each mode.
/// `RRTOOL_NEWER_QEMU` names the executable of a QEMU 10, for what Debian's 7.2 does not have.
@Suite(.serialized, .enabled(if: QEMU.isInstalled, "needs \(QEMU.executable)"))
struct DifferentialTests {
  private static let chunkCount = 500

  private static func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test(arguments: RandomProgram.Mode.allCases)
  func randomProgramsRunAsOnQEMU(mode: RandomProgram.Mode) throws {
    try run(mode, [])
  }

  @Test(arguments: RandomProgram.Mode.allCases)
  func randomProgramsWithHalvesRunAsOnQEMU(mode: RandomProgram.Mode) throws {
    try run(mode, .zfh)
  }

  @Test(
    .enabled(if: QEMU.newer != nil, "RRTOOL_NEWER_QEMU names no QEMU 10"),
    arguments: RandomProgram.Mode.allCases)
  func randomProgramsWithHalvesAndZfaRunAsOnQEMU(mode: RandomProgram.Mode) throws {
    try run(mode, [.zfh, .zfa])
  }

  private func run(_ mode: RandomProgram.Mode, _ later: RandomInstructions.Later) throws {
    let firstSeed = Self.setting("RRTOOL_DIFFERENTIAL_SEED") ?? 1
    let count = Self.setting("RRTOOL_DIFFERENTIAL_PROGRAMS") ?? 4
    var instructionCount = 0
    for seed in firstSeed..<firstSeed + count {
      let program = RandomProgram(seed: seed, mode: mode, later: later, chunkCount: Self.chunkCount)
      instructionCount += program.instructionCount
      try compare(program, later)
    }
    print("\(mode) mode: \(instructionCount) random instructions, seeds \(firstSeed)..<\(firstSeed + count)")
    #expect(UInt64(instructionCount) > count * 100_000)
  }

  private func compare(_ program: RandomProgram, _ later: RandomInstructions.Later) throws {
    let memorySize = RandomProgram.memorySize
    let oracle = try QEMU.run(
      later.contains(.zfa) ? QEMU.newer ?? QEMU.executable : QEMU.executable,
      processor: QEMU.processor + (later.isEmpty ? "" : ",Zfh=on,Zfhmin=on")
        + (later.contains(.zfa) ? ",zfa=on" : ""),
      image: program.image, memorySize: memorySize, seconds: 120)
    var positions: [UInt64] = []
    for engine in [Machine.Engine.interpreter, .translator] {
      let machine = try EmulatedMachine.run(
        image: program.image, memorySize: memorySize, processor: later.processor, engine: engine,
        instructionLimit: 1_000_000_000)
      positions.append(machine.now.position)
      let size = Int(memorySize)
      let ours = UnsafeRawBufferPointer(
        start: try #require(machine.memory.pointer(at: RandomProgram.ramBase, count: size)), count: size)
      try withExtendedLifetime(machine) {
        try oracle.withUnsafeBytes { theirs in
          try #require(theirs.count == size)
          check(program, engine, ours: ours, theirs: theirs)
        }
      }
    }
    #expect(positions[0] == positions[1], "seed \(program.seed), \(program.mode) mode: instructions executed")
  }

  private func check(
    _ program: RandomProgram, _ engine: Machine.Engine, ours: UnsafeRawBufferPointer,
    theirs: UnsafeRawBufferPointer
  ) {
    let logRange = RandomProgram.logOffset..<RandomProgram.logOffset + RandomProgram.logSize
    func log(_ ram: UnsafeRawBufferPointer) -> GuestLog {
      GuestLog(words: UnsafeRawBufferPointer(rebasing: ram[logRange]).bindMemory(to: UInt64.self))
    }
    let name = "seed \(program.seed), \(program.mode) mode, \(engine)"
    let ourLog = log(ours)
    if let difference = ourLog.firstDifference(from: log(theirs), names: ("rrtool", "QEMU")) {
      Issue.record(
        """
        \(name): chunk \(difference.chunk), \(difference.text)
        \(program.listing(chunk: difference.chunk))
        """)
      return
    }
    #expect(ourLog.isComplete, "\(name)")
    #expect(ourLog.records.count >= Self.chunkCount, "\(name)")
    // The log agrees; what is left is what was stored and never loaded again.
    if let offset = program.image.indices.first(where: { ours[$0] != theirs[$0] }) {
      Issue.record(
        """
        \(name): \(String(RandomProgram.ramBase + UInt64(offset), radix: 16)) holds \(ours[offset]) here and \
        \(theirs[offset]) on QEMU
        """)
    }
  }
}
