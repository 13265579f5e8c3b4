// SPDX-License-Identifier: Apache-2.0

/// The places that a user has been at and may want to be at again.
struct Places {
  struct Checkpoint: Equatable {
    var number: Int
    var position: UInt64
  }

  private static let historyLimit = 1000

  /// Where `back` leads, the last one next.
  private var past: [UInt64] = []
  /// Where `forward` leads, the last one next.
  private var future: [UInt64] = []
  /// By number.
  private(set) var checkpoints: [Checkpoint] = []
  private var lastNumber = 0

  /// The user leaves `position` for another place.
  mutating func leave(_ position: UInt64) {
    guard past.last != position else { return }
    past.append(position)
    if past.count > Self.historyLimit { past.removeFirst() }
    future = []
  }

  /// Where the user was before, from `position`; nil when that is not known.
  mutating func back(from position: UInt64) -> UInt64? {
    while let place = past.popLast() {
      guard place != position else { continue }
      future.append(position)
      return place
    }
    return nil
  }

  /// Where the user was before going back, from `position`.
  mutating func forward(from position: UInt64) -> UInt64? {
    while let place = future.popLast() {
      guard place != position else { continue }
      past.append(position)
      return place
    }
    return nil
  }

  mutating func addCheckpoint(at position: UInt64) -> Checkpoint {
    lastNumber += 1
    let checkpoint = Checkpoint(number: lastNumber, position: position)
    checkpoints.append(checkpoint)
    return checkpoint
  }

  mutating func deleteCheckpoint(_ number: Int) { checkpoints.removeAll { $0.number == number } }
}
