// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem
import RecordingStore

/// What is to be done with a drive's snapshots between two requests, for another thread that waits for it.
///
/// It stands in the drive's queue behind all requests made before it: the drive is then as those requests leave it,
/// whenever the host gets to it.
///
/// Sendable: `outcome` and `pending` are touched with `lock` held.
package final class DriveTask: @unchecked Sendable {
  package enum Action: Sendable {
    case makeSnapshot(String, SnapshotMetadata)
    case deleteSnapshot(String)
  }

  package struct Outcome: Sendable {
    /// Requests that had no answer yet when the task was given, with what they brought.
    package var pending: [UnansweredRequest]
    /// What the drive's snapshots take in its image.
    package var snapshotByteCount: Int
  }

  package let action: Action
  private let lock = ConditionLock()
  private var pending: [UnansweredRequest] = []
  private var outcome: Result<Outcome, Failure>?

  package init(_ action: Action) { self.action = action }

  /// For the drive's worker: a request made before the task is carried out.
  func note(_ request: UnansweredRequest) { lock.withLock { pending.append(request) } }

  /// For the drive's worker: carries the task out on the drive's image; nil for a drive that has no snapshots.
  func perform(on image: Qcow2Image?) {
    let result = Result { () throws(Failure) in
      try withImageFailures { () throws(DiskImageError) in
        switch action {
        case .makeSnapshot(let name, let metadata):
          _ = try image?.createSnapshot(name, from: .active, metadata: metadata)
        case .deleteSnapshot(let name): try image?.deleteSnapshot(name)
        }
        return try image?.snapshotByteCount() ?? 0
      }
    }
    finish(
      result.map { byteCount in
        let pending = lock.withLock { self.pending }
        return Outcome(pending: pending.sorted { $0.id < $1.id }, snapshotByteCount: byteCount)
      })
  }

  /// For the drive's worker: it cannot be carried out any more.
  func fail(_ failure: Failure) { finish(.failure(failure)) }

  private func finish(_ result: Result<Outcome, Failure>) {
    lock.withLock {
      outcome = result
      lock.wakeAll()
    }
  }

  /// Waits until it is done.
  package func wait() throws(Failure) -> Outcome {
    let result: Result<Outcome, Failure> = lock.withLock {
      while true {
        if let outcome { return outcome }
        lock.wait()
      }
    }
    return try result.get()
  }
}
