// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// Records one run of a guest into a new recording.
public final class Recorder {
  public struct Options: Sendable {
    /// The recording's folder.
    public var output: String
    /// Whether a recording that stands there may be replaced.
    public var force: Bool
    /// `rrfile=`: where the log goes instead of the recording's folder.
    public var logPath: String?
    /// `rrsnapshot=`: the name of the snapshot of the start.
    public var snapshotName: String?
    /// The most instructions between two digests of the machine's state.
    public var digestInterval: UInt64
    /// Which snapshots are made while the guest runs.
    public var snapshots: SnapshotPolicy
    /// Whether somebody may go back in the run while it is recorded.
    package var canGoBack = false

    public static let defaultSnapshotName = "replay_init"
    public static let defaultDigestInterval: UInt64 = 200_000_000

    public init(
      output: String, force: Bool = false, logPath: String? = nil, snapshotName: String? = nil,
      digestInterval: UInt64 = defaultDigestInterval, snapshots: SnapshotPolicy = SnapshotPolicy()
    ) {
      self.output = output
      self.force = force
      self.logPath = logPath
      self.snapshotName = snapshotName
      self.digestInterval = digestInterval
      self.snapshots = snapshots
    }
  }

  /// The recording, in its place since `init`, or since its start was written where it replaces another one.
  public private(set) var recording: Recording
  /// What the user should know of before the guest runs, a line each.
  public var remarks: [String] { drives.remarks }
  package let machine: Machine
  package let engine: Machine.Engine
  let live: LiveGate
  package let gate: RecordingGate
  /// Where the machine's gate leads to, for one that can go back.
  package let gateSwitch: GateSwitch?
  /// Who may have the machine to himself; set before `run`.
  package var visitor: (any RunVisitor)?
  let sink: LogSink
  package let control: RunControl?
  package let inbox: Inbox
  private let guestName: String
  private let drives: RecordedDrives
  private let workers: [BlockWorker]
  private let network: NetworkWires?
  /// The guest knows wires that are no more.
  private let renewsLinks: Bool
  /// What the files were opened as, which is what their errors name.
  private let folder: RecordingFolder

  private(set) var schedule: SnapshotSchedule
  /// Memory as it is in the last snapshot, as far as that is not written.
  private var frozen: InstantMemory?
  /// Until the run is over; it has the memory image open.
  private var snapshots: BackgroundSnapshots?
  private let pagesPerCluster: Int
  private var lastDigest: (moment: Moment, digests: PendingDigests)?

  /// Prepares everything and puts the new recording in its place; the guest has not run yet. If it fails, all is as
  /// it was before.
  ///
  /// The snapshot of the start is written while the guest runs already. Until it is, a recorder that is killed leaves
  /// nothing that can be replayed; hence one that replaces another recording takes its place only then.
  public convenience init(
    _ guest: Guest, _ options: Options, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
    try self.init(options, inbox: inbox, console: console, control: control) { (folder) throws(Failure) in
      let drives = try RecordedDrives(
        guest.drives, in: &folder, inputs: guest.inputs, snapshot: options.snapshotName)
      return (drives, try RunOrigin(guest, drives: drives.drives.map(\.manifest)))
    }
  }

  package init(
    _ options: Options, inbox: Inbox, console: any ConsoleOutput, control: RunControl?,
    prepare: (inout RecordingFolder) throws(Failure) -> (RecordedDrives, RunOrigin)
  ) throws(Failure) {
    self.control = control
    self.inbox = inbox
    let snapshotName = options.snapshotName ?? Options.defaultSnapshotName
    try RecordingManifest.checkNewSnapshotName(snapshotName, option: "rrsnapshot=\(snapshotName)")
    var folder = try RecordingFolder(target: options.output, force: options.force)
    let origin: RunOrigin
    do throws(Failure) {
      (drives, origin) = try prepare(&folder)
      guestName = origin.name
      let driveManifests = drives.drives.map(\.manifest)
      let recordsInto = driveManifests.contains(where: \.recordsInto)
      try options.snapshots.check(startName: options.snapshotName, recordsInto: recordsInto)
      // An image of the user's own is not filled with snapshots that nobody asked for.
      let policy = recordsInto ? .none : options.snapshots
      schedule = SnapshotSchedule(policy)

      workers = drives.drives.enumerated().map { index, drive in
        BlockWorker(
          storage: ImageStorage(drive.storage), image: drive.overlay, inbox: inbox,
          unanswered: origin.pending.filter { $0.drive == index })
      }
      network = try origin.openWires()
      renewsLinks = origin.left != nil
      live = LiveGate(
        inbox: inbox, drives: workers, wires: network, console: console, sleeps: origin.sleeps,
        control: control,
        outstandingRequests: origin.pending.count)
      // The log's header names the digests, which only the machine knows, and the machine wants its gate first.
      let relay = SinkRelay()
      gate = RecordingGate(
        recording: live, into: relay, digestsFrames: origin.networks.map { $0?.keepsFrames == false })
      gateSwitch = options.canGoBack ? GateSwitch(gate) : nil
      engine = origin.engine
      let outer: any Gate = if let gateSwitch { gateSwitch } else { gate }
      machine = origin.makeMachine(gate: outer)
      live.machine = machine

      var logName = Recording.logName
      var logWorkPath = folder.workPath + "/" + logName
      if let path = options.logPath {
        logWorkPath = try folder.addOutsider(path, option: "rrfile")
        logName = HostFiles.absolute(path)
      }
      let shift = origin.configuration.shift
      let header = ReplayLogHeader(
        shift: shift, driveCount: driveManifests.count, digestComponents: machine.digestNames,
        start: LogMoment(machine.now))
      let writer = try withLogFailures({ () throws(ReplayLogError) in
        try ReplayLogWriter(creating: logWorkPath, header: header)
      })
      sink = LogSink(writer: writer, inbox: inbox, sleeps: origin.sleeps)
      relay.sink = sink

      var manifest = RecordingManifest(
        format: RecordingManifest.formatName, version: RecordingManifest.formatVersion,
        tool: RecordingManifest.toolVersion, state: .recording, created: HostClock.realTime(),
        machine: .init(
          memorySize: origin.configuration.memorySize, hartCount: origin.configuration.hartCount,
          shift: shift, sleep: origin.sleeps,
          processor: origin.configuration.processor == .rv64
            ? nil : origin.configuration.processor.rawValue,
          revision: origin.configuration.revision.rawValue,
          virtio: origin.configuration.virtio == .modern ? nil : origin.configuration.virtio.rawValue,
          virtioConsole: origin.configuration.hasVirtioConsole ? true : nil,
          semihosting: origin.configuration.semihosting,
          powersOffAtReset: origin.configuration.powersOffAtReset ? true : nil),
        boot: origin.boot, drives: driveManifests, initialSnapshot: snapshotName, log: logName,
        digestInterval: policy.digestInterval(asked: options.digestInterval, shift: shift), ending: nil,
        branch: origin.left?.branch)
      manifest.machine.describeAttached(origin.configuration)
      manifest.machine.describeNetwork(origin.configuration)
      let start = SnapshotMetadata(at: machine.now)
      let overlays = drives.drives.compactMap(\.overlay)
      let memoryPath = folder.workPath + "/" + Recording.memoryName
      let size = Int(machine.memory.totalSize)
      let image = try withImageFailures({ () throws(DiskImageError) in
        for overlay in overlays { try overlay.createSnapshot(snapshotName, from: .active, metadata: start) }
        try Qcow2Image.create(at: memoryPath, size: size, clusterSize: Recording.memoryClusterSize)
        return try ImageOpener().openQcow2(memoryPath, readOnly: false)
      })
      recording = Recording(path: options.output, manifest: manifest, folder: folder.folder)
      try recording.writeManifest()
      if !folder.replacesOne { try folder.commit() }
      self.folder = folder
      pagesPerCluster = SnapshotStore.pagesPerCluster(image.clusterSize)
      let room = CopyRoom(
        byteCount: InstantMemory.roomSize(for: machine.memory.totalSize, pagesPerChunk: pagesPerCluster))
      snapshots = BackgroundSnapshots(
        image: image, room: room, workers: workers, recording: recording, policy: policy, inbox: inbox
      ) { [folder] () throws(Failure) in if folder.replacesOne { try folder.commit() } }
    } catch {
      folder.discard()
      throw folder.naming(error)
    }
    // What stands in memory is what has been written to it since the machine was made.
    start(
      .init(name: snapshotName, parent: nil), clusters: changedClusters, digests: machine.beginDigests(),
      tasks: [], log: nil, pending: origin.pending,
      bootRegions: origin.left == nil ? nil : origin.plan.regions)
    origin.offerAnswers(to: inbox)
  }

  /// The machine's state as it is, by part.
  public var digests: [StateDigest] { machine.namedDigests }

  /// Runs the guest to its end, to the position `limit`, or until the console said what `pattern` matches, and closes the recording.
  /// Once only.
  ///
  /// Whatever ended the run, the recording holds all of it; a failure of the host that ended it is in the result.
  ///
  /// `tell` hears what the user should know meanwhile; the log has it too.
  public func run(
    limit: UInt64? = nil, stopOn pattern: BytePattern? = nil, tell: @escaping (String) -> Void = { _ in }
  ) throws(Failure) -> RunResult {
    live.stop(on: pattern)
    network?.start(inbox, renewsLinks: renewsLinks)
    let run = LiveRun(
      machine: machine, live: live, control: control.map { ($0, self) },
      tell: { [self] text in
        note(text)
        tell(text)
      }, visitor: visitor)
    let outcome = run.run(limit: limit, interval: recording.manifest.digestInterval) { [self] in
      let digests = logDigests()
      makeSnapshotIfDue(digests)
    }
    network?.finish()
    let made = snapshots?.finish()
    snapshots = nil
    frozen?.end()
    recording = made?.recording ?? recording
    for worker in workers { worker.finish() }
    let now = machine.now
    if case .poweredOff(let status) = outcome.end, !live.wasSwitchedOff {
      gate.note(.powerOff(.guest, status: status), at: now)
    }
    logDigests()
    gate.note(.end(outcome.end), at: now)

    var failure = outcome.failure ?? sink.failure ?? made?.failure ?? drives.witness?.failure
    do throws(Failure) {
      if sink.failure == nil {
        try withLogFailures({ () throws(ReplayLogError) in try sink.writer.close() })
      }
      for drive in drives.drives {
        try withImageFailures({ () throws(DiskImageError) in try drive.overlay?.flush() })
      }
    } catch {
      failure = failure ?? error
    }
    failure = failure.map(folder.naming)
    if let failure, folder.replacesOne, made?.hasStart == false {
      // What stands at its place is worth more.
      folder.discard()
      run.end(outcome)
      throw failure
    }
    let ending =
      failure == nil
      ? RecordingManifest.Ending(outcome, of: machine)
      : RecordingManifest.Ending(.failed, at: now, failure: failure)
    do throws(Failure) {
      try recording.update { manifest in
        manifest.ending = ending
        manifest.baseClusterCount = drives.witness?.count
        manifest.state = ending.reason == .interrupted || ending.reason == .failed ? .interrupted : .complete
      }
    } catch {
      failure = failure ?? error
    }
    // The recording is closed when those who watch hear of the end.
    run.end(outcome)
    return RunResult(
      ending: ending, failure: failure, stopCause: inbox.stopCause, lostSnapshots: made?.lostNames ?? [])
  }

  /// Waits until a recording that replaces another one has taken its place.
  func waitForReplacement() { if folder.replacesOne { snapshots?.waitUntilIdle() } }

  @discardableResult
  private func logDigests() -> PendingDigests {
    let now = machine.now
    if let lastDigest, lastDigest.moment == now { return lastDigest.digests }
    let digests = machine.beginDigests()
    lastDigest = (now, digests)
    gate.note(digests, at: now)
    return digests
  }

  // MARK: Snapshots

  /// Begins to make the snapshot `name` of where the machine stands, between two instructions. It waits for one that is
  /// being made.
  func makeSnapshot(_ name: String) throws(Failure) {
    try RecordingManifest.checkNewSnapshotName(name, option: name)
    guard let snapshot = schedule.named(name) else {
      throw Failure(
        .exists, recording.path, "has a snapshot '\(name)' already", remedy: "choose another name")
    }
    if let drive = recording.manifest.drives.first(where: \.recordsInto) {
      throw Failure(
        .usage, drive.overlay ?? name, "is written directly, and is not filled with snapshots during the run",
        remedy: "make it afterwards with 'rrtool snapshot create'")
    }
    snapshots?.waitUntilIdle()
    // The event ends the console output before it, so that a replay goes on with a fresh one.
    gate.note(.snapshot(name: name), at: machine.now)
    guard let snapshots, !snapshots.isBusy, let log = sink.flush() else {
      throw Failure(
        .host, recording.path, "cannot be written any more", remedy: "the recording ends with the reason")
    }
    start(
      snapshot, clusters: changedClusters, digests: machine.beginDigests(), tasks: driveTasks(for: name),
      log: log)
  }

  /// Whether a snapshot is being written.
  var isMakingSnapshot: Bool { snapshots?.isBusy ?? false }

  private func driveTasks(for name: String) -> [DriveTask] {
    let metadata = SnapshotMetadata(at: machine.now)
    return workers.map { worker in
      let task = DriveTask(.makeSnapshot(name, metadata))
      worker.submit(task)
      return task
    }
  }

  /// Between two instructions, right behind the digests in the log, which are the machine's `digests`.
  private func makeSnapshotIfDue(_ digests: PendingDigests) {
    guard schedule.isAutomatic, let snapshots else { return }
    let clusters = changedClusters
    let byteCount = clusters.reduce(0) { $0 + $1.count } * GuestMemory.pageSize
    // Asked in any case: room is made ready for what has changed by the next such place.
    let hasRoom = snapshots.hasRoom(for: byteCount)
    guard let snapshot = schedule.due(at: machine.now, hasRoom: hasRoom, isBusy: snapshots.isBusy),
      let log = sink.flush()
    else { return }
    start(
      snapshot, clusters: clusters, digests: digests, tasks: driveTasks(for: snapshot.name), log: log)
  }

  /// The pages of all clusters with a page that changed since the last snapshot.
  private var changedClusters: [Range<Int>] { machine.changedPages.ranges(inGroupsOf: pagesPerCluster) }

  /// Hands `snapshot` of where the machine stands to the thread that writes it. `clusters` are the pages that it differs in.
  private func start(
    _ snapshot: SnapshotSchedule.Snapshot, clusters: [Range<Int>], digests: PendingDigests,
    tasks: [DriveTask], log: WrittenLog?, pending: [UnansweredRequest] = [],
    bootRegions: [BootPlan.Region]? = nil
  ) {
    guard let snapshots else { return }
    let now = machine.now
    let memory = InstantMemory(
      machine.memory, room: snapshots.room, pagesPerChunk: pagesPerCluster, pages: clusters)
    machine.forgetChangedPages()
    frozen?.end()
    frozen = memory
    memory.begin()
    // A digest's event follows all console output, so that a replay goes on with a fresh event.
    let state = VMState(
      moment: now, machine: machine.saveState(), digests: [], nextEvent: sink.writer.eventCount,
      matchedOutput: 0, pending: pending)
    snapshots.start(
      .init(
        name: snapshot.name, metadata: SnapshotMetadata(at: now), state: state, digests: digests,
        parent: snapshot.parent, memory: memory, tasks: tasks, log: log, bootRegions: bootRegions))
    schedule.begin(snapshot, at: now)
    if schedule.policy.waitsForEach { snapshots.waitUntilIdle() }
  }
}

extension Recorder: ControlledRun {
  package var facts: RunFacts {
    RunFacts(of: recording, kind: .recording(path: recording.path), name: guestName)
  }

  package func settle() {
    live.flushConsole()
    // Nobody knows for how long: what is in the log's buffers goes to the file.
    sink.rest(nanoseconds: nil)
  }

  package var wires: [[String]] { network?.descriptions ?? [] }

  package func note(_ text: String) { gate.note(.note(text), at: machine.now) }

  package func press(_ button: Arrival) throws(Failure) { inbox.offer(button) }

  package func saveSnapshot(_ name: String) throws(Failure) { try makeSnapshot(name) }
  package var isSavingSnapshot: Bool { isMakingSnapshot }

  package func listSnapshots() throws(Failure) -> [Snapshot] { throw stillWritten("are listed") }
  package func loadSnapshot(_ name: String) throws(Failure) { throw stillWritten("can be loaded") }
  package func deleteSnapshot(_ name: String) throws(Failure) { throw stillWritten("can be deleted") }

  private func stillWritten(_ what: String) -> Failure {
    Failure(
      .usage, "snapshot", "the recording is being made, and its snapshots \(what) when it is complete",
      remedy: "end the recording; then replay it")
  }
}

/// Hands events on to a sink that is known a little later, before the first event.
private final class SinkRelay: EventSink {
  var sink: (any EventSink)?
  func append(_ payload: LogPayload, at moment: LogMoment) { sink?.append(payload, at: moment) }
  func append(_ digests: PendingDigests, at moment: LogMoment) { sink?.append(digests, at: moment) }
  func tick() { sink?.tick() }
  func rest(nanoseconds: UInt64?) { sink?.rest(nanoseconds: nanoseconds) }
}
