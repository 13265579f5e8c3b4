// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

struct RebaseCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rebase", abstract: "Tell a recording where the images under its drives are now.",
    discussion: """
      A recording needs the images that its drives were made over. They are found where they were, in the same place
      from the recording's folder when both were moved, or beside the recording. This is for all other places, and for external data
      files of qcow2 images: each image is compared with what the recording has read of it, and the new place is written down.
      Without --base it writes down where they were found.

      EXAMPLES
        rrtool rebase linux.rr --base /old/place/disk.img=/images/disk.img
        rrtool rebase linux.rr
      """)

  @Argument(
    help: ArgumentHelp("The recording.", valueName: "name.rr"), completion: Completions.recordingFolder)
  var recording: String?

  @Option(help: ArgumentHelp("Where a base image was, and where it is.", valueName: "OLD=NEW"))
  var base: [String] = []

  func run() throws {
    try reporting {
      var recording = try Recordings.openToChange(recording)
      try recording.rebase(try BaseOption.places(base))
      for base in recording.manifest.drives.flatMap(\.bases) {
        for path in [base.path, base.dataPath].compactMap(\.self) { show(path.printable) }
      }
    }
  }
}
