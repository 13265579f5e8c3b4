import DiskImage
import Emulator
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
    /// Instructions between two digests of the machine's state.
    public var digestInterval: UInt64

    public static let defaultSnapshotName = "replay_init"
    public static let defaultDigestInterval: UInt64 = 200_000_000

    public init(
      output: String, force: Bool = false, logPath: String? = nil, snapshotName: String? = nil,
      digestInterval: UInt64 = defaultDigestInterval
    ) {
      self.output = output
      self.force = force
      self.logPath = logPath
      self.snapshotName = snapshotName
      self.digestInterval = digestInterval
    }
  }

  /// The recording, in its place since `init`.
  public private(set) var recording: Recording
  package let machine: Machine
  let live: LiveGate
  let gate: RecordingGate
  let sink: LogSink
  private let control: RunControl?
  let inbox: Inbox
  private let guestName: String
  private let drives: RecordedDrives
  private let workers: [BlockWorker]
  /// What the files were opened as, which is what their errors name.
  private let folder: RecordingFolder

  /// Prepares everything and puts the new recording in its place; the guest has not run yet. If it fails, all is as
  /// it was before.
  public init(
    _ guest: Guest, _ options: Options, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
    self.control = control
    self.inbox = inbox
    guestName = guest.name
    let snapshotName = options.snapshotName ?? Options.defaultSnapshotName
    guard RecordingManifest.isSnapshotName(snapshotName) else {
      throw Failure(
        .usage, "rrsnapshot=\(snapshotName)", "cannot be the name of a snapshot",
        remedy: "use a letter, then letters, digits, '-', '_' and '.', not 'start' or 'end'")
    }
    var folder = try RecordingFolder(target: options.output, force: options.force)
    do throws(Failure) {
      drives = try RecordedDrives(
        guest.drives, in: &folder, inputs: guest.inputs, snapshot: options.snapshotName)
      let driveManifests = drives.drives.map(\.manifest)
      let configuration = try guest.configuration(drives: driveManifests)
      let plan = try guest.plan(configuration)

      workers = drives.drives.map { BlockWorker(storage: ImageStorage($0.storage), inbox: inbox) }
      live = LiveGate(
        inbox: inbox, drives: workers, console: console, sleeps: guest.sleeps, control: control)
      // The log's header names the digests, which only the machine knows, and the machine wants its gate first.
      let relay = SinkRelay()
      gate = RecordingGate(recording: live, into: relay)
      machine = Machine(configuration: configuration, plan: plan, gate: gate, engine: guest.engine)
      live.machine = machine

      var logName = Recording.logName
      var logWorkPath = folder.workPath + "/" + logName
      if let path = options.logPath {
        logWorkPath = try folder.addOutsider(path, option: "rrfile")
        logName = HostFiles.absolute(path)
      }
      let header = ReplayLogHeader(
        shift: guest.shift, driveCount: driveManifests.count, digestComponents: machine.digestNames)
      let writer = try withLogFailures({ () throws(ReplayLogError) in
        try ReplayLogWriter(creating: logWorkPath, header: header)
      })
      sink = LogSink(writer: writer, inbox: inbox, sleeps: guest.sleeps)
      relay.sink = sink

      let manifest = RecordingManifest(
        format: RecordingManifest.formatName, version: RecordingManifest.formatVersion,
        tool: RecordingManifest.toolVersion, state: .recording, created: HostClock.realTime(),
        machine: .init(
          memorySize: guest.memorySize, hartCount: guest.hartCount, shift: guest.shift, sleep: guest.sleeps),
        boot: .init(guest: guest, plan: plan), drives: driveManifests, initialSnapshot: snapshotName,
        log: logName,
        digestInterval: options.digestInterval, ending: nil)
      try Self.saveStart(
        of: machine, plan: plan, drives: drives, named: snapshotName,
        to: folder.workPath + "/" + Recording.memoryName)
      try Recording(path: folder.workPath, manifest: manifest).writeManifest()
      try folder.commit()
      recording = Recording(path: options.output, manifest: manifest)
      self.folder = folder
    } catch {
      folder.discard()
      throw folder.naming(error)
    }
  }

  /// The snapshot of the start: what stands in memory is what the boot plan put there.
  private static func saveStart(
    of machine: Machine, plan: BootPlan, drives: RecordedDrives, named name: String, to path: String
  ) throws(Failure) {
    let metadata = SnapshotMetadata(at: machine.now)
    let state = VMState(
      moment: machine.now, machine: machine.saveState(), digests: machine.digests(), nextEvent: 0,
      matchedOutput: 0, pending: [])
    try withImageFailures({ () throws(DiskImageError) in
      for drive in drives.drives {
        _ = try drive.overlay?.createSnapshot(name, from: .active, metadata: metadata)
      }
      try Qcow2Image.create(at: path, size: Int(machine.memory.size))
      let image = try ImageOpener().openQcow2(path, readOnly: false)
      let pages = Set(
        plan.regions.filter { !$0.bytes.isEmpty }.flatMap { region in
          let first = Int(region.address - machine.memory.base) / GuestMemory.pageSize
          let last =
            (Int(region.address - machine.memory.base) + region.bytes.count - 1) / GuestMemory.pageSize
          return first...last
        }
      ).sorted()
      _ = try image.createSnapshot(name, from: .empty, metadata: metadata, vmState: state.encoded()) {
        (writer) throws(DiskImageError) in
        try SnapshotStore.write(pages: pages, of: machine.memory, to: writer)
      }
    })
  }

  /// Runs the guest to its end, or to the position `limit`, and closes the recording. Once only.
  ///
  /// Whatever ended the run, the recording holds all of it; a failure of the host that ended it is in the result.
  public func run(limit: UInt64? = nil) throws(Failure) -> RunResult {
    var lastDigest: Moment?
    func logDigests() {
      let now = machine.now
      guard lastDigest != now else { return }
      lastDigest = now
      gate.note(.digest(machine.digests()), at: now)
    }
    let run = LiveRun(machine: machine, live: live, control: control.map { ($0, self) })
    let outcome = run.run(
      limit: limit, interval: recording.manifest.digestInterval, atInterval: logDigests)
    for worker in workers { worker.finish() }
    let now = machine.now
    if case .poweredOff(let status) = outcome.end, !live.wasSwitchedOff {
      gate.note(.powerOff(.guest, status: status), at: now)
    }
    logDigests()
    gate.note(.end(outcome.end), at: now)

    var failure = outcome.failure ?? sink.failure
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
    let ending = RecordingManifest.Ending(failure == nil ? outcome.end : .failed, at: now, failure: failure)
    do throws(Failure) {
      try recording.update { manifest in
        manifest.ending = ending
        manifest.state = ending.reason == .interrupted || ending.reason == .failed ? .interrupted : .complete
      }
    } catch {
      failure = failure ?? error
    }
    // The recording is closed when those who watch hear of the end.
    run.end(outcome)
    return RunResult(ending: ending, failure: failure)
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

  package func note(_ text: String) { gate.note(.note(text), at: machine.now) }

  package func press(_ button: Arrival) throws(Failure) { inbox.offer(button) }
}

/// Hands events on to a sink that is known a little later, before the first event.
private final class SinkRelay: EventSink {
  var sink: (any EventSink)?
  func append(_ payload: LogPayload, at moment: LogMoment) { sink?.append(payload, at: moment) }
  func tick() { sink?.tick() }
  func rest(nanoseconds: UInt64?) { sink?.rest(nanoseconds: nanoseconds) }
}
