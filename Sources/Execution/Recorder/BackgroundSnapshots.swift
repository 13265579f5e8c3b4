// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// Makes the snapshots of a recording on a thread of its own while the guest runs on, one at a time.
///
/// The machine's thread brings a job: the machine's state, the memory pages that changed as they are at that instant, a task in each
/// drive's queue.
/// The snapshot is made in the drives first and in `vmstate.qcow2` last, as everywhere; what is too much is then given
/// up. A failure ends the run through the inbox, and nothing is made after it.
///
/// In between it makes memory ready for the copies that the next one needs: a guest should not have to wait for the host there.
///
/// Sendable: `job`, `isClosing`, `failure`, `hasStart`, `readyCount`, `wantedCount` and `mostUsed` are touched with `lock` held; `thread` by the machine's
/// thread alone; everything else by the thread made in `init`, until `finish` has joined it.
final class BackgroundSnapshots: @unchecked Sendable {
  struct Job: Sendable {
    var name: String
    var metadata: SnapshotMetadata
    /// All of it but the digests, and the requests that the drives' workers know to be pending.
    var state: VMState
    var digests: PendingDigests
    /// The snapshot that has all other pages; nil when they are zero.
    var parent: String?
    /// The pages that changed since then, in whole clusters of the memory image.
    var memory: InstantMemory
    /// One a drive, or none at all when the drives have the snapshot already.
    var tasks: [DriveTask]
    var log: WrittenLog?
    /// What a reset puts into memory, when this is the first snapshot and does not have it.
    var bootRegions: [BootPlan.Region]?
  }

  private let lock = ConditionLock()
  private var job: Job?
  private var isClosing = false
  private var failure: Failure?
  /// The first one is there: the recording can be replayed.
  private var hasStart = false
  private var thread: HostThread?
  /// Bytes of `room` that are ready, and that are to be.
  private var readyCount = 0
  private var wantedCount = 0
  /// Bytes of copies that stood side by side at most in any snapshot so far.
  private var mostUsed = 0

  /// Bytes that are made ready for the first snapshots.
  private static let firstCount = 8 << 20
  /// Bytes of copies that no snapshot waits for.
  private static let smallCount = 1 << 20

  /// For the copies of one job after the other.
  let room: CopyRoom
  private let image: Qcow2Image
  private let workers: [BlockWorker]
  private let retention: SnapshotRetention
  private let inbox: Inbox
  private let noteStart: @Sendable () throws(Failure) -> Void

  /// - Parameters:
  ///   - image: `vmstate.qcow2`, which nobody else may touch until `finish`.
  ///   - noteStart: called when the first one is there.
  init(
    image: Qcow2Image, room: CopyRoom, workers: [BlockWorker], recording: Recording,
    policy: SnapshotPolicy, inbox: Inbox, noteStart: @escaping @Sendable () throws(Failure) -> Void
  ) {
    self.noteStart = noteStart
    self.image = image
    self.room = room
    self.workers = workers
    self.inbox = inbox
    retention = SnapshotRetention(recording: recording, policy: policy, image: image, workers: workers)
    thread = HostThread(inBackground: true) { [self] in work() }
  }

  // MARK: For the machine's thread

  /// Whether another job must wait.
  var isBusy: Bool { lock.withLock { job != nil || failure != nil } }

  func waitUntilIdle() {
    lock.withLock { while job != nil { lock.wait() } }
  }

  /// Whether memory is ready for the copies that a snapshot of `byteCount` bytes may need, or they are too few to matter. Does not wait.
  ///
  /// Copies are made of what the guest changes until it has been put out, which is far less than all of it for nearly every guest: twice
  /// what any snapshot so far needed at one time is made ready. A guest that begins to write faster waits for the host once.
  func hasRoom(for byteCount: Int) -> Bool {
    lock.withLock {
      let expected = min(max(2 * mostUsed, Self.firstCount), room.readyByteCount)
      let wanted = min(2 * byteCount, expected)
      if wanted > wantedCount {
        wantedCount = wanted
        lock.wakeAll()
      }
      return min(byteCount, expected) <= max(readyCount, Self.smallCount)
    }
  }

  /// Hands over a job; only when not busy.
  func start(_ job: Job) {
    lock.withLock {
      precondition(self.job == nil, "one snapshot at a time")
      self.job = job
      lock.wakeAll()
    }
  }

  /// Waits for what is being made and ends the thread. The machine must not have gone on since the last job. Answers
  /// the recording as it is now, the names of snapshots that users made and a ring gave up, whether the first one was made, and
  /// what failed.
  func finish() -> (recording: Recording, lostNames: [String], hasStart: Bool, failure: Failure?) {
    lock.withLock {
      isClosing = true
      lock.wakeAll()
    }
    thread?.join()
    thread = nil
    return (retention.recording, retention.lostNames, hasStart, failure)
  }

  // MARK: On the thread

  private func work() {
    while let job = nextJob() {
      do throws(Failure) {
        try make(job)
        lock.withLock { mostUsed = max(mostUsed, job.memory.usedByteCount) }
        if !lock.withLock({ hasStart }) {
          try noteStart()
          lock.withLock { hasStart = true }
        }
        try retention.add(job)
        lock.withLock {
          self.job = nil
          lock.wakeAll()
        }
      } catch {
        inbox.report(error)
        lock.withLock {
          failure = error
          self.job = nil
          lock.wakeAll()
        }
        return
      }
    }
  }

  /// Waits for a job, and makes memory ready for copies meanwhile; nil when there will be none.
  private func nextJob() -> Job? {
    while true {
      let range: Range<Int>? = lock.withLock {
        while job == nil, !isClosing, readyCount >= wantedCount { lock.wait() }
        return job == nil && !isClosing ? readyCount..<wantedCount : nil
      }
      guard let range else { return lock.withLock { job } }
      // The machine's thread may begin to use the room meanwhile, which does no harm.
      let reached = room.prepare(range) { lock.withLock { job == nil && !isClosing } }
      lock.withLock { readyCount = reached }
    }
  }

  private func make(_ job: Job) throws(Failure) {
    var state = job.state
    for task in job.tasks { state.pending += try task.wait().pending }
    // A replay from the snapshot needs the events up to it: they come first.
    if let log = job.log { try withLogFailures { () throws(ReplayLogError) in try log.wait() } }
    // Where the log has them, its thread has computed them.
    state.digests = job.digests.values()
    let base = MemoryMap.memoryBase
    try withImageFailures { () throws(DiskImageError) in
      if let regions = job.bootRegions {
        try image.createSnapshot(RecordingManifest.branchBootSnapshot, from: .empty, metadata: job.metadata) {
          (writer) throws(DiskImageError) in
          for region in regions {
            try writer.write(at: Int(region.address - base), region.bytes, compressed: true)
          }
        }
      }
      _ = try image.createSnapshot(
        job.name, from: job.parent.map { .snapshot($0) } ?? .empty, metadata: job.metadata,
        vmState: state.encoded()
      ) { (writer) throws(DiskImageError) in
        try take(job.memory, to: writer)
      }
    }
  }

  private func take(_ memory: InstantMemory, to writer: SnapshotWriter) throws(DiskImageError) {
    let buffer = memory.makeBuffer()
    defer { buffer.deallocate() }
    while try memory.takeNext(
      buffer: buffer,
      { (bytes, address) throws(DiskImageError) in
        try writer.write(at: Int(address - memory.base), from: bytes, compressed: true)
      })
    {}
  }
}
