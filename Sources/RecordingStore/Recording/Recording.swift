// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials
import HostSystem
import ReplayLog

/// A recording on disk: its folder and what its manifest says.
public struct Recording: Sendable {
  public static let manifestName = "recording.json"
  public static let memoryName = "vmstate.qcow2"
  public static let logName = "replay.log"
  /// What was read of base images (`BaseDigests`).
  static let baseDigestsName = "bases.digests"
  public static let folderSuffix = ".rr"
  static let manifestLimit: UInt64 = 1 << 20
  /// Of the memory image. A page that changed brings its whole cluster into the next snapshot; smaller ones have more
  /// references to count.
  package static let memoryClusterSize = 1 << 14

  /// The folder.
  public let path: String
  public internal(set) var manifest: RecordingManifest
  /// Of a packed recording that is looked into: its file. What is in the folder then goes with the process.
  public internal(set) var packedPath: String?
  /// The folder itself, for its recorder.
  private var folder: OpenFolder?

  /// Opens the recording in the folder `path`. Reads and checks its manifest, nothing else.
  public init(opening path: String) throws(Failure) {
    switch HostFiles.kind(of: path) {
    case nil:
      throw Failure(.file, path, "there is no such recording", remedy: "see 'rrtool ls', or record one")
    case .folder?:
      break
    default:
      guard !Self.isPacked(at: path) else {
        throw Failure(
          .file, path, "is a packed recording", remedy: "unpack it with 'rrtool unpack \(path)'")
      }
      guard !path.hasSuffix(Self.packedSuffix) else {
        throw Failure(
          .damaged, path, "is not a packed recording, or is damaged", remedy: Self.packedDamageRemedy)
      }
      throw Failure(
        .file, path, "is not a folder, as recordings are", remedy: "name a recording made by rrtool record")
    }
    let file = path + "/" + Self.manifestName
    guard HostFiles.kind(of: file) != nil else {
      throw Failure(
        .file, path, "is not a recording: it has no \(Self.manifestName)",
        remedy: "name a recording made by rrtool record")
    }
    let bytes = try HostFiles.read(file, limit: Self.manifestLimit)
    self.path = path
    manifest = try Self.decode(bytes, file: file)
    findMovedBases()
  }

  /// Takes the bases from where they are by now. What they hold is compared when it is read.
  private mutating func findMovedBases() {
    for drive in manifest.drives.indices {
      for number in manifest.drives[drive].bases.indices {
        let base = manifest.drives[drive].bases[number]
        guard let place = places(of: base).first(where: base.couldBe) else { continue }
        manifest.drives[drive].bases[number].path = place
      }
    }
  }

  /// Takes bases from elsewhere, for as long as this value is used: `places` has the new path for each old one. What they hold is
  /// compared when it is read.
  public mutating func takeBases(from places: [(old: String, new: String)]) throws(Failure) {
    var moved = self
    for (old, new) in places {
      let (old, new) = (HostFiles.absolute(old), HostFiles.absolute(new))
      var isKnown = false
      for drive in moved.manifest.drives.indices {
        for number in moved.manifest.drives[drive].bases.indices {
          let base = moved.manifest.drives[drive].bases[number]
          if base.path == old {
            moved.manifest.drives[drive].bases[number].path = new
          } else if base.dataFilePlaces.contains(old) {
            moved.manifest.drives[drive].bases[number].dataPath = new
          } else {
            continue
          }
          isKnown = true
        }
      }
      guard isKnown else {
        let names = Set(manifest.drives.flatMap { $0.bases.flatMap(\.files) }).sorted()
        throw Failure(
          .usage, old, "is no base image of \(name)",
          remedy: names.isEmpty ? "it has none" : "it has \(names.joined(separator: ", "))")
      }
    }
    self = moved
  }

  /// One that is being made, in `folder`, which is at `path` or will be.
  package init(path: String, manifest: RecordingManifest, folder: OpenFolder) {
    self.path = path
    self.folder = folder
    self.manifest = manifest
  }

  /// What it is called: what the user named.
  public var name: String { packedPath ?? path }

  /// Whether there is a recording, usable or not, at `path`.
  public static func exists(at path: String) -> Bool {
    HostFiles.kind(of: path) == .folder && HostFiles.kind(of: path + "/" + manifestName) == .regular
  }

  // MARK: Files

  public var logPath: String { file(manifest.log) }
  public var memoryPath: String { file(Self.memoryName) }
  /// ELF files with the guest's symbols that are part of it.
  public var symbolPaths: [String] { (manifest.symbols ?? []).map(file) }

  /// The log of a recording that is being made: in its folder, whatever stands at its name by now.
  package var logPathOfRecorder: String {
    guard let folder, !manifest.log.hasPrefix("/") else { return logPath }
    return folder.path(of: manifest.log, otherwise: logPath)
  }

  /// The file that a manifest's name stands for.
  package func file(_ name: String) -> String { name.hasPrefix("/") ? name : path + "/" + name }

  public func openLog() throws(Failure) -> ReplayLogReader {
    let log: ReplayLogReader
    do throws(ReplayLogError) {
      log = try ReplayLogReader(opening: logPath)
    } catch {
      var failure = Failure(error)
      if case .notALog = error.problem {
        (failure.kind, failure.remedy) = (.damaged, "put the recording's own log back")
      }
      throw failure
    }
    guard log.header.shift == manifest.machine.shift, log.header.driveCount == manifest.drives.count else {
      throw Failure(
        .damaged, logPath, "is the log of another machine than \(path) describes",
        remedy: "put the recording's own log back")
    }
    return log
  }

  /// The log, after every event of it was read: it is one, nothing in it is damaged, and it is of this machine.
  package func readWholeLog() throws(Failure) -> ReplayLogReader {
    let log = try openLog()
    try withLogFailures { () throws(ReplayLogError) in
      let cursor = log.makeCursor()
      while try cursor.next() != nil {}
    }
    return log
  }

  /// What is wrong when the log does not have all of a run that came to its end; nil when it has, or when the recorder was killed
  /// or could not write it.
  package func lossFailure(of log: ReplayLogReader) -> Failure? {
    guard let ending = manifest.ending, ending.reason != .failed else { return nil }
    if log.isComplete, log.last.position == ending.position { return nil }
    return Failure(
      .damaged, log.path,
      "was cut: it ends at position \(log.last.position.grouped), and the run at \(ending.position.grouped)",
      remedy: "restore it from a copy; replay --to goes as far as it does")
  }

  // MARK: The manifest

  /// What the first look tells: enough to refuse what this tool does not know.
  private struct Preamble: Codable {
    var format: String
    var version: Int
    var tool: String?
  }

  package static func decode(_ bytes: [UInt8], file: String) throws(Failure) -> RecordingManifest {
    func damaged(_ problem: String) -> Failure {
      Failure(.damaged, file, problem, remedy: "restore it from a copy, or record again")
    }
    let decoder = JSONDecoder()
    guard let preamble = try? decoder.decode(Preamble.self, from: Data(bytes)),
      preamble.format == RecordingManifest.formatName
    else { throw damaged("is not the manifest of a recording, or is damaged") }
    guard preamble.version <= RecordingManifest.formatVersion else {
      let tool = preamble.tool.map { " by rrtool \($0)" } ?? ""
      throw Failure(
        .newerFormat, file,
        "recording format \(preamble.version), made\(tool), is newer than format "
          + "\(RecordingManifest.formatVersion), the newest that this rrtool \(RecordingManifest.toolVersion) reads",
        remedy: "use a newer rrtool")
    }
    guard preamble.version >= RecordingManifest.plainVersion else {
      throw damaged("has format version \(preamble.version), which never was")
    }
    let manifest: RecordingManifest
    do {
      manifest = try decoder.decode(RecordingManifest.self, from: Data(bytes))
    } catch {
      throw damaged("is damaged (\(Self.place(of: error)))")
    }
    if let problem = manifest.findProblem() { throw damaged("is damaged: it has \(problem)") }
    return manifest
  }

  private static func place(of error: any Error) -> String {
    guard let error = error as? DecodingError else { return "not JSON" }
    let (path, what) =
      switch error {
      case .keyNotFound(let key, let context): (context.codingPath + [key], "is missing")
      case .typeMismatch(_, let context): (context.codingPath, "is of the wrong type")
      case .valueNotFound(_, let context): (context.codingPath, "has no value")
      case .dataCorrupted(let context): (context.codingPath, "cannot be read")
      @unknown default: ([], "cannot be read")
      }
    return path.isEmpty ? "it \(what)" : path.map(\.stringValue).joined(separator: ".") + " " + what
  }

  /// Replaces the manifest on disk, all at once.
  package mutating func update(_ change: (inout RecordingManifest) -> Void) throws(Failure) {
    change(&manifest)
    try writeManifest()
  }

  package static func encoded(_ manifest: RecordingManifest) -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    guard var data = try? encoder.encode(manifest) else {
      preconditionFailure("a manifest is made of text and whole numbers, which JSON can hold")
    }
    data.append(UInt8(ascii: "\n"))
    return Array(data)
  }

  package func writeManifest() throws(Failure) {
    try HostFiles.replace(path + "/" + Self.manifestName, with: Self.encoded(manifest), in: folder)
  }
}
