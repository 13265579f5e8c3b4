// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import Execution
import HostSystem

/// Sends a guest that runs to another place, on one thread.
///
/// Memory goes first, all of it, then again and again the pages that the guest wrote meanwhile, until what is left would
/// take less than `downtimeLimit`. A guest that writes too fast for that is slowed down, more with each pass
/// (`MigrationThrottle`). Then the guest stands still for the rest: those pages, drives, harts and devices. Whatever fails or
/// is cancelled, the guest goes on as it did before.
struct MigrationJob {
  let address: MigrationAddress
  let control: RunControl
  let downtimeLimit: UInt64
  private var state: MigrationState { control.job }

  init(address: MigrationAddress, control: RunControl, downtimeLimit: UInt64) {
    self.address = address
    self.control = control
    self.downtimeLimit = downtimeLimit
  }

  /// Migrates; the state is at an end afterwards.
  func run() {
    var channel: (any MigrationChannel)?
    var stopped: RunState?
    var dirty: DirtyPages?
    let problem: Failure?
    do throws(Failure) {
      try send(&channel, &stopped, &dirty)
      problem = nil
    } catch {
      problem = error
    }
    let pages = dirty
    let before = stopped
    let isComplete = problem == nil
    // When the run is over there is nothing to be put back.
    try? control.perform { [control] _ in
      pages?.end()
      guard let before, control.state == .finishMigrate else { return }
      control.become(isComplete ? .postmigrate : before)
    }
    guard let problem else { return state.endCompleted() }
    channel?.abandon()
    if state.mayGoOn || problem.kind != .cancelled { state.endFailed(problem) } else { state.endCancelled() }
  }

  /// What a run is made of that does not change.
  private struct Origin: @unchecked Sendable {
    // Sendable: `memory` is read while the machine runs, which a migration makes good by sending again what changed; the
    // rest are values.
    let start: RunStart
    let configuration: MachineConfiguration
    let memory: GuestMemory
  }

  private func send(
    _ channel: inout (any MigrationChannel)?, _ stopped: inout RunState?, _ dirty: inout DirtyPages?
  ) throws(Failure) {
    let origin = try control.perform { (run) throws(Failure) in
      guard let start = run.migration?.start else {
        throw Failure(
          .usage, "migrate",
          "only a guest that 'rrtool run' has started can be migrated: this run belongs to a recording",
          remedy: "end it, copy it, and replay it there; 'replay --live' lets its guest go on")
      }
      return Origin(
        start: start, configuration: run.machine.configuration, memory: run.machine.memory)
    }
    let identity = try MigrationIdentity(origin.start, configuration: origin.configuration)
    let state = state
    let opened = try address.connect { state.mayGoOn }
    channel = opened
    let sender = MigrationSender(opened, memory: origin.memory, state: state)
    try sender.begin(identity)

    let pages = DirtyPages(origin.memory)
    dirty = pages
    try control.perform { _ in _ = pages.take() }
    try step(to: .active)
    try sendMemory(with: sender, origin.memory, pages)
    try finish(with: sender, origin.memory, pages, &stopped)
  }

  /// All memory, then what the guest writes.
  private func sendMemory(
    with sender: MigrationSender, _ memory: GuestMemory, _ dirty: DirtyPages
  ) throws(Failure) {
    var list = Array(0..<memory.pageCount)
    let throttle = MigrationThrottle(control)
    defer { throttle.end() }
    for pass in 1... {
      let began = HostClock.monotonic()
      let before = sender.byteCount
      state.update { $0.iterations = UInt64(pass) }
      try sender.sendPages(list, isLimited: true)
      let elapsed = max(HostClock.monotonic() - began, 1)
      list = try control.perform { _ in dirty.take() }
      let count = UInt64(list.count)
      let sent = sender.byteCount - before
      let bytesPerSecond = max(Double(sent) * 1e9 / Double(elapsed), 1)
      let expected = Double(count) * Double(GuestMemory.pageSize) * 1e9 / bytesPerSecond
      state.update { figures in
        figures.remaining = count * UInt64(GuestMemory.pageSize)
        figures.dirtyPagesPerSecond = UInt64(Double(count) * 1e9 / Double(elapsed))
        figures.expectedDowntime = UInt64(min(expected, 1e18))
      }
      if expected <= Double(downtimeLimit) { break }
      throttle.note(sent: sent, dirtied: count * UInt64(GuestMemory.pageSize))
      state.update { $0.throttlePercentage = throttle.percentage }
    }
    // What was taken last goes with the rest.
    sender.hold(list)
  }

  /// The guest stands still: the rest.
  private func finish(
    with sender: MigrationSender, _ memory: GuestMemory, _ dirty: DirtyPages, _ stopped: inout RunState?
  ) throws(Failure) {
    let began = HostClock.monotonic()
    let (before, list) = try control.perform { [control] (run) throws(Failure) in
      let before = control.state
      run.settle()
      control.become(.finishMigrate)
      return (before, dirty.take())
    }
    stopped = before
    try step(to: .completing)
    try sender.sendPages(Array(Set(list).union(sender.held)).sorted(), isLimited: false)

    let drives = Drives()
    let count = try control.perform { (run) throws(Failure) in
      run.migration?.visitDrives { index, drive in drives.add(index, drive) }
      return run.machine.configuration.drives.count
    }
    for (index, drive) in try drives.wait(for: count, state) { try sender.sendDrive(index, drive) }
    let (machine, arrivals) = try control.perform { (run) throws(Failure) in
      (run.machine.saveState(), run.migration?.pendingArrivals ?? [])
    }
    try sender.send(.arrivals, MigrationStream.encode(arrivals))
    try sender.send(.state, machine)
    // The other end goes on when it has the last record; from here on nobody can want to keep the guest here.
    guard state.commit() else { throw cancelled }
    try sender.end()
    state.update { $0.downtime = HostClock.monotonic() - began }
  }

  private func step(to phase: MigrationState.Phase) throws(Failure) {
    guard state.advance(to: phase) else { throw cancelled }
  }

  private var cancelled: Failure {
    Failure(.cancelled, address.description, "the migration was cancelled", remedy: "start it again")
  }

  /// What the drives' threads hand over.
  private final class Drives: @unchecked Sendable {
    // Sendable: `found` is touched with `lock` held. The overlays in it are copies that nobody else has.
    private let lock = ConditionLock()
    private var found: [(Int, ScratchOverlay)] = []

    func add(_ index: Int, _ drive: ScratchOverlay) {
      // Contents are a value: this costs nothing, and the drive may go on.
      let copy = ScratchOverlay(base: drive.base, clusterSize: drive.clusterSize)
      copy.contents = drive.contents
      lock.withLock {
        found.append((index, copy))
        lock.wakeAll()
      }
    }

    func wait(for count: Int, _ state: MigrationState) throws(Failure) -> [(Int, ScratchOverlay)] {
      while true {
        let all: [(Int, ScratchOverlay)]? = lock.withLock {
          if found.count == count { return found.sorted { $0.0 < $1.0 } }
          lock.wait(until: HostClock.monotonic() + 20_000_000)
          return nil
        }
        if let all { return all }
        guard state.mayGoOn else {
          throw Failure(.cancelled, "migrate", "the migration was cancelled", remedy: "start it again")
        }
      }
    }
  }
}
