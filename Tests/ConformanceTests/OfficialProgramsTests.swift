import Foundation
import TestSupport
import Testing

/// The official riscv-tests, which are not part of the project: their built programs are taken from the folder that
/// `RISCV_TESTS` names, or `.scratch/riscv-tests`. Each runs through `rrtool run --bios` with either engine, and must end
/// with status 0.
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

  /// All suites of what rrtool's harts implement. Empty if there is no such folder.
  private static let programs: [URL] = {
    let suites = ["ui", "um", "ua", "uf", "ud", "uc", "mi", "si", "uzba", "uzbb", "uzbs"]
    let files =
      (try? FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)) ?? []
    let names = suites.flatMap { ["rv64\($0)-p-", "rv64\($0)-v-"] }
    return files.filter { file in
      file.pathExtension.isEmpty && names.contains { file.lastPathComponent.hasPrefix($0) }
    }.sorted { $0.path < $1.path }
  }()

  @Test(arguments: ["interpreter", "jit"])
  func programsPass(engine: String) throws {
    guard !Self.programs.isEmpty else {
      print("riscv-tests: none in \(Self.folder.path); set RISCV_TESTS to the folder of the built programs")
      return
    }
    var failures: [String] = []
    for program in Self.programs {
      let (status, output) = try Self.run(program, engine: engine)
      // A run that was cut short is no success, though it ends with 0.
      if status != 0 || output.contains("reached its limit") {
        failures.append("\(program.lastPathComponent): status \(status) \(output)")
      }
    }
    print(
      "riscv-tests, \(engine): \(Self.programs.count - failures.count) of \(Self.programs.count) programs pass"
    )
    #expect(failures.isEmpty, "\(failures.joined(separator: "\n"))")
  }

  private static func run(_ program: URL, engine: String) throws -> (status: Int32, output: String) {
    let result = try runProgram([
      tool.path, "run", "--bios", program.path, "--memory", "128M", "--serial", "null", "--engine", engine,
      "--max-instructions", String(instructionLimit),
    ])
    return (result.status, result.everything)
  }
}
