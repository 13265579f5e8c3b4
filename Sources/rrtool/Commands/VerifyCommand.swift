// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem
import Inspection
import TimeTravel

struct VerifyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Check a recording: its files, every snapshot, and a whole replay.",
    discussion: """
      The log is read to its end and held against the manifest, the images' reference counts are counted, base images are
      compared with what the run read of them, and every snapshot is loaded. Then the recording is replayed against every digest
      and, on the way, against every snapshot with its drives. Everything that is wrong is told, a line each.

      EXAMPLES
        rrtool verify linux.rr
        rrtool verify linux.rr --quick
        rrtool verify linux.rr --format json
      """)

  @OptionGroup var recordingArgument: RecordingArgument

  @Flag(help: "Look at the files alone: load no memory, and replay nothing.")
  var quick = false

  @Option(help: ArgumentHelp("text or json.", valueName: "format"))
  var format = "text"

  func run() throws {
    try reporting {
      guard ["text", "json"].contains(format) else {
        throw Failure(.usage, "--format \(format)", "is no format", remedy: "give text or json")
      }
      var verification = Verification(try recordingArgument.open())
      let progress = ProgressOfAll()
      verification.run(quickly: quick) { progress.show($0, of: $1) }
      progress.finish()
      for problem in verification.problems { say(problem.description) }
      if let divergence = verification.divergence { say(divergence.description) }
      if format == "json" {
        try verification.report(isQuick: quick).render(.json) { StandardOutput.write($0) }
      } else {
        for remark in verification.remarks { say("\(verification.recording.name): \(remark)") }
        if verification.isGood { show(summary(of: verification)) }
      }
      if !verification.problems.isEmpty { throw ExitStatus.failed }
      if verification.divergence != nil { throw ExitStatus.diverged }
    }
  }

  private func summary(of verification: Verification) -> String {
    let count = verification.snapshotCount
    var parts = ["\(count) snapshot\(count == 1 ? "" : "s")"]
    if let position = verification.position {
      parts.insert("\(position.grouped) instructions replayed", at: 0)
    }
    if !verification.isComplete {
      parts.append(
        verification.isBeingMade ? "up to here: it is being made" : "incomplete: its recorder was killed")
    }
    return "\(verification.recording.name): good, \(parts.joined(separator: ", "))".printable
  }
}

extension Verification {
  fileprivate func report(isQuick: Bool) -> Report {
    Report([
      Section(
        record: "verification", title: "Verification",
        [
          (Column("recording", "Recording"), .text(recording.name)),
          (Column("is_good", "Good"), .flag(isGood)),
          (Column("is_quick", "Files alone"), .flag(isQuick)),
          (Column("is_complete", "Complete"), .flag(isComplete)),
          (Column("is_being_made", "Being made"), .flag(isBeingMade)),
          (Column("position", "Replayed to"), FieldValue(position)),
          (Column("snapshot_count", "Snapshots"), .integer(UInt64(snapshotCount))),
          (Column("problems", "Problems"), .list(problems.map(\.description))),
          (Column("divergence", "Divergence"), FieldValue(divergence?.description)),
          (Column("remarks", "Remarks"), .list(remarks)),
        ])
    ])
  }
}

/// Progress of a work whose length is known once it has begun.
private final class ProgressOfAll {
  private var progress: Progress?

  func show(_ position: UInt64, of last: UInt64) {
    let progress = progress ?? Progress("verifying", from: 0, to: last, consoleIsTerminal: false)
    self.progress = progress
    progress.show(position)
  }

  func finish() { progress?.finish() }
}
