// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// The files that a command line names: what is written may replace neither what is read nor anything else that is written. It is
/// found out before anything is opened, as a result's file goes at the start.
struct FilePlaces {
  private struct Place {
    var path: String
    /// What stands before it on the command line.
    var option: String
    var isOutput: Bool

    /// For a sentence.
    var name: String { option.hasPrefix("-") ? String(option.prefix { $0 != " " }) : option }
  }

  private static let recordingName = "the recording"

  private var places: [Place] = []

  mutating func read(_ path: String?, _ option: String) { add(path, option, isOutput: false) }

  mutating func write(_ path: String?, _ option: String) { add(path, option, isOutput: true) }

  /// A file that is put there all at once: it stands beside its place before it is whole.
  mutating func write(whole path: String, _ option: String) {
    // That it is a folder is told when it is to be written.
    guard HostFiles.kind(of: path) != .folder else { return }
    write(path, option)
    write(path + HostFiles.unfinishedSuffix, option)
  }

  /// A recording that is to be made; what cannot be the name of one is told when it is made.
  mutating func write(recording path: String?, _ option: String) {
    guard let path, (try? Recording.checkIsName(path)) != nil else { return }
    write(path, option)
  }

  /// A recording, packed or not, with the images that it needs.
  mutating func read(_ argument: RecordingArgument) {
    // One that is not there, or cannot be read, is told when it is opened.
    guard let path = try? TraceFolder().locate(argument.recording) else { return }
    if !Recording.isPacked(at: path),
      let recording = try? argument.bases.apply(to: Recording(opening: path))
    {
      return read(recording)
    }
    read(path, Self.recordingName)
  }

  mutating func read(_ recording: Recording) {
    read(recording.packedPath ?? recording.path, Self.recordingName)
    for file in recording.filesNeeded { read(file, Self.recordingName) }
  }

  private mutating func add(_ path: String?, _ option: String, isOutput: Bool) {
    // Nothing is lost of a pipe or a device.
    guard let path, !path.isEmpty, HostFiles.kind(of: path) != .other else { return }
    places.append(Place(path: path, option: option, isOutput: isOutput))
  }

  func check() throws(Failure) {
    for (index, place) in places.enumerated() where place.isOutput {
      for (number, other) in places.enumerated() where number != index && !(other.isOutput && number > index)
      {
        guard Self.touch(place.path, other.path) else { continue }
        throw Failure(
          .usage, place.option + place.path,
          other.isOutput
            ? "is where \(other.name) writes as well" : "would replace what \(other.name) needs",
          remedy: "name another place")
      }
      try Recording.checkLiesOutside(place.path)
    }
  }

  /// Whether both are the same, or one lies in the other.
  private static func touch(_ one: String, _ other: String) -> Bool {
    if let identity = HostFiles.identity(of: one), identity == HostFiles.identity(of: other) { return true }
    let (one, other) = (HostFiles.absolute(one), HostFiles.absolute(other))
    return one == other || one.hasPrefix(other + "/") || other.hasPrefix(one + "/")
  }
}
