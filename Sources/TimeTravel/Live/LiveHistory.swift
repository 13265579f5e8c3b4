// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import HostSystem
import RecordingStore
import ReplayLog

/// What a run that is being recorded has come from, for those who stop it and go back.
///
/// While the run goes on, checkpoints of its machine are taken. Whoever wants to go back *leaves* the present: a checkpoint is taken of
/// it, the machine is lent to a timeline, and gets what the log has in place of what comes from outside. Who comes back finds
/// the machine at that checkpoint, as if it had never been away; the recording has heard nothing of it.
///
/// It belongs to the machine's thread.
public final class LiveHistory {
  /// Where the machine has come from, and while the present is left: the machine.
  public let timeline: Timeline
  package let recorder: Recorder
  /// Instructions between two checkpoints of the run. From the last one to the present is run again at the first way back.
  public static let spacing: UInt64 = 16_000_000
  /// With less between them, a checkpoint of a present that was left is not kept.
  private static let leastSpacing: UInt64 = 2_000_000

  private let gates: GateSwitch
  private let replay: ReplayGate
  private let chain: CheckpointChain
  private let drives: LiveDrives
  public private(set) var isAway = false

  /// Before the run begins. The recorder's options must have said that somebody may go back.
  public init(
    _ recorder: Recorder, console: any ConsoleOutput, checkpoints policy: CheckpointPolicy
  ) throws(Failure) {
    guard let gates = recorder.gateSwitch else { preconditionFailure("a recorder that cannot go back") }
    self.gates = gates
    self.recorder = recorder
    recorder.waitUntilInPlace()
    let recording = recorder.recording
    drives = try LiveDrives(of: recording)
    let log = try recorder.openLogSoFar()
    replay = try ReplayGate(
      source: LogEventSource(log, from: log.eventCount), matchedOutput: 0, drives: drives.replayed,
      console: console)
    let session = ReplaySession(
      machine: recorder.machine, gate: replay, origin: recording.manifest.initialSnapshot,
      drives: zip(drives.overlays, recording.manifest.drives).map { (drive: $0, isReadOnly: $1.readOnly) },
      checkpoints: policy)
    guard let chain = session.checkpoints else { preconditionFailure("a session with checkpoints") }
    self.chain = chain
    chain.keepsLast = true
    timeline = Timeline(
      of: recording, log: log, session: session, console: console, engine: recorder.engine,
      checkpoints: policy)
    timeline.presentSnapshot = { [weak recorder] in recorder?.position(ofSnapshot: $0) }
    recorder.gate.driveWatcher = drives
    takeCheckpoint()
  }

  // MARK: At present

  /// Where the next checkpoint is due.
  package func nextCheckpoint(after position: UInt64) -> UInt64 {
    chain.isOverLimit ? position + 1 : max(position + 1, chain.position(of: chain.count - 1) + Self.spacing)
  }

  /// Takes a checkpoint here if it is time for one and nothing of this position has happened.
  package func tend() {
    let machine = recorder.machine
    guard !isAway, machine.isAtStartOfPosition else { return }
    let position = machine.now.position
    let last = chain.position(of: chain.count - 1)
    guard position > last, position - last >= Self.spacing || chain.isOverLimit else { return }
    takeCheckpoint()
  }

  private func takeCheckpoint() {
    let checkpoint = drives.checkpoint(of: recorder.machine, eventCount: recorder.countEvents())
    if !chain.isEmpty, chain.position(of: chain.count - 1) == checkpoint.position {
      chain.replaceLast(checkpoint)
    } else {
      chain.add(checkpoint)
    }
  }

  // MARK: Leaving, and coming back

  /// Leaves the present, where the machine stands between two instructions, before what belongs to its position.
  package func leave() throws(Failure) {
    guard !isAway else { return }
    if let failure = drives.failure { throw failure }
    let machine = recorder.machine
    machine.stopPoints = StopPoints()
    recorder.settle()
    takeCheckpoint()
    let log = try recorder.openLogSoFar()
    let here = machine.now
    gates.gate = replay
    isAway = true
    timeline.ended = nil
    timeline.isLost = false
    timeline.log = log
    timeline.present = here
    timeline.isPresentMidway = try Self.hasArrivals(log, at: here.position)
    chain.noteReached(here.position, isForked: false)
    guard let last = chain.links.last?.checkpoint else { preconditionFailure("it was just taken") }
    try replay.stand(
      at: last.gate, present: .init(position: here.position, eventCount: log.eventCount),
      source: LogEventSource(log, from: log.eventCount))
  }

  /// Puts the machine back to where the run has come to, and connects it to the outside.
  package func comeBack() {
    guard isAway else { return }
    let machine = recorder.machine
    machine.stopPoints = StopPoints()
    machine.hitLog = nil
    machine.noteStores(to: [])
    let checkpoint = chain.restoreMemory(to: chain.count - 1)
    do throws(ByteCodingError) {
      try machine.restoreState(checkpoint.machine)
    } catch {
      preconditionFailure("this machine's own state does not fit it: \(error)")
    }
    drives.restore(checkpoint)
    gates.gate = recorder.gate
    isAway = false
    let isNear =
      chain.count > 1
      && checkpoint.position - chain.position(of: chain.count - 2) < Self.leastSpacing
    if chain.count > 1, isNear || timeline.isPresentMidway { chain.removeLast() }
    timeline.isPresentMidway = false
  }

  /// Does something at present, and comes back to where the machine stood.
  package func atPresent(_ body: () -> Void) throws(Failure) {
    guard isAway else { return body() }
    let place = timeline.position
    let isSettled = !recorder.machine.isAtStartOfPosition
    comeBack()
    body()
    try leave()
    try withReplayFailures { () throws(ReplayError) in
      try timeline.seek(to: place)
      if isSettled { _ = try timeline.settle() }
    }
  }

  private static func hasArrivals(_ log: ReplayLogReader, at position: UInt64) throws(Failure) -> Bool {
    try withLogFailures { () throws(ReplayLogError) in
      let cursor = log.makeCursor()
      try cursor.seek(toPosition: position)
      while let event = try cursor.next(), event.position == position {
        switch event.payload {
        case .consoleInput, .blockCompletion, .frameInput, .linkChange, .reset(.host), .powerOff(.host, _):
          return true
        default: continue
        }
      }
      return false
    }
  }
}
