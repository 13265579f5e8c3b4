// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import Testing

/// Random programs must leave the same in RAM here, with either engine, and on QEMU: log, windows, page tables, code.
///
/// `RRTOOL_DIFFERENTIAL_SEED` sets the first seed and `RRTOOL_DIFFERENTIAL_PROGRAMS` how many programs run in each mode.
/// `RRTOOL_NEWER_QEMU` names the executable of a QEMU 10, for what Debian's 7.2 does not have. `RRTOOL_DIFFERENTIAL_IMAGES` names a
/// folder for the images of programs that differ, which `rrtool run --bios` and QEMU's `-bios` take.
@Suite(.serialized, .enabled(if: QEMU.isInstalled, "needs \(QEMU.executable)"))
struct DifferentialTests {
  private static let chunkCount = 500

  private static func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  @Test(arguments: [Repertoire.base, .halves], RandomProgram.Mode.allCases)
  func randomProgramsRunAsOnQEMU(repertoire: Repertoire, mode: RandomProgram.Mode) throws {
    try run(repertoire, mode)
  }

  @Test(
    .enabled(if: QEMU.newer != nil, "RRTOOL_NEWER_QEMU names no QEMU 10"),
    arguments: ProcessorModel.allCases, RandomProgram.Mode.allCases)
  func randomProgramsRunAsOnQEMUsModel(processor: ProcessorModel, mode: RandomProgram.Mode) throws {
    try run(.model(processor), mode)
  }

  private func run(_ repertoire: Repertoire, _ mode: RandomProgram.Mode) throws {
    let firstSeed = Self.setting("RRTOOL_DIFFERENTIAL_SEED") ?? 1
    let count = Self.setting("RRTOOL_DIFFERENTIAL_PROGRAMS") ?? 4
    var instructionCount = 0
    for seed in firstSeed..<firstSeed + count {
      let program = RandomProgram(
        seed: seed, mode: mode, repertoire: repertoire, chunkCount: Self.chunkCount)
      instructionCount += program.instructionCount
      try compare(program, repertoire)
    }
    print(
      "\(repertoire.testDescription), \(mode) mode: \(instructionCount) random instructions, seeds \(firstSeed)..<\(firstSeed + count)"
    )
    #expect(UInt64(instructionCount) > count * 100_000)
  }

  private func compare(_ program: RandomProgram, _ repertoire: Repertoire) throws {
    let memorySize = RandomProgram.memorySize
    let oracle = try QEMU.run(repertoire, image: program.image, memorySize: memorySize, seconds: 120)
    var positions: [UInt64] = []
    for engine in [Machine.Engine.interpreter, .translator] {
      let machine = try EmulatedMachine.run(
        image: program.image, memorySize: memorySize, processor: repertoire.processor, engine: engine,
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
      keep(program)
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
    if let offset = stride(from: 0, to: program.image.count, by: 8).first(where: {
      ours.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
        != theirs.loadUnaligned(fromByteOffset: $0, as: UInt64.self)
    }) {
      keep(program)
      let values = [ours, theirs].map {
        String($0.loadUnaligned(fromByteOffset: offset, as: UInt64.self), radix: 16)
      }
      Issue.record(
        """
        \(name): \(String(RandomProgram.ramBase + UInt64(offset), radix: 16)) holds \(values[0]) here and \
        \(values[1]) on QEMU
        """)
    }
  }

  private func keep(_ program: RandomProgram) {
    guard let folder = ProcessInfo.processInfo.environment["RRTOOL_DIFFERENTIAL_IMAGES"] else { return }
    let file = URL(filePath: folder).appending(path: "\(program.mode)-\(program.seed)")
    do {
      try Data(program.image).write(to: file)
    } catch {
      print("\(file.path) was not written: \(error)")
    }
  }
}
