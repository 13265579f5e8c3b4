// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

struct MoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mv", abstract: "Move or rename a recording.",
    discussion: """
      The images under its drives are found from there as well. A recording that is being made, or that another command
      looks into, stays where it is. Where TO is a folder, it is moved into that under its own name.

      EXAMPLES
        rrtool mv demonstration-0 ledger              within the default folder
        rrtool mv linux.rr /archive/linux-6.12.rr
      """)

  @Argument(
    help: ArgumentHelp("The recording.", valueName: "name.rr"), completion: Completions.recordingFolder)
  var recording: String

  @Argument(help: ArgumentHelp("Where it is to stand.", valueName: "to"), completion: .directory)
  var target: String

  func run() throws {
    try reporting {
      let (path, target) = try MovePlaces.of(recording, target)
      let folder = TraceFolder()
      let wasLatest = (try? folder.latest()).map { $0 == HostFiles.resolved(path) } ?? false
      let watch = PackWatch("moving")
      try Recording.move(path, to: target, progress: watch.note)
      watch.finish()
      if wasLatest { try folder.setLatest(target) }
      say("moved \(path) to \(target)")
    }
  }
}

/// What the two names of a move or a copy mean.
enum MovePlaces {
  static func of(_ name: String, _ target: String) throws(Failure) -> (path: String, target: String) {
    let folder = TraceFolder()
    let path = try folder.locate(name)
    if Recording.isPacked(at: path) {
      throw Failure(
        .file, path, "is a packed recording, one file and nothing else", remedy: "use mv or cp themselves")
    }
    guard Recording.exists(at: path) else {
      throw Failure(.file, path, "is not a recording", remedy: "see 'rrtool ls'")
    }
    if target.isEmpty || target.hasSuffix(Recording.packedSuffix), HostFiles.kind(of: target) == nil {
      try Recording.checkIsName(target)
    }
    var target = target
    // What was found in the default folder by its name alone gets a name there.
    let isPlain = !target.contains("/") && target != "." && target != ".."
    if !name.contains("/"), isPlain, path.hasPrefix(folder.path + "/") {
      target = "\(folder.path)/\(target)"
      if !target.hasSuffix(Recording.folderSuffix) { target += Recording.folderSuffix }
    }
    if HostFiles.kind(of: target) == .folder, !Recording.exists(at: target) {
      target += (target.hasSuffix("/") ? "" : "/") + HostFiles.lastName(of: path)
    }
    return (path, target)
  }
}
