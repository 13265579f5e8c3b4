// SPDX-License-Identifier: Apache-2.0

import Emulator

/// What drives answered after a checkpoint to requests that were made before it.
///
/// A checkpoint of a machine that runs at present cannot have those answers: the drives are still at work. Whoever replays from there
/// needs them no earlier than the guest got them.
package final class LateAnswers {
  private struct Key: Hashable {
    var drive: Int
    var id: UInt64
  }

  /// Made and not answered, at present.
  private var outstanding: Set<Key> = []
  /// Those that some checkpoint has not the answer to; nil: it is still to come.
  private var answers: [Key: [UInt8]?] = [:]

  package init() {}

  package func noteRequest(_ request: BlockRequest) {
    outstanding.insert(Key(drive: request.drive, id: request.id))
  }

  package func noteDelivery(_ completion: BlockCompletion) {
    let key = Key(drive: completion.drive, id: completion.id)
    outstanding.remove(key)
    if answers.keys.contains(key) { answers[key] = .some(completion.data) }
  }

  /// There is a checkpoint of the present.
  package func noteCheckpoint() {
    for key in outstanding where !answers.keys.contains(key) { answers[key] = .some(nil) }
  }

  func answer(drive: Int, id: UInt64) -> [UInt8]? {
    answers[Key(drive: drive, id: id)].flatMap { $0 }
  }
}
