// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Execution
import Glibc
import HostSystem
import RecordingStore
import TimeTravel

/// What rrtool's exit status means.
enum ExitStatus {
  static let failed = ExitCode(1)
  static let diverged = ExitCode(3)
  /// The guest can never go on.
  static let lost = ExitCode(4)
  /// `--until-failure` has found a run in which the console said what `--stop-on` waits for.
  static let matched = ExitCode(5)
  /// The guest ended well, but the console never said what `--stop-on` waits for.
  static let missed = ExitCode(6)
  static let usage = ExitCode(64)
  /// `--timeout` or `--max-instructions` ended the run: as timeout(1) has it.
  static let limit = ExitCode(124)

  /// A signal ended the run: as a shell tells of a program that one has ended.
  static func signal(_ number: Int32) -> ExitCode { ExitCode(128 + number) }

  /// The status of a guest that reported one. A host's has eight bits; what does not fit is at least not zero.
  static func guest(_ status: UInt32) -> ExitCode {
    status != 0 && status & 0xff == 0 ? failed : ExitCode(Int32(status & 0xff))
  }
}

/// Says a line on standard error.
func say(_ line: String) {
  writeError("rrtool: \(Recordings.naming(line).printable)\n")
}

/// Says a line of what went wrong.
func complain(_ line: String) {
  let name = Colours.styled("rrtool:", .red, on: 2)
  writeError("\(name) \(Recordings.naming(line).printable)\n")
}

/// Writes text to standard error as it is, on a line of its own.
func writeError(_ text: String) {
  DescriptorConsoleOutput(descriptor: 2).write(Array(((UnfinishedLine.end() ? "\n" : "") + text).utf8))
}

/// Runs a command's work, turning what fails into one line and an exit status. Output that was lost is a failure too.
func reporting(_ body: () throws -> Void) throws {
  let result = Result { try telling(Outcome(), body) }
  let lost = StandardOutput.finish()
  if let lost { complain(lost.description) }
  try result.get()
  if lost != nil { throw ExitStatus.failed }
}

/// The same of a command whose outcome is written where its options say, however it ends.
///
/// - Parameter files: adds the other files that the command line names.
func reporting(
  _ command: String, _ options: ResultOptions, files: (inout FilePlaces) -> Void,
  _ body: (Outcome) throws -> Void
) throws {
  let outcome = Outcome(options.isWanted ? command : nil)
  let writer = ResultWriter(outcome)
  let result = Result {
    try telling(outcome) {
      let places = try options.places()
      var named = FilePlaces()
      files(&named)
      options.add(to: &named)
      try named.check()
      try writer.prepare(places)
      if !places.isEmpty { StopSignals.beforeEnd { writer.endBySignal($0) } }
      try body(outcome)
    }
  }
  var status: ExitCode = .success
  if case .failure(let error) = result { status = error as? ExitCode ?? ExitStatus.failed }
  writer.write(.standardOutput, status: status)
  if let lost = StandardOutput.finish() {
    complain(lost.description)
    outcome.note(lost.description, outcome.end ?? .failure)
    if status == .success { status = ExitStatus.failed }
  }
  if let failure = writer.writeFiles(status: status) {
    complain(failure.description)
    if status == .success { status = ExitStatus.failed }
  }
  if case .failure(let error) = result, !(error is ExitCode) { throw error }
  if status != .success { throw status }
}

private func telling(_ outcome: Outcome, _ body: () throws -> Void) throws {
  func tell(_ failure: Failure) -> ExitCode {
    complain(failure.description)
    outcome.note(failure.description, failure.kind == .usage ? .usage : .failure)
    return failure.kind == .usage ? ExitStatus.usage : ExitStatus.failed
  }
  do {
    try body()
  } catch let failure as Failure {
    throw tell(failure)
  } catch ReplayError.failed(let failure) {
    throw tell(failure)
  } catch let difference as LockstepDifference {
    for line in difference.description.split(separator: "\n") { complain(String(line)) }
    outcome.note(difference.description, .divergence)
    outcome.set { $0.position = difference.position }
    throw ExitStatus.diverged
  } catch ReplayError.diverged(let divergence) {
    complain(divergence.description)
    outcome.note(divergence.description, .divergence)
    outcome.set { $0.position = divergence.moment.position }
    throw ExitStatus.diverged
  }
}
