// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore

/// Snapshots of the recording: those that can be gone to, a new one, one less.
extension Timeline {
  /// The snapshots that can be gone to, by position.
  static func snapshots(of recording: Recording) throws(Failure) -> [Snapshot] {
    try SnapshotStore(recording).list().filter(\.isComplete)
  }

  /// Makes a snapshot of where the machine stands.
  public func createSnapshot(_ name: String) throws(Failure) {
    guard ended == nil else {
      throw Failure(
        .usage, "snapshot \(name)", "the recorded run is over here: nothing could go on from it",
        remedy: "choose an earlier position")
    }
    guard !isForked else {
      throw Failure(
        .usage, "snapshot \(name)", "the machine was changed here and is not the recorded one",
        remedy: "seek to any position first")
    }
    try SnapshotStore(recording).checkIsNew(name)
    // A snapshot is of the start of a position: what belongs to it comes again when a replay goes on from there.
    let isSettled = !session.machine.isAtStartOfPosition
    if isSettled { try forSnapshot(name) { () throws(ReplayError) in try seek(to: position) } }
    let state = VMState(
      moment: now, machine: session.machine.saveState(), digests: session.machine.digests(),
      nextEvent: session.gate.next?.number ?? log.eventCount, matchedOutput: session.gate.matchedOutput,
      pending: session.gate.pendingResults)
    try SnapshotStore(recording).create(
      name,
      SnapshotStore.Contents(
        state: state, memory: session.machine.memory, parent: session.origin,
        pages: session.listChangedPages(),
        drives: session.scratch))
    knownSnapshots = try Self.snapshots(of: recording)
    if isSettled { try forSnapshot(name) { () throws(ReplayError) in try settle() } }
  }

  private func forSnapshot(_ name: String, _ move: () throws(ReplayError) -> Stop) throws(Failure) {
    do throws(ReplayError) {
      _ = try move()
    } catch {
      switch error {
      case .failed(let failure): throw failure
      case .diverged(let divergence):
        throw Failure(
          .damaged, "snapshot \(name)", divergence.description,
          remedy: "record again, or seek to another place")
      }
    }
  }

  /// Deletes a snapshot of the recording, but not the one that the machine was loaded from: its drives are still read.
  public func deleteSnapshot(_ name: String) throws(Failure) {
    guard name != session.origin else {
      throw Failure(
        .usage, name, "is the snapshot that this replay goes on from", remedy: "go to another one first")
    }
    try SnapshotStore(recording).delete(name)
    knownSnapshots = try Self.snapshots(of: recording)
  }
}
