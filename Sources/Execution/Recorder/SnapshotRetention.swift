// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// Decides which snapshots of a recording that is being made are kept, and gives up the others.
///
/// It belongs to the thread that makes the snapshots.
final class SnapshotRetention {
  private struct Kept {
    var name: String
    var position: UInt64
    var isAutomatic: Bool
    /// The log's event with which a replay from it goes on.
    var nextEvent: UInt64
  }

  private(set) var recording: Recording
  private let policy: SnapshotPolicy
  private let image: Qcow2Image
  private let workers: [BlockWorker]
  /// Ascending.
  private var kept: [Kept] = []
  /// Those with names of the user's own that went with the oldest part of a ring: what would follow them is gone.
  private(set) var lostNames: [String] = []
  /// What snapshots take on each drive, as far as it is known.
  private var driveByteCounts: [Int]

  init(recording: Recording, policy: SnapshotPolicy, image: Qcow2Image, workers: [BlockWorker]) {
    self.recording = recording
    self.policy = policy
    self.image = image
    self.workers = workers
    driveByteCounts = Array(repeating: 0, count: workers.count)
  }

  /// Takes note of a snapshot that was made, and gives up what is too much with it.
  func add(_ job: BackgroundSnapshots.Job) throws(Failure) {
    kept.append(
      Kept(
        name: job.name, position: job.state.moment.position,
        isAutomatic: SnapshotPolicy.isAutomaticName(job.name), nextEvent: job.state.nextEvent))
    for (index, task) in job.tasks.enumerated() {
      driveByteCounts[index] = try task.wait().snapshotByteCount
    }
    while kept.filter(\.isAutomatic).count > policy.countLimit, try giveUpOne() {}
    if let limit = policy.ringByteLimit {
      let log = job.log?.byteCount ?? 0
      while try snapshotByteCount() + log > limit, kept.count > 1 { try giveUpOldest() }
      if let log = job.log, let start = kept.first {
        log.drop(eventsBefore: start.nextEvent, path: recording.logPathOfRecorder)
      }
    } else {
      while try snapshotByteCount() > policy.byteLimit, try giveUpOne() {}
    }
  }

  /// Has the recording start at the next snapshot. The first one of all stays in the memory image for what a reset needs.
  private func giveUpOldest() throws(Failure) {
    let oldest = kept.removeFirst()
    let start = kept[0].name
    // First of all, so that whatever breaks off here leaves a recording with a start.
    try recording.update { manifest in
      manifest.boot.snapshot = manifest.bootSnapshot
      manifest.initialSnapshot = start
    }
    if oldest.name != recording.manifest.bootSnapshot {
      try withImageFailures { () throws(DiskImageError) in try image.deleteSnapshot(oldest.name) }
    }
    try deleteFromDrives(oldest.name)
    if !oldest.isAutomatic, oldest.name != recording.manifest.bootSnapshot { lostNames.append(oldest.name) }
  }

  private func snapshotByteCount() throws(Failure) -> UInt64 {
    let memory = try withImageFailures { () throws(DiskImageError) in try image.snapshotByteCount() }
    return UInt64(memory + driveByteCounts.reduce(0, +))
  }

  /// Gives up the automatic snapshot that will be missed least; false when there is none to give up.
  private func giveUpOne() throws(Failure) -> Bool {
    let automatic = kept.filter(\.isAutomatic)
    guard let start = kept.first,
      let index = SnapshotPolicy.leastMissed(of: automatic.map(\.position), start: start.position)
    else { return false }
    let name = automatic[index].name
    kept.removeAll { $0.name == name }
    try withImageFailures { () throws(DiskImageError) in try image.deleteSnapshot(name) }
    try deleteFromDrives(name)
    return true
  }

  private func deleteFromDrives(_ name: String) throws(Failure) {
    let tasks = workers.map { worker in
      let task = DriveTask(.deleteSnapshot(name))
      worker.submit(task)
      return task
    }
    for (index, task) in tasks.enumerated() {
      driveByteCounts[index] = try task.wait().snapshotByteCount
    }
  }
}
