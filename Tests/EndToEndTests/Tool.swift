// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Where things lie: the project, the tool that was built with these tests, and what the tests run.
enum Place {
  static let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// The tool stands beside the tests' own program.
  static let tool: URL = {
    let tests = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    return tests.deletingLastPathComponent().appending(path: "rrtool")
  }()

  static func guest(_ name: String) -> String {
    project.appending(path: "fixtures/guests/built/\(name).elf").path
  }
}

/// A folder for one test, deleted with it. Recordings that are not named go there too.
final class Scratch {
  let folder: URL

  init() throws {
    folder = URL(filePath: try makeTemporaryFolder())
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Writes a file and answers its path.
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(bytes).write(to: folder.appending(path: name))
    return path(name)
  }

  /// Writes a program and answers its path. Another process makes it: programs that other tests start meanwhile would have what we write
  /// open as well, and nobody can run it then.
  func program(_ name: String, _ script: String) throws -> String {
    let text = try file(name + ".text", script.utf8)
    let made = try run(["install", "-m", "700", text, path(name)])
    #expect(made.status == 0, "\(made.errors)")
    return path(name)
  }

  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: name))) }

  /// A disk image of this many sectors, each with content of its own.
  func disk(_ name: String, sectors: Int) throws -> String {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(sectors * 512)
    for sector in 0..<sectors {
      for index in 0..<512 { bytes.append(UInt8(truncatingIfNeeded: sector &* 31 &+ index &* 7)) }
    }
    return try file(name, bytes)
  }

  /// Every file below this folder and what it holds: to see that nothing changed.
  func contents(below name: String) throws -> [String: Data] {
    var found: [String: Data] = [:]
    for file in try FileManager.default.subpathsOfDirectory(atPath: path(name)) {
      found[file] = FileManager.default.contents(atPath: path(name) + "/" + file)
    }
    return found
  }

  /// Runs rrtool to its end.
  func rrtool(_ arguments: String..., input: String = "", seconds: Int = 300) throws -> ProgramResult {
    try run([Place.tool.path] + arguments, input: input, seconds: seconds)
  }

  func rrtool(
    _ arguments: [String], input: String = "", folder: String? = nil, seconds: Int = 300
  ) throws -> ProgramResult {
    try run([Place.tool.path] + arguments, input: input, folder: folder, seconds: seconds)
  }

  /// Runs a program, found by PATH, to its end. One that takes longer than `seconds` is killed.
  func run(
    _ command: [String], input: String = "", folder: String? = nil, seconds: Int = 300
  ) throws -> ProgramResult {
    try HostProgram(
      command, input: .bytes(Array(input.utf8)), folder: folder, environment: environment, seconds: seconds
    ).waitForResult()
  }

  /// Starts a program and leaves it running, to be typed to.
  func start(_ command: [String]) throws -> HostProgram {
    try HostProgram(command, input: .keyboard, environment: environment)
  }

  private var environment: [String: String] { ["RRTOOL_TRACE_DIR": path("traces")] }
}
