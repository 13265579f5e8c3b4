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

  /// The snapshots of the recording that is named, else of the latest one. A packed one would have to be unpacked.
  func snapshots() -> [String] {
    let folder = TraceFolder()
    // Behind an option that takes no value a recording may stand as well; behind one that does, it is rarely one that is there already.
    let candidates = places + words.dropFirst(2).filter { !$0.hasPrefix("-") && !$0.isEmpty }
    let named = candidates.compactMap { try? folder.locate($0) }.first { Recording.exists(at: $0) }
    guard let path = named ?? (try? folder.latest()), let recording = try? Recording(opening: path),
      let snapshots = try? SnapshotStore(recording).list()
    else { return [] }
    return snapshots.map(\.name)
  }
}
