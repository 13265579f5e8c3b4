import Emulator

/// A run of which nothing is kept: not even what the guest writes to its drives.
public final class PlainRun {
  private let machine: Machine
  private let live: LiveGate
  private let drives: ScratchDrives

  public init(_ guest: Guest, inbox: Inbox, console: any ConsoleOutput) throws(Failure) {
    drives = try ScratchDrives(guest.drives, inbox: inbox)
    let configuration = try guest.configuration(drives: drives.manifests)
    live = LiveGate(inbox: inbox, drives: drives.workers, console: console, sleeps: guest.sleeps)
    machine = Machine(
      configuration: configuration, plan: try guest.plan(configuration), gate: live, engine: guest.engine)
    live.machine = machine
  }

  /// Runs to the end, or to the position `limit`.
  public func run(limit: UInt64? = nil) -> RunResult {
    let outcome = LiveRun(machine: machine, live: live).run(limit: limit, interval: nil, atInterval: {})
    drives.finish()
    return RunResult(
      ending: .init(outcome.end, at: machine.now, failure: outcome.failure), failure: outcome.failure)
  }
}
