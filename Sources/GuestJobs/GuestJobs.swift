// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import Glibc
import HostSystem
import TimeTravel

/// What can be done beside a guest that runs: for the monitor, from any thread but the machine's.
///
/// `RunControl.job` says how far it is, takes its cancellation and its bandwidth limit, and lets observers hear of it.
public struct GuestJobs: Sendable {
  public var state: MigrationState { control.job }
  private let control: RunControl
  /// Makes what a dump is written to.
  private let makeDestination: @Sendable (DumpRequest) throws(Failure) -> any DumpDestination
  /// For dumps: there is one job at a time, and it lets go of the room before it ends.
  private let spareRoom = SpareRoom()

  public init(_ control: RunControl) {
    self.init(control) { [state = control.job] (request) throws(Failure) in
      if let descriptor = request.descriptor {
        do throws(Failure) {
          return try PassedFile(descriptor) { state.mayGoOn }
        } catch {
          throw Failure(error.kind, request.path, error.problem, remedy: error.remedy)
        }
      }
      return try OutputFile(path: request.path, replaces: request.replaces)
    }
  }

  package init(
    _ control: RunControl,
    makeDestination: @escaping @Sendable (DumpRequest) throws(Failure) -> any DumpDestination
  ) {
    self.control = control
    self.makeDestination = makeDestination
  }

  /// Writes a core of the guest as it is now; the guest stands still for the moment in which that is decided only.
  ///
  /// Answers when the dump is complete; with `detach` when the instant is taken. A dump that fails, or is cancelled, leaves
  /// nothing behind; without `detach` it is thrown.
  /// - Returns: the moment of the guest that the dump shows.
  @discardableResult
  public func dump(_ request: DumpRequest, detach: Bool = false) throws(Failure) -> Moment {
    try request.check()
    try state.start(.dump)
    let instant: DumpInstant
    let job: DumpJob
    var prepared: CopyRoom?
    do throws(Failure) {
      let destination = try makeDestination(request)
      let size = try control.perform { run in run.machine.memory.size }
      let room = spareRoom.take(byteCount: InstantMemory.roomSize(for: size))
      prepared = room
      if control.state.isRunning { room.prepare { [state] in state.mayGoOn } }
      let (taken, downtime) = try control.perform { (run) throws(Failure) in
        let began = HostClock.monotonic()
        let instant = try DumpInstant(of: run.machine, for: request, room: room)
        return (instant, HostClock.monotonic() - began)
      }
      instant = taken
      let total = instant.core.memorySize
      let position = instant.moment.position
      state.update { figures in
        figures.position = position
        figures.total = total
        figures.remaining = total
        figures.downtime = downtime
      }
      let control = control
      job = DumpJob(request: request, state: state, destination: destination) {
        // When the run is over its machine stores nothing any more.
        try? control.perform { _ in instant.memory.end() }
      }
    } catch {
      prepared?.letGo()
      state.endFailed(error)
      throw error
    }
    let work = HandedOver((job, instant))
    let thread = HostThread(inBackground: true) { work.value.0.run(work.value.1) }
    guard !detach else {
      thread.abandon()
      return instant.moment
    }
    thread.join()
    try throwEnd(request.path, "the dump was cancelled")
    return instant.moment
  }

  /// Sends the guest to another place, where it goes on, while it runs here for as long as possible. Afterwards it stands
  /// still here, in the state `postmigrate`.
  ///
  /// Answers when the other place has it; with `detach` at once, and everything that goes wrong shows in `state` only. A
  /// migration that fails, or is cancelled, leaves the guest as it was; without `detach` it is thrown.
  ///
  /// - Parameter downtimeLimit: nanoseconds that the guest may stand still for.
  public func migrate(
    to address: MigrationAddress, downtimeLimit: UInt64 = defaultDowntimeLimit, detach: Bool = false
  ) throws(Failure) {
    let size = try control.perform { (run) throws(Failure) in run.machine.memory.totalSize }
    try state.start(.migration, total: size)
    let job = MigrationJob(address: address, control: control, downtimeLimit: downtimeLimit)
    let thread = HostThread { job.run() }
    guard !detach else { return thread.abandon() }
    thread.join()
    try throwEnd(address.description, "the migration was cancelled")
  }

  /// Saves a snapshot of the guest as it is now, which stands still for that moment. Answers when the snapshot is written; it
  /// cannot be cancelled.
  public func saveSnapshot(_ name: String) throws(Failure) {
    try state.start(.snapshot)
    do throws(Failure) {
      guard state.advance(to: .active), state.advance(to: .completing), state.commit() else {
        state.endCancelled()
        throw Failure(.cancelled, name, "the snapshot was cancelled", remedy: "save it again")
      }
      let control = control
      try control.perform { (run) throws(Failure) in try control.saveSnapshot(name, of: run) }
      while try control.perform({ run in run.isSavingSnapshot }) { usleep(2_000) }
    } catch {
      if state.status.phase.isBusy { state.endFailed(error) }
      throw error
    }
    state.endCompleted()
  }

  /// QEMU's own: 300 ms.
  public static let defaultDowntimeLimit: UInt64 = 300_000_000

  private func throwEnd(_ subject: String, _ cancellation: String) throws(Failure) {
    switch state.status.phase {
    case .failed(let failure): throw failure
    case .cancelled: throw Failure(.cancelled, subject, cancellation, remedy: "start it again")
    default: break
    }
  }

  /// The run is over: lets a dump, whose instant has passed, be completed, and ends everything else.
  public func finish() {
    if state.status.kind == .migration { state.cancel() }
    state.bandwidthLimit = nil
    state.waitUntilIdle()
  }
}

/// Writes a core of a machine that stands still, on the calling thread.
///
/// - Parameters:
///   - state: takes a cancellation from another thread.
///   - progress: called with the bytes of memory that are done, and with all of them.
package func writeDump(
  _ request: DumpRequest, of machine: Machine, state: MigrationState = MigrationState(),
  progress: @escaping (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
) throws(Failure) {
  try request.check()
  try state.start(.dump)
  do throws(Failure) {
    let destination = try OutputFile(path: request.path, replaces: request.replaces)
    let room = CopyRoom(byteCount: InstantMemory.roomSize(for: machine.memory.totalSize))
    let instant = try DumpInstant(of: machine, for: request, room: room)
    let size = instant.core.memorySize
    state.update { figures in
      figures.total = size
      figures.remaining = size
    }
    var job = DumpJob(
      request: request, state: state, destination: destination, release: { instant.memory.end() })
    job.progress = { progress($0, size) }
    job.run(instant)
  } catch {
    state.endFailed(error)
  }
  switch state.status.phase {
  case .failed(let failure): throw failure
  case .cancelled:
    throw Failure(.cancelled, request.path, "the dump was cancelled", remedy: "start it again")
  default: break
  }
}

extension Timeline {
  /// Writes a core of the machine where it stands.
  ///
  /// - Parameters:
  ///   - state: takes a cancellation from another thread.
  ///   - progress: called with the bytes of memory that are done, and with all of them.
  public func dump(
    _ request: DumpRequest, state: MigrationState = MigrationState(),
    progress: @escaping (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
  ) throws(Failure) {
    try writeDump(request, of: machine, state: state, progress: progress)
  }
}

/// Hands something to a thread that is its only user from then on.
private struct HandedOver<Value>: @unchecked Sendable {
  // Sendable: whoever made it does not touch the value any more.
  let value: Value
  init(_ value: Value) { self.value = value }
}
