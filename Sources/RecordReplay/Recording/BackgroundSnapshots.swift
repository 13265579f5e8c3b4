import DiskImage
import Emulator
import ReplayLog

/// Makes the snapshots of a recording on a thread of its own while the guest runs on, one at a time.
///
/// The machine's thread brings a job: the machine's state, the memory pages frozen at that instant, a task in each drive's queue.
/// The snapshot is made in the drives first and in `vmstate.qcow2` last, as everywhere; what is too much is then given
/// up. A failure ends the run through the inbox, and nothing is made after it.
///
/// Sendable: `job`, `isClosing` and `failure` are touched with `lock` held; `thread` by the machine's thread alone;
/// everything else by the thread made in `init`, until `finish` has joined it.
final class BackgroundSnapshots: @unchecked Sendable {
  struct Job: Sendable {
    var name: String
    var metadata: SnapshotMetadata
    /// All of it but the digests, and the requests that the drives' workers know to be pending.
    var state: VMState
    var digests: PendingDigests
    /// The snapshot that has all other pages; nil when they are zero.
    var parent: String?
    /// The frozen pages, in whole clusters of the memory image.
    var pages: [Range<Int>]
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
  private var thread: HostThread?

  private let image: Qcow2Image
  private let memory: FrozenMemory
  private let workers: [BlockWorker]
  private let retention: SnapshotRetention
  private let inbox: Inbox

  /// - Parameters:
  ///   - image: `vmstate.qcow2`, which nobody else may touch until `finish`.
  ///   - recording: in its place.
  init(
    image: Qcow2Image, memory: FrozenMemory, workers: [BlockWorker], recording: Recording,
    policy: SnapshotPolicy, inbox: Inbox
  ) {
    self.image = image
    self.memory = memory
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

  /// Hands over a job; only when not busy.
  func start(_ job: Job) {
    lock.withLock {
      precondition(self.job == nil, "one snapshot at a time")
      self.job = job
      lock.wakeAll()
    }
  }

  /// Waits for what is being made and ends the thread. The machine must not have gone on since the last job. Answers
  /// the recording as it is now, the names of snapshots that users made and a ring gave up, and what failed.
  func finish() -> (recording: Recording, lostNames: [String], failure: Failure?) {
    lock.withLock {
      isClosing = true
      lock.wakeAll()
    }
    thread?.join()
    thread = nil
    return (retention.recording, retention.lostNames, failure)
  }

  // MARK: On the thread

  private func work() {
    while let job = nextJob() {
      do throws(Failure) {
        try make(job)
        try retention.add(job)
        lock.withLock {
          self.job = nil
          lock.wakeAll()
        }
      } catch {
        // What was frozen and not taken: the machine must be able to go on to its end.
        for range in job.pages { memory.thaw(range) }
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

  private func nextJob() -> Job? {
    lock.withLock {
      while job == nil {
        if isClosing { return nil }
        lock.wait()
      }
      return job
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
        for pages in job.pages { try take(pages, to: writer) }
      }
    }
  }

  private func take(_ pages: Range<Int>, to writer: SnapshotWriter) throws(DiskImageError) {
    let pageSize = GuestMemory.pageSize
    let perCluster = SnapshotStore.pagesPerCluster(writer.clusterSize)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: perCluster * pageSize, alignment: 16)
    defer { buffer.deallocate() }
    for first in stride(from: pages.lowerBound, to: pages.upperBound, by: perCluster) {
      let count = min(perCluster, pages.upperBound - first)
      for index in 0..<count {
        // Allocated, so it has an address.
        memory.take(first + index, into: buffer.baseAddress! + index * pageSize)
      }
      try writer.write(
        at: first * pageSize, from: UnsafeRawBufferPointer(rebasing: buffer[..<(count * pageSize)]),
        compressed: true)
    }
  }
}
