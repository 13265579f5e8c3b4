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

  @OptionGroup var timeout: TimeoutOption

  @OptionGroup var results: ResultOptions

  func run() throws {
    try reporting("verify", results, files: addFiles) { outcome in
      let recording = try recordingArgument.open()
      outcome.set { $0.recording = HostFiles.absolute(recording.name) }
      var verification = Verification(recording)
      let deadline = try timeout.parsed().map { (limit) in
        HostClock.monotonic().addingReportingOverflow(limit)
      }
      let progress = ProgressOfAll()
      verification.run(
        quickly: quick,
        isOver: { deadline.map { !$0.overflow && HostClock.monotonic() >= $0.partialValue } ?? false }
      ) { progress.show($0, of: $1) }
      progress.finish()
      outcome.set { $0.note(verification, isQuick: quick) }
      for problem in verification.problems { say(problem.description) }
      if let divergence = verification.divergence { say(divergence.description) }
      for remark in verification.remarks where !results.isJSON {
        say("\(verification.recording.name): \(remark)")
      }
      if verification.isCutShort, verification.isGood {
        let summary =
          "\(verification.recording.name): good as far as it was checked: its time was up"
          + (verification.position.map { " at position \($0.grouped)" } ?? "")
        outcome.set { $0.message = summary }
        say(summary)
        throw ExitStatus.limit
      }
      if verification.isGood {
        let summary = summary(of: verification)
        outcome.set { $0.message = summary }
        if results.console == 1 { show(summary) }
      }
      if !verification.problems.isEmpty { throw ExitStatus.failed }
      if verification.divergence != nil { throw ExitStatus.diverged }
    }
  }

  private func addFiles(to files: inout FilePlaces) {
    files.read(recordingArgument)
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

extension Outcome.Facts {
  fileprivate mutating func note(_ verification: Verification, isQuick: Bool) {
    position = verification.position
    let goodEnd = verification.isCutShort ? EndKind.timeout : .good
    end = verification.isGood ? goodEnd : verification.problems.isEmpty ? .divergence : .failure
    recordedEnd = verification.recording.manifest.ending?.kind
    isSame = isQuick || verification.isCutShort ? nil : verification.divergence == nil
    errors = verification.problems.map(\.description)
    if let divergence = verification.divergence { errors.append(divergence.description) }
    part = Outcome.Part(
      name: "verification", title: "Verification",
      fields: [
        (Column("recording", "Recording"), .text(verification.recording.name)),
        (Column("is_good", "Good"), .flag(verification.isGood && !verification.isCutShort)),
        (Column("is_quick", "Files alone"), .flag(isQuick)),
        (Column("is_complete", "Complete"), .flag(verification.isComplete)),
        (Column("is_being_made", "Being made"), .flag(verification.isBeingMade)),
        (Column("position", "Replayed to"), FieldValue(verification.position)),
        (Column("snapshot_count", "Snapshots"), .integer(UInt64(verification.snapshotCount))),
        (Column("problems", "Problems"), .list(verification.problems.map(\.description))),
        (Column("divergence", "Divergence"), FieldValue(verification.divergence?.description)),
        (Column("remarks", "Remarks"), .list(verification.remarks)),
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
