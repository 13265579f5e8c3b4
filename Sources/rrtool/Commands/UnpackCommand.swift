// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import RecordingStore

struct UnpackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "unpack", abstract: "Make a recording of a packed one.",
    discussion: """
      The recording needs nothing else. It stands in the current folder unless -o says otherwise, and only when all of the
      file was read and is right. Of the images under its drives it has what the run has read: a debugger that leaves the recorded
      way (what if ...) and reads other parts of a disk is told so.

      EXAMPLES
        rrtool unpack linux.rrz
        rrtool unpack linux.rrz -o /tmp/again.rr
      """)

  @Argument(
    help: ArgumentHelp("The packed recording.", valueName: "name.rrz"),
    completion: Completions.packedRecording)
  var file: String

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The recording to make.", valueName: "name.rr"),
    completion: .directory)
  var output: String?

  @Flag(help: "Replace a recording that stands there.")
  var force = false

  func run() throws {
    try reporting {
      if let output { try Recording.checkIsName(output) }
      let target = output ?? PackNames.recording(file)
      var files = FilePlaces()
      files.read(file, "the packed recording")
      files.write(target, "-o ")
      try files.check()
      let watch = PackWatch("unpacking")
      let recording = try Recording.unpack(
        file, to: target, force: force, progress: watch.note)
      watch.finish()
      say("unpacked \(recording.path)")
    }
  }
}
