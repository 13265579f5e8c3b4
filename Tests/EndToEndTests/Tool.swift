import Foundation
import Testing

/// What a program that ran left behind.
struct ProgramResult {
  /// The exit status; 128 and the signal's number when a signal ended it.
  let status: Int32
  let output: [UInt8]
  let errors: String

  var text: String { String(decoding: output, as: UTF8.self) }

  /// The output's lines without the serial port's carriage returns.
  var lines: [String] {
    text.replacingOccurrences(of: "\r", with: "").split(separator: "\n").map(String.init)
  }
}

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
    folder = URL(filePath: NSTemporaryDirectory()).appending(path: "rrtool-test-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  func path(_ name: String) -> String { folder.appending(path: name).path }

  /// Writes a file and answers its path.
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    try Data(bytes).write(to: folder.appending(path: name))
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

  func rrtool(_ arguments: [String], input: String = "", seconds: Int = 300) throws -> ProgramResult {
    try run([Place.tool.path] + arguments, input: input, seconds: seconds)
  }

  /// Runs a program, found by PATH, to its end. One that takes longer than `seconds` is killed.
  func run(_ command: [String], input: String = "", seconds: Int = 300) throws -> ProgramResult {
    let program = try RunningProgram(
      ["timeout", "--signal=KILL", String(seconds)] + command, input: input, scratch: self)
    return try program.waitForResult()
  }

  /// Starts a program and leaves it running, to be typed to.
  func start(_ command: [String]) throws -> RunningProgram {
    try RunningProgram(command, input: nil, scratch: self)
  }
}

/// A program that runs. Its output goes to files, so that it never waits for a reader.
struct RunningProgram {
  let process: Process
  private let outputPath: String
  private let errorPath: String
  private let keyboard: Pipe?

  /// Standard input is the text, or, when there is none, whatever `type` gives.
  fileprivate init(_ command: [String], input: String?, scratch: Scratch) throws {
    let name = ".program-\(UUID().uuidString)"
    outputPath = scratch.path(name + ".out")
    errorPath = scratch.path(name + ".err")
    for path in [outputPath, errorPath] { try Data().write(to: URL(filePath: path)) }

    process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = command
    process.environment = ProcessInfo.processInfo.environment.merging(
      ["RRTOOL_TRACE_DIR": scratch.path("traces"), "LC_ALL": "C"]) { $1 }
    if let input {
      keyboard = nil
      process.standardInput = try FileHandle(
        forReadingFrom: URL(filePath: scratch.file(name + ".in", input.utf8)))
    } else {
      keyboard = Pipe()
      process.standardInput = keyboard
    }
    process.standardOutput = try FileHandle(forWritingTo: URL(filePath: outputPath))
    process.standardError = try FileHandle(forWritingTo: URL(filePath: errorPath))
    try process.run()
  }

  /// What it printed so far.
  func outputSoFar() throws -> String {
    String(decoding: try Data(contentsOf: URL(filePath: outputPath)), as: UTF8.self)
  }

  /// Waits until it printed this; records an issue when it ends or a minute passes before.
  func wait(for text: String) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while try !outputSoFar().contains(text) {
      try #require(process.isRunning && Date() < deadline, "'\(text)' was not printed")
      Thread.sleep(forTimeInterval: 0.02)
    }
  }

  func type(_ text: String) throws {
    try keyboard?.fileHandleForWriting.write(contentsOf: Data(text.utf8))
  }

  /// Ends it as a power cut would, and answers what it left. It must still run.
  func killed() throws -> ProgramResult {
    kill(process.processIdentifier, SIGKILL)
    let result = try waitForResult()
    try #require(result.status == 128 + SIGKILL, "it ended by itself: \(result.errors)")
    return result
  }

  func waitForResult() throws -> ProgramResult {
    process.waitUntilExit()
    let status = process.terminationStatus
    return ProgramResult(
      status: process.terminationReason == .uncaughtSignal ? 128 + status : status,
      output: [UInt8](try Data(contentsOf: URL(filePath: outputPath))),
      errors: String(decoding: try Data(contentsOf: URL(filePath: errorPath)), as: UTF8.self))
  }
}
