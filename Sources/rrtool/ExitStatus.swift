// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import Execution
import Glibc
import HostSystem
import RecordingStore
import TimeTravel

enum ToolVersion {
  static let text = RecordingManifest.toolVersion
}

/// What rrtool's exit status means.
enum ExitStatus {
  static let failed = ExitCode(1)
  static let diverged = ExitCode(3)
  /// The guest can never go on.
  static let lost = ExitCode(4)
  static let usage = ExitCode(64)

  /// The status of a guest that reported one. A host's has eight bits; what does not fit is at least not zero.
  static func guest(_ status: UInt32) -> ExitCode {
    status != 0 && status & 0xff == 0 ? failed : ExitCode(Int32(status & 0xff))
  }
}

/// Says a line on standard error.
func say(_ line: String) {
  writeError("rrtool: \(Recordings.naming(line).printable)\n")
}

/// Writes text to standard error as it is.
func writeError(_ text: String) {
  DescriptorConsoleOutput(descriptor: 2).write(Array(text.utf8))
}

/// Runs a command's work, turning what fails into one line and an exit status. Output that was lost is a failure too.
func reporting(_ body: () throws -> Void) throws {
  let result = Result { try telling(body) }
  let lost = StandardOutput.finish()
  if let lost { say(lost.description) }
  try result.get()
  if lost != nil { throw ExitStatus.failed }
}

private func telling(_ body: () throws -> Void) throws {
  do {
    try body()
  } catch let failure as Failure {
    say(failure.description)
    throw failure.kind == .usage ? ExitStatus.usage : ExitStatus.failed
  } catch ReplayError.failed(let failure) {
    say(failure.description)
    throw failure.kind == .usage ? ExitStatus.usage : ExitStatus.failed
  } catch let difference as LockstepDifference {
    for line in difference.description.split(separator: "\n") { say(String(line)) }
    throw ExitStatus.diverged
  } catch ReplayError.diverged(let divergence) {
    say(divergence.description)
    throw ExitStatus.diverged
  }
}
