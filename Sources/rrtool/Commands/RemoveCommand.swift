// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

struct RemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Remove recordings.",
    discussion: """
      Only the recording's folder is removed: base images, and files that overlay= and rrfile= put elsewhere, stay. A
      recording that is being made is not removed, nor one that another command looks into, nor one with other files in its folder.

      EXAMPLES
        rrtool rm demonstration-0
      """)

  @Argument(
    help: ArgumentHelp("The recordings.", valueName: "name.rr"), completion: Completions.recordingFolder)
  var recordings: [String]

  func run() throws {
    try reporting {
      for name in recordings {
        let path = try TraceFolder().locate(name)
        guard !Recording.isPacked(at: path) else {
          throw Failure(
            .file, path, "is a packed recording, one file and nothing else", remedy: "remove it with rm")
        }
        guard Recording.exists(at: path) else {
          throw Failure(.file, path, "is not a recording", remedy: "see 'rrtool ls'")
        }
        try Recording.remove(at: path)
      }
    }
  }
}
