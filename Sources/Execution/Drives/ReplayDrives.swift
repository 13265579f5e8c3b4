// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// The drives of a replay. What is waiting is a value, and copied with it; the storage is not. Requests are carried out at once, in the order in which the guest makes them, as the workers of
/// the recording did; what a read brought is held until the log says that it was delivered.
package struct ReplayDrives {
  private struct Key: Hashable {
    var drive: Int
    var id: UInt64
  }

  private var storage: [any DriveStorage]
  private var results: [Key: Result<[UInt8], Failure>] = [:]
  /// What is not in `results`, for a machine that is being recorded.
  private let late: LateAnswers?

  package init(
    storage: [any DriveStorage], pending: [UnansweredRequest] = [], late: LateAnswers? = nil
  ) {
    self.storage = storage
    self.late = late
    for result in pending { results[Key(drive: result.drive, id: result.id)] = .success(result.data) }
  }

  mutating func perform(_ request: BlockRequest) {
    let result: Result<[UInt8], Failure>
    do throws(Failure) {
      result = .success(try storage[request.drive].perform(request))
    } catch {
      result = .failure(error)
    }
    results[Key(drive: request.drive, id: request.id)] = result
  }

  /// What the request of `completion` brought; nil when there is no such request. A request that failed when it was
  /// recorded fails again, whatever happened here; one that fails only here is the host's failure.
  mutating func takeResult(of completion: LogBlockCompletion) throws(Failure) -> [UInt8]? {
    guard let result = results.removeValue(forKey: Key(drive: completion.drive, id: completion.id)) else {
      return late?.answer(drive: completion.drive, id: completion.id)
    }
    guard completion.succeeded else { return [] }
    return try result.get()
  }

  /// In the order of drives and requests. A request whose result is a failure is left out: the replay ends when it is
  /// answered.
  var pending: [UnansweredRequest] {
    results.compactMap { key, result in
      guard case .success(let data) = result else { return nil }
      return UnansweredRequest(drive: key.drive, id: key.id, data: data)
    }.sorted { ($0.drive, $0.id) < ($1.drive, $1.id) }
  }
}
