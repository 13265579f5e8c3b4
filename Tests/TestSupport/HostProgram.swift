// SPDX-License-Identifier: Apache-2.0

import Foundation

/// What a program that ran left behind.
package struct ProgramResult: Sendable {
  /// The exit status; 128 and the signal's number when a signal ended it.
  package let status: Int32
  package let output: [UInt8]
  package let errors: String

  package var text: String { String(decoding: output, as: UTF8.self) }

  /// The output's lines without the serial port's carriage returns.
  package var lines: [String] {
    text.replacingOccurrences(of: "\r", with: "").split(separator: "\n").map(String.init)
  }

  /// All it said, to be shown where something is wrong.
  package var everything: String { text + errors }
}

/// Why a program could not be run, or did not do what a test waited for.
package struct ProgramProblem: Error, CustomStringConvertible {
  package let description: String
}

/// Runs a program, found by PATH, to its end. One that takes longer than `seconds` is killed, and the test fails.
@discardableResult
package func runProgram(
  _ command: [String], input: [UInt8] = [], folder: String? = nil, seconds: Int = 300
) throws -> ProgramResult {
  try HostProgram(command, input: .bytes(input), folder: folder, seconds: seconds).waitForResult()
}

/// A program of the host that a test runs. It has nothing in common with how rrtool itself starts programs, so that the tests stand
/// on feet of their own.
///
/// Whatever it does, the tests come to an end: its output goes to files so that it never waits for a reader, and it is
/// killed with all that it started when its time is up or nobody holds it any more.
package final class HostProgram {
  package enum Input {
    case bytes([UInt8])
    /// What `type` gives.
    case keyboard
  }

  package let identifier: pid_t
  private let command: [String]
  private let output: OutputFile
  private let errors: OutputFile
  private let keyboard: Int32?
  private let seconds: Int
  private let deadline: Date
  /// As `waitpid` gives it; nil while it runs.
  private var exit: Int32?

  /// - Parameters:
  ///   - folder: where it runs; nil: where the tests do.
  ///   - environment: what is added to that of the tests.
  ///   - seconds: for how long it may run.
  package init(
    _ command: [String], input: Input, folder: String? = nil, environment: [String: String] = [:],
    seconds: Int = 300
  ) throws {
    self.command = command
    self.seconds = seconds
    deadline = Date(timeIntervalSinceNow: Double(seconds))
    output = try OutputFile()
    errors = try OutputFile()
    let standardInput: Int32
    switch input {
    case .bytes(let bytes):
      keyboard = nil
      standardInput = try OutputFile.make(holding: bytes)
    case .keyboard:
      // Not a pipe: writing to one that the program has closed would end the tests with a signal.
      var ends: [Int32] = [-1, -1]
      guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
        throw ProgramProblem(description: "cannot make a pair of sockets: error \(errno)")
      }
      keyboard = ends[0]
      standardInput = ends[1]
    }
    defer { close(standardInput) }

    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (source, target) in [(standardInput, 0), (output.descriptor, 1), (errors.descriptor, 2)]
      as [(Int32, Int32)]
    {
      posix_spawn_file_actions_adddup2(&actions, source, target)
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that all of it can be ended; and signals as in a shell, whatever the tests were started with.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    let variables = ProcessInfo.processInfo.environment.merging(["LC_ALL": "C"]) { $1 }
      .merging(environment) { $1 }
    let line = ["env"] + (folder.map { ["--chdir", $0] } ?? []) + command
    var words = line.map { strdup($0) } + [nil]
    var definitions = variables.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in words + definitions { free(text) } }
    var started: pid_t = 0
    let problem = posix_spawnp(&started, line[0], &actions, &attributes, &words, &definitions)
    identifier = started
    guard problem == 0 else {
      if let keyboard { close(keyboard) }
      // So that nobody waits for it in `deinit`.
      exit = 0
      throw ProgramProblem(description: "cannot start \(command[0]): \(String(cString: strerror(problem)))")
    }
  }

  deinit {
    killAll()
    if let keyboard { close(keyboard) }
  }

  package var isRunning: Bool {
    guard exit == nil else { return false }
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return true }
    exit = status
    return false
  }

  package func send(_ signal: Int32) { if isRunning { kill(identifier, signal) } }

  /// What it printed so far.
  package func outputSoFar() throws -> String { String(decoding: try output.contents(), as: UTF8.self) }

  /// The same of its standard error.
  package func errorsSoFar() throws -> String { String(decoding: try errors.contents(), as: UTF8.self) }

  package func type(_ text: String) throws {
    guard let keyboard else { throw ProgramProblem(description: "\(command[0]) has no keyboard") }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes {
        Foundation.send(keyboard, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw ProgramProblem(description: "\(command[0]) takes no input any more") }
      rest = rest.dropFirst(count)
    }
  }

  /// Waits until it printed this, for a minute at most.
  package func wait(for text: String) throws {
    let deadline = Date(timeIntervalSinceNow: 60)
    while true {
      // Asked before what it printed is read, which is all of it when it has ended.
      let mayGoOn = isRunning && Date() < deadline
      if try outputSoFar().contains(text) { return }
      guard mayGoOn else {
        throw ProgramProblem(description: "'\(text)' was not printed by \(try describeSoFar())")
      }
      usleep(10_000)
    }
  }

  /// Ends it as a power cut would, and answers what it left. It must still run.
  package func killed() throws -> ProgramResult {
    send(SIGKILL)
    let result = try waitForResult()
    guard result.status == 128 + SIGKILL else {
      throw ProgramProblem(description: "it ended by itself: \(try describeSoFar())")
    }
    return result
  }

  package func waitForResult() throws -> ProgramResult {
    while isRunning {
      guard Date() < deadline else {
        let told = try describeSoFar()
        killAll()
        throw ProgramProblem(description: "no end after \(seconds) s: \(told)")
      }
      usleep(2000)
    }
    // It is not running, so there is a status: low bits zero after an exit, else a signal's number (`WIFEXITED` is a macro).
    let status = exit ?? 0
    let signal = status & 0x7f
    return ProgramResult(
      status: signal == 0 ? status >> 8 & 0xff : 128 + signal, output: try output.contents(),
      errors: String(decoding: try errors.contents(), as: UTF8.self))
  }

  private func killAll() {
    guard isRunning else { return }
    kill(-identifier, SIGKILL)
    var status: Int32 = 0
    waitpid(identifier, &status, 0)
    exit = status
  }

  private func describeSoFar() throws -> String {
    let said = try outputSoFar() + String(decoding: errors.contents(), as: UTF8.self)
    return "\(command.joined(separator: " ")): \(said.suffix(2000))"
  }
}

/// A file without a name, for what a program prints or reads.
private struct OutputFile: ~Copyable {
  let descriptor: Int32

  init() throws { descriptor = try Self.make(holding: []) }

  deinit { close(descriptor) }

  /// Its descriptor stands at the start and belongs to the caller.
  static func make(holding bytes: [UInt8]) throws -> Int32 {
    let path = NSTemporaryDirectory() + "rrtool-program-\(UUID().uuidString)"
    let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      throw ProgramProblem(description: "cannot make a temporary file: error \(errno)")
    }
    unlink(path)
    guard bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count else {
      close(descriptor)
      throw ProgramProblem(description: "cannot write a temporary file: error \(errno)")
    }
    lseek(descriptor, 0, SEEK_SET)
    return descriptor
  }

  func contents() throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
      guard count >= 0 else {
        throw ProgramProblem(description: "cannot read what was printed: error \(errno)")
      }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }
}
