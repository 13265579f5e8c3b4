// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import ByteCoding
import HostSystem
import Inspection
import RecordingStore

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls", abstract: "List recordings, in the default folder or in others.",
    discussion: """
      The default folder is $RRTOOL_TRACE_DIR, else rrtool in the XDG data folder; what killed commands left there is removed. The
      latest recording, which is meant where none is named, has a star; where it is in none of the folders, a line on standard error
      says where it is. Packed recordings are listed as well. A terminal shows as much of a line as it has room for; on pipes lines are whole.

      EXAMPLES
        rrtool ls
        rrtool ls . ~/traces
        rrtool ls --format json
      """)

  @Argument(help: ArgumentHelp("Folders to look into, in place of the default one.", valueName: "folder"))
  var folders: [String] = []

  @OptionGroup var format: FormatOption

  func run() throws {
    try reporting {
      let format = try format.parsed()
      let standard = TraceFolder()
      if folders.isEmpty { standard.removeLeftovers() }
      let latest = try? standard.latest()
      var entries: [Entry] = []
      for folder in try folders.isEmpty ? [standard] : folders.map(Self.open) {
        entries += try folder.recordings().map { Entry(recording: $0, latest: latest) }
        entries += try folder.packedRecordings().map { Entry(packed: $0) }
      }
      for problem in entries.compactMap(\.problem) { say(problem) }
      if let latest, !entries.contains(where: \.isLatest) { say("the latest recording is \(latest)") }
      try Report([format == .table ? Entry.table(entries) : Entry.section(entries)]).show(format, isCut: true)
    }
  }

  private static func open(_ path: String) throws(Failure) -> TraceFolder {
    guard HostFiles.kind(of: path) == .folder else {
      throw Failure(.file, path, "is not a folder", remedy: "name one that has recordings in it")
    }
    return TraceFolder(path: path)
  }

  /// What is told of a recording.
  private struct Entry {
    let path: String
    var isLatest = false
    var isPacked = false
    var isBeingMade = false
    var manifest: RecordingManifest?
    /// Bytes on the disk.
    var size: UInt64?
    /// Why there is no manifest.
    var problem: String?

    init(recording path: String, latest: String?) {
      self.path = path
      isLatest = latest != nil && HostFiles.resolved(path) == latest
      size = Pruning.byteCount(of: path)
      read { () throws(Failure) in try Recording(opening: path).manifest }
      isBeingMade = manifest != nil && Recording.isBeingMade(at: path)
    }

    init(packed path: String) {
      self.path = path
      isPacked = true
      size = HostFiles.size(of: path)
      read { () throws(Failure) in try Recording.manifest(ofPacked: path) }
    }

    private mutating func read(_ body: () throws(Failure) -> RecordingManifest) {
      do throws(Failure) {
        manifest = try body()
      } catch {
        problem = error.description
      }
    }

    private var state: String {
      guard let manifest else { return "unusable" }
      let state =
        manifest.ending?.summary
        ?? (isBeingMade ? RecordingManifest.State.beingMade : manifest.state.summary)
      return isPacked ? "packed, \(state)" : state
    }

    /// For people.
    static func table(_ entries: [Entry]) -> Section {
      Section(
        table: "recordings", title: "Recordings",
        columns: [
          Column("path", "  Recording"), Column("created", "Made"), Column("size", "Size"),
          Column("state", "What became of it"),
        ],
        rows: entries.map { entry in
          [
            .text("\(entry.isLatest ? "*" : " ") \(entry.path)"),
            FieldValue((entry.manifest?.created).map(UTCDate.text)),
            FieldValue(entry.size.map(Size.describe)), .text(entry.state),
          ]
        })
    }

    static func section(_ entries: [Entry]) -> Section {
      Section(
        table: "recordings", title: "Recordings",
        columns: [
          "path", "is_latest", "is_packed", "is_usable", "is_being_made", "created_ns", "created",
          "size_bytes",
          "tool_version", "end", "guest_status", "end_position", "state_text",
        ].map { Column($0, $0) },
        rows: entries.map { entry in
          let ending = entry.manifest?.ending
          return [
            .text(entry.path), .flag(entry.isLatest), .flag(entry.isPacked), .flag(entry.manifest != nil),
            .flag(entry.isBeingMade), FieldValue(entry.manifest?.created),
            FieldValue((entry.manifest?.created).map(UTCDate.text)),
            entry.size.map { .size($0) } ?? .none, FieldValue(entry.manifest?.tool),
            FieldValue(ending?.kind.rawValue),
            FieldValue(ending.flatMap { $0.kind == .guestExit ? UInt64($0.status) : nil }),
            FieldValue(ending?.position), .text(entry.state),
          ]
        })
    }
  }
}
