// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

/// The argument that names a recording.
struct RecordingArgument: ParsableArguments {
  @Argument(
    help: ArgumentHelp(
      "The recording, packed or not; the latest one if none is named.", valueName: "name.rr"),
    completion: Completions.recording
  )
  var recording: String?

  @OptionGroup var bases: BaseOption

  func open() throws -> Recording { try open(at: place()) }

  /// Where it is: whether there is one is known before other words of the command are looked at.
  func place() throws(Failure) -> String { try Recordings.find(recording) }

  func open(at place: String) throws -> Recording { try Recordings.open(at: place, bases) }

  /// For verbs that change it.
  func openToChange() throws -> Recording { try bases.apply(to: Recordings.openToChange(recording)) }
}

/// Where the images under the drives are, for one command.
struct BaseOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Where a base image was, and where it is, for this command alone; may be given several times.",
      valueName: "OLD=NEW"))
  var base: [String] = []

  func apply(to recording: Recording) throws(Failure) -> Recording {
    var recording = recording
    try recording.takeBases(from: try Self.places(base))
    return recording
  }

  static func places(_ texts: [String]) throws(Failure) -> [(old: String, new: String)] {
    try texts.map { (text) throws(Failure) in
      let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
      guard parts.count == 2 else {
        throw Failure(
          .usage, "--base \(text)", "is not of the form OLD=NEW", remedy: "see 'rrtool help rebase'")
      }
      return (old: parts[0], new: parts[1])
    }
  }
}
