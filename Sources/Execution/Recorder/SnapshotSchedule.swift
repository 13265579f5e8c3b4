// SPDX-License-Identifier: Apache-2.0

import Emulator
import RecordingStore

/// Which snapshot a recording gets next while it is made, under which name and on top of which other one.
///
/// It knows no machine, file or thread: it is asked where a snapshot could be made, and told which were begun.
package struct SnapshotSchedule {
  package struct Snapshot: Equatable {
    package var name: String
    /// The one whose memory it differs from; nil: nothing was written before it.
    package var parent: String?

    package init(name: String, parent: String?) {
      self.name = name
      self.parent = parent
    }
  }

  let policy: SnapshotPolicy
  /// The newest, and where it was begun.
  private var last: (name: String, moment: Moment)?
  /// Where each was begun so far.
  private var positions: [String: UInt64] = [:]

  package init(_ policy: SnapshotPolicy) { self.policy = policy }

  /// Whether snapshots are made without being asked for.
  package var isAutomatic: Bool { policy.spacing != .never }

  /// The snapshot that is due at `now`, where the state is digested; nil: none.
  ///
  /// - Parameters:
  ///   - hasRoom: there is memory for the copies that it needs. A guest that has changed much waits for nothing: the snapshot is
  ///     put off until there is.
  ///   - isBusy: another one is being written.
  package func due(at now: Moment, hasRoom: Bool, isBusy: Bool) -> Snapshot? {
    guard isAutomatic, let last, hasRoom || policy.waitsForEach, !isBusy,
      policy.isDue(at: now, after: last.moment)
    else { return nil }
    return Snapshot(name: SnapshotPolicy.name(at: now.position), parent: last.name)
  }

  /// The one that a user asks for by name; nil when the name is taken.
  package func named(_ name: String) -> Snapshot? {
    positions[name] == nil ? Snapshot(name: name, parent: last?.name) : nil
  }

  /// Where the one of that name was begun; nil when there is none.
  package func position(of name: String) -> UInt64? { positions[name] }

  /// `snapshot` is begun at `now`.
  package mutating func begin(_ snapshot: Snapshot, at now: Moment) {
    positions[snapshot.name] = now.position
    last = (snapshot.name, now)
  }
}
