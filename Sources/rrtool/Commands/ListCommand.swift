// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem
import RecordingStore

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List the recordings in the default folder.",
    discussion: """
      The folder is $RRTOOL_TRACE_DIR, else rrtool in the XDG data folder. The latest recording has a star. Packed
      recordings that lie there are listed as well. What killed commands left there is removed.
      """)

  func run() throws {
    try reporting {
      let folder = TraceFolder()
      folder.removeLeftovers()
      let latest = try? folder.latest()
      for path in try folder.recordings() {
        let mark = HostFiles.resolved(path) == latest ? "*" : " "
        do {
          let manifest = try Recording(opening: path).manifest
          let state =
            Recording.isBeingMade(at: path) ? RecordingManifest.State.beingMade : manifest.state.summary
          show("\(mark) \(path.printable)  \(manifest.ending?.summary ?? state)")
        } catch {
          show("\(mark) \(path.printable)  unusable")
          say(String(describing: error))
        }
      }
      for path in try folder.packedRecordings() {
        do {
          let manifest = try Recording.manifest(ofPacked: path)
          show("  \(path.printable)  packed, \(manifest.ending?.summary ?? manifest.state.summary)")
        } catch {
          show("  \(path.printable)  unusable")
          say(String(describing: error))
        }
      }
    }
  }
}
