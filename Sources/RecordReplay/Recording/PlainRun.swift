import Emulator

/// A run of which nothing is kept: not even what the guest writes to its drives.
public final class PlainRun {
  package let machine: Machine
  let live: LiveGate
  private let drives: ScratchDrives
  private let control: RunControl?
  let inbox: Inbox
  package let facts: RunFacts

  public init(
    _ guest: Guest, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
    self.control = control
    self.inbox = inbox
    drives = try ScratchDrives(guest.drives, inbox: inbox)
    let configuration = try guest.configuration(drives: drives.manifests)
    facts = RunFacts(of: guest, drives: drives.manifests)
    live = LiveGate(
      inbox: inbox, drives: drives.workers, console: console, sleeps: guest.sleeps, control: control)
    machine = Machine(
      configuration: configuration, plan: try guest.plan(configuration), gate: live, engine: guest.engine)
    live.machine = machine
  }

  /// A run that goes on where a replay was left. The recording stays as it is.
  public init(
    leaving timeline: Timeline, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil
  ) throws(Failure) {
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

  /// Runs to the end, or to the position `limit`.
  public func run(limit: UInt64? = nil) -> RunResult {
    let run = LiveRun(machine: machine, live: live, control: control.map { ($0, self) })
    let outcome = run.run(limit: limit, interval: nil, atInterval: {})
    drives.finish()
    run.end(outcome)
    return RunResult(
      ending: .init(outcome.end, at: machine.now, failure: outcome.failure), failure: outcome.failure)
  }
}

extension PlainRun: ControlledRun {
  package func settle() { live.flushConsole() }
  package func press(_ button: Arrival) throws(Failure) { inbox.offer(button) }
}
