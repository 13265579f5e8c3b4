// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import HostSystem
import RecordingStore

struct PackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pack", abstract: "Make one file of a recording, to be carried anywhere.",
    discussion: """
      What a replay needs of the images under the drives goes in as well: the parts that the run has read, and no others.
      The file is a tar archive, compressed with zstd; the same recording gives the same bytes. It is written to the current
      folder unless -o says otherwise. 'rrtool unpack' makes a recording of it again. ELF files that --symbols names go in too, and the
      debugger of 'rrtool replay --debug' and 'rrtool inspect last-write' then find them by themselves.

      EXAMPLES
        rrtool pack linux.rr
        rrtool pack linux.rr -o /media/stick/linux.rrz
        rrtool pack linux.rr --symbols vmlinux
        tar --zstd -tvf linux.rrz
      """)

  @OptionGroup var recordingArgument: RecordingArgument

  @Option(
    name: .shortAndLong, help: ArgumentHelp("The file to make.", valueName: "name.rrz"),
    completion: .file(extensions: ["rrz"]))
  var output: String?

  @OptionGroup var symbols: SymbolOptions

  @Flag(help: "Replace a file that stands there.")
  var force = false

  func run() throws {
    try reporting {
      let place = try recordingArgument.place()
      guard !Recording.isPacked(at: place) else {
        throw Failure(.file, place, "is packed already", remedy: "copy it with cp")
      }
      let recording = try recordingArgument.open(at: place)
      let path = output ?? PackNames.packed(recording.path)
      let symbols = try self.symbols.checked(for: recording).map(\.path)
      var files = FilePlaces()
      files.read(recording)
      for path in symbols { files.read(path, "--symbols ") }
      files.write(path, "-o ")
      try files.check()
      let watch = PackWatch("packing")
      let figures = try recording.pack(
        to: path, replaces: force, symbols: symbols, progress: watch.note)
      watch.finish()
      say(
        "packed \(path): \(figures.fileCount) files, \(Size.describe(figures.byteCount)) in "
          + Size.describe(figures.packedByteCount))
    }
  }
}

/// What is made of what, when nobody says.
enum PackNames {
  static func packed(_ recording: String) -> String {
    stem(recording, Recording.folderSuffix) + Recording.packedSuffix
  }

  static func recording(_ packed: String) -> String {
    stem(packed, Recording.packedSuffix) + Recording.folderSuffix
  }

  private static func stem(_ path: String, _ suffix: String) -> String {
    let name = HostFiles.lastName(of: HostFiles.absolute(path))
    return name.hasSuffix(suffix) && name.count > suffix.count ? String(name.dropLast(suffix.count)) : name
  }
}
