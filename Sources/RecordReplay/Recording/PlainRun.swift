import DiskImage
import Emulator

/// A run of which nothing is kept: not even what the guest writes to its drives.
public final class PlainRun {
  package let machine: Machine
  let live: LiveGate
  private let drives: ScratchDrives
  private let control: RunControl?
  let inbox: Inbox
  package let facts: RunFacts
  package let start: RunStart?
  /// Where the guest comes from, until it is there.
  private var incoming: MigrationAddress?

  /// - Parameters:
  ///   - control: one that knows of a guest that comes from elsewhere.
  ///   - incoming: where the guest comes from; it goes on where it was there. `run` waits for it first.
  public init(
    _ guest: Guest, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil,
    incoming: MigrationAddress? = nil
  ) throws(Failure) {
    self.control = control
    self.inbox = inbox
    drives = try ScratchDrives(guest.drives, inbox: inbox)
    let configuration = try guest.configuration(drives: drives.manifests)
    facts = RunFacts(of: guest, drives: drives.manifests)
    live = LiveGate(
      inbox: inbox, drives: drives.workers, console: console, sleeps: guest.sleeps, control: control)
    let start = RunStart(guest: guest, plan: try guest.plan(configuration))
    self.start = start
    machine = Machine(configuration: configuration, plan: start.plan, gate: live, engine: guest.engine)
    live.machine = machine
    self.incoming = incoming
  }

  /// Waits for the guest that comes from elsewhere, if it does, and does meanwhile what other threads ask for. When it throws,
  /// the machine is in no state to run.
  package func receive() throws(Failure) {
    guard let address = incoming, let start else { return }
    incoming = nil
    precondition(
      control.map { $0.state == .inmigrate } ?? true, "the controls do not know that a guest comes")
    control?.begin()
    let job = control?.job ?? MigrationState()
    try job.start(.migration, total: machine.memory.totalSize)
    do throws(Failure) {
      let identity = try MigrationIdentity(start, configuration: machine.configuration)
      let stream = try IncomingMigration(address) { [self] in
        control?.servePending(self)
        return !inbox.isStopRequested && job.mayGoOn
      }
      let arrived = try stream.receive(into: machine, drives: drives.overlays, identity: identity, job)
      live.expectAnswers(arrived.answerCount)
      inbox.putFirst(arrived.arrivals)
    } catch {
      if !job.mayGoOn, error.kind == .cancelled { job.endCancelled() } else { job.endFailed(error) }
      throw error
    }
    control?.noteArrival()
    job.endCompleted()
  }

  /// A run that goes on where a replay was left. The recording stays as it is.
  public init(
    leaving timeline: Timeline, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
    start = nil
    incoming = nil
    self.control = control
    self.inbox = inbox
    let origin = try RunOrigin(leaving: timeline)
    drives = ScratchDrives(leaving: timeline, pending: origin.pending, inbox: inbox)
    facts = RunFacts(of: timeline.recording, kind: .plain, name: origin.name)
    live = LiveGate(
      inbox: inbox, drives: drives.workers, console: console, sleeps: origin.sleeps, control: control,
      outstandingRequests: origin.pending.count)
    machine = origin.makeMachine(gate: live)
    live.machine = machine
    origin.offerAnswers(to: inbox)
  }

  /// Runs to the end, or to the position `limit`. `tell` hears what the user should know meanwhile.
  public func run(limit: UInt64? = nil, tell: @escaping (String) -> Void = { _ in }) -> RunResult {
    let run = LiveRun(machine: machine, live: live, control: control.map { ($0, self) }, tell: tell)
    let outcome: LiveRun.Outcome
    do throws(Failure) {
      try receive()
      outcome = run.run(limit: limit, interval: nil, atInterval: {})
    } catch {
      outcome = inbox.isStopRequested ? .init(end: .interrupted) : .init(end: .failed, failure: error)
    }
    drives.finish()
    run.end(outcome)
    return RunResult(
      ending: .init(outcome, of: machine), failure: outcome.failure)
  }
}

extension PlainRun: ControlledRun {
  package func settle() { live.flushConsole() }
  package func press(_ button: Arrival) throws(Failure) { inbox.offer(button) }
  package var migration: (any MigratableRun)? { self }
}

extension PlainRun: MigratableRun {
  package func visitDrives(_ body: @escaping @Sendable (Int, ScratchOverlay) -> Void) {
    for (index, worker) in drives.workers.enumerated() {
      let drive = VisitedDrive(overlay: drives.overlays[index])
      worker.visit { body(index, drive.overlay) }
    }
  }

  package var pendingArrivals: [Arrival] { inbox.pendingArrivals }

  private struct VisitedDrive: @unchecked Sendable {
    // Sendable: it is used on the worker's thread alone, whose the overlay is.
    let overlay: ScratchOverlay
  }
}
