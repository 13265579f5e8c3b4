// SPDX-License-Identifier: Apache-2.0

import Emulator
import Foundation
import TestSupport
import Testing

/// The official riscv-tests, which are not part of the project: their built programs are taken from the folder that
/// `RISCV_TESTS` names, or `.scratch/riscv-tests`. Each runs through `rrtool run --bios` with either engine, on each model of
/// hart that has what it needs, and must end with status 0.
@Suite struct OfficialProgramsTests {
  private static let folder = URL(
    filePath: ProcessInfo.processInfo.environment["RISCV_TESTS"] ?? ".scratch/riscv-tests",
    directoryHint: .isDirectory
  ).resolvingSymlinksInPath()
  /// More than the longest of them takes; one that hangs ends there.
  private static let instructionLimit = 50_000_000

  /// rrtool is built into the same folder as the tests.
  private static let tool = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
    .appending(path: "rrtool")

  /// Suites, and what of a hart they need beyond RV64GC, Zba, Zbb and Zbs.
  private static let suites: [(name: String, needed: ProcessorExtensions)] =
    ["ui", "um", "ua", "uf", "ud", "uc", "mi", "si", "uzba", "uzbb", "uzbs"].map { ($0, []) }
    + [
      ("uzbc", .zbc), ("uzicond", .zicond), ("uzfh", .zfh), ("mzicbo", .zicboz), ("ssvnapot", .svnapot),
      ("uziccid", []),
    ]

  private static let files: [URL] =
    ((try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? [])
    .filter { $0.pathExtension.isEmpty }.sorted { $0.path < $1.path }

  /// Of all suites that the model can run. Empty if there is no such folder.
  private static func programs(_ processor: ProcessorModel) -> [URL] {
    // Some of `si` and all of `v` want A and D set for them.
    let isSettingBits = processor.extensions.contains(.svadu)
    let names = suites.filter { processor.extensions.isSuperset(of: $0.needed) }.flatMap {
      ["rv64\($0.name)-p-"] + (isSettingBits ? ["rv64\($0.name)-v-"] : [])
    }
    return files.filter { file in names.contains { file.lastPathComponent.hasPrefix($0) } }
  }

  @Test(arguments: ["interpreter", "jit"], ProcessorModel.allCases)
  func programsPass(engine: String, processor: ProcessorModel) throws {
    let programs = Self.programs(processor)
    guard !programs.isEmpty else {
      print("riscv-tests: none in \(Self.folder.path); set RISCV_TESTS to the folder of the built programs")
      return
    }
    var failures: [String] = []
    for program in programs {
      let (status, output) = try Self.run(program, engine: engine, processor: processor)
      if status != 0 {
        failures.append("\(program.lastPathComponent): status \(status) \(output)")
      }
    }
    print(
      "riscv-tests, \(processor.rawValue), \(engine): "
        + "\(programs.count - failures.count) of \(programs.count) programs pass")
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  private static func run(
    _ program: URL, engine: String, processor: ProcessorModel
  ) throws -> (status: Int32, output: String) {
    let result = try runProgram([
      tool.path, "run", "--bios", program.path, "--memory", "128M", "--serial", "null", "--engine", engine,
      "--cpu", processor.rawValue,
      "--max-instructions", String(instructionLimit),
    ])
    return (result.status, result.everything)
  }
}
