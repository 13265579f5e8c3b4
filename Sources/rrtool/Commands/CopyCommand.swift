// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import RecordingStore

struct CopyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cp", abstract: "Copy a recording.",
    discussion: """
      The images under its drives are not copied but found from there as well; files that overlay= and rrfile= put elsewhere are
      copied into the new recording. 'rrtool pack' makes one file with what it needs of the images.

      EXAMPLES
        rrtool cp linux.rr before-i-try.rr
      """)

  @Argument(
    help: ArgumentHelp("The recording.", valueName: "name.rr"), completion: Completions.recordingFolder)
  var recording: String

  @Argument(help: ArgumentHelp("Where the copy is to stand.", valueName: "to"), completion: .directory)
  var target: String

  func run() throws {
    try reporting {
      let (path, target) = try MovePlaces.of(recording, target)
      let watch = PackWatch("copying")
      _ = try Recording(opening: path).copy(to: target, progress: watch.note)
      watch.finish()
      say("copied \(path) to \(target)")
    }
  }
}
