// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// The line that a word is completed on, as the shell has parted it.
struct CompletedLine {
  private let words: [String]
  private let index: Int

  init(_ words: [String], asking index: Int) {
    self.words = words
    self.index = index
  }

  /// The words that are neither the program, nor its first verb, nor an option or what may be the value of one, nor the one that is asked for.
  var places: [String] {
    words.indices.dropFirst(2).filter { number in
      number != index && !words[number].hasPrefix("-") && !words[number].isEmpty
        && !(words[number - 1].hasPrefix("-"))
    }.map { words[$0] }
  }

  /// The host's nanoseconds after which somebody who has pressed Tab waits no longer.
  private static let patience: UInt64 = 2_000_000_000

  /// The recording that the line names.
  var recording: String? { Self.recording(among: places) }

  private static func recording(among words: [String]) -> String? {
    let folder = TraceFolder()
    return words.compactMap { try? folder.locate($0) }.first {
      Recording.exists(at: $0) || Recording.isPacked(at: $0)
    }
  }

  /// The snapshots of the recording that is named, else of the latest one; of a packed one when it is unpacked soon enough.
  func snapshots() -> [String] {
    // Behind an option that takes no value a recording may stand as well; behind one that does, it is rarely one that is there already.
    let others = words.dropFirst(2).filter { !$0.hasPrefix("-") && !$0.isEmpty }
    guard let path = recording ?? Self.recording(among: others) ?? (try? TraceFolder().latest()) else {
      return []
    }
    guard Recording.isPacked(at: path) else { return Self.snapshots(of: try? Recording(opening: path)) }
    guard let copy = try? TemporaryRecording(of: path) else { return [] }
    defer { copy.remove() }
    let deadline = HostClock.monotonic() + Self.patience
    let recording = try? copy.unpack(onlyLog: false) { (_, _) throws(Failure) in
      guard HostClock.monotonic() < deadline else {
        throw Failure(.busy, path, "takes too long to unpack", remedy: "unpack it")
      }
    }
    return Self.snapshots(of: recording)
  }

  private static func snapshots(of recording: Recording?) -> [String] {
    ((try? recording.map { try SnapshotStore($0).list() }) ?? nil)?.map(\.name) ?? []
  }
}
