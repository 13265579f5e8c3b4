// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore
import ReplayLog

/// A machine that replays, loaded from a snapshot.
final class ReplaySession {
  let machine: Machine
  let gate: ReplayGate
  /// The snapshot that it was loaded from.
  let origin: String
  /// What is written to each drive since; nil for a drive that is only read.
  let scratch: [ScratchOverlay?]
  /// Each drive as it is here, those that are only read too.
  let disks: [ScratchOverlay]
  /// Nil when none are to be taken.
  private(set) var checkpoints: CheckpointChain?

  init(
    _ recording: Recording, log: ReplayLogReader, snapshot name: String, console: any ConsoleOutput,
    engine: Machine.Engine, checkpoints policy: CheckpointPolicy?
  ) throws(Failure) {
    let manifest = recording.manifest
    let (memory, state) = try SnapshotStore(recording).load(name)
    guard state.nextEvent >= log.firstEventNumber else {
      throw Failure(
        .damaged, log.path, "begins after snapshot \(name)",
        remedy: "use a later snapshot, or put the recording's own log back")
    }
    guard state.nextEvent <= log.eventCount else {
      throw Failure(
        .damaged, log.path, "ends before snapshot \(name)",
        remedy: "use an earlier snapshot, or put the recording's own log back")
    }
    var scratch: [ScratchOverlay?] = []
    var storage: [any DriveStorage] = []
    var disks: [ScratchOverlay] = []
    let digests = try recording.baseDigests()
    for (index, drive) in manifest.drives.enumerated() {
      let replayed = try ReplayedDrive(index, of: recording, at: name, digests)
      scratch.append(drive.readOnly ? nil : replayed.scratch)
      storage.append(ImageStorage(replayed.scratch))
      disks.append(replayed.scratch)
    }
    let gate = try ReplayGate(
      source: LogEventSource(log, from: state.nextEvent), matchedOutput: state.matchedOutput,
      drives: ReplayDrives(storage: storage, pending: state.pending), console: console)
    self.gate = gate
    let boot = manifest.boot
    machine = Machine(
      configuration: manifest.configuration, plan: boot.plan { _ in [] }, gate: gate, engine: engine,
      bootRegions: { [unowned gate] in
        do throws(Failure) {
          return try Self.bootRegions(of: recording)
        } catch {
          gate.fail(error)
          return []
        }
      })
    origin = name
    self.scratch = scratch
    self.disks = disks
    gate.machine = machine

    guard log.header.digestComponents == machine.digestNames else {
      throw Failure(
        .newerFormat, log.path, "digests other parts of the machine than this rrtool has",
        remedy: "use the rrtool that recorded it (\(manifest.tool))")
    }
    try Self.load(memory, into: machine.memory)
    do throws(ByteCodingError) {
      try machine.restoreState(state.machine)
    } catch {
      throw Failure(
        .damaged, recording.memoryPath, "the state of snapshot \(name) is damaged",
        remedy: "use another snapshot, or restore the file from a copy")
    }
    try check(state, recording: recording, snapshot: name)
    if let policy {
      checkpoints = CheckpointChain(memory: machine.memory, policy: policy) { [unowned machine] in
        machine.requestStop()
      }
    }
  }

  /// A machine that exists already, which replays what was recorded of it.
  init(
    machine: Machine, gate: ReplayGate, origin: String, drives: [(drive: ScratchOverlay, isReadOnly: Bool)],
    checkpoints policy: CheckpointPolicy
  ) {
    self.machine = machine
    self.gate = gate
    self.origin = origin
    disks = drives.map(\.drive)
    scratch = drives.map { $0.isReadOnly ? nil : $0.drive }
    gate.machine = machine
    checkpoints = CheckpointChain(memory: machine.memory, policy: policy) { [unowned machine] in
      machine.requestStop()
    }
  }

  /// What stands in memory when the machine starts, as the initial snapshot holds it: a reset of the machine needs it.
  static func bootRegions(of recording: Recording) throws(Failure) -> [BootPlan.Region] {
    let memory = try SnapshotStore(recording).loadBootMemory()
    return try recording.manifest.boot.plan { (region) throws(Failure) in
      // The manifest's checks have put the region inside memory, and memory into an Int.
      let offset = Int(region.address - MemoryMap.memoryBase)
      return try withImageFailures({ () throws(DiskImageError) in
        try memory.read(at: offset, count: Int(region.length))
      })
    }.regions
  }

  /// Fills memory, which is zero.
  private static func load(_ image: Qcow2Snapshot, into memory: GuestMemory) throws(Failure) {
    let target = UnsafeMutableRawBufferPointer(start: memory.bytes, count: Int(memory.totalSize))
    try withImageFailures({ () throws(DiskImageError) in
      try image.load(into: target) { offset, count in
        memory.prepareStore(at: memory.base + UInt64(offset), count: count)
      }
    })
  }

  private func check(_ state: VMState, recording: Recording, snapshot: String) throws(Failure) {
    let digests = machine.digests()
    machine.forgetChangedPages()
    if digests == state.digests, machine.now == state.moment { return }
    let differing = zip(machine.digestNames, zip(digests, state.digests)).filter { $1.0 != $1.1 }.map { $0.0 }
    let what = differing.isEmpty ? "its place" : differing.joined(separator: ", ")
    throw Failure(
      .damaged, recording.memoryPath, "snapshot \(snapshot) does not load as it was saved: \(what) differs",
      remedy: "use another snapshot, or the rrtool that recorded it (\(recording.manifest.tool))")
  }

  /// Pages of memory that have changed since it was loaded, ascending.
  func listChangedPages() -> [Int] { machine.changedPages.pages }
}
