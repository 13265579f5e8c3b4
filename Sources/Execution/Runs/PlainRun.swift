// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import DiskImage
import Emulator
import HostSystem

/// A run of which nothing is kept: not even what the guest writes to its drives.
public final class PlainRun {
  package let machine: Machine
  package let live: LiveGate
  package let drives: ScratchDrives
  private let network: NetworkWires?
  package let control: RunControl?
  package let inbox: Inbox
  package let facts: RunFacts
  package let start: RunStart?
  /// Brings the guest from elsewhere, until it is there; nil for one that starts here.
  private var bringGuest: ((PlainRun) throws(Failure) -> Void)?

  /// - Parameters:
  ///   - control: one that knows of a guest that comes from elsewhere.
  ///   - bringGuest: has the machine be the guest that comes from elsewhere; `run` calls it first.
  public convenience init(
    _ guest: Guest, inbox: Inbox, console: any ConsoleOutput, control: RunControl? = nil,
    bringGuest: ((PlainRun) throws(Failure) -> Void)? = nil
  ) throws(Failure) {
    let drives = try ScratchDrives(guest.drives, inbox: inbox)
    let configuration = try guest.configuration(drives: drives.manifests)
    let start = RunStart(guest: guest, plan: try guest.plan(configuration))
    self.init(
      drives: drives, wires: try NetworkWires.open(guest.networks),
      facts: RunFacts(of: guest, drives: drives.manifests), start: start, inbox: inbox, console: console,
      sleeps: guest.sleeps, control: control
    ) { gate in
      Machine(configuration: configuration, plan: start.plan, gate: gate, engine: guest.engine)
    }
    self.bringGuest = bringGuest
  }

  /// - Parameters:
  ///   - wires: of its network cards; nil for a machine without.
  ///   - start: how it was started; nil when that was not from a guest's options.
  ///   - answersToCome: requests that were made before and whose answers are still to come from `inbox`.
  package init(
    drives: ScratchDrives, wires: NetworkWires?, facts: RunFacts, start: RunStart?, inbox: Inbox,
    console: any ConsoleOutput,
    sleeps: Bool, control: RunControl?, answersToCome: Int = 0, makeMachine: (any Gate) -> Machine
  ) {
    self.drives = drives
    network = wires
    self.facts = facts
    self.start = start
    self.inbox = inbox
    self.control = control
    live = LiveGate(
      inbox: inbox, drives: drives.workers, wires: wires, console: console, sleeps: sleeps, control: control,
      outstandingRequests: answersToCome)
    machine = makeMachine(live)
    live.machine = machine
  }

  /// Waits for the guest that comes from elsewhere, if it does, and does meanwhile what other threads ask for. When it throws,
  /// the machine is in no state to run.
  package func receive() throws(Failure) {
    guard let bringGuest else { return }
    self.bringGuest = nil
    try bringGuest(self)
  }

  /// Runs to the end, to the position `limit`, or until the console said what `pattern` matches. `tell` hears what the user should know meanwhile.
  public func run(
    limit: UInt64? = nil, stopOn pattern: BytePattern? = nil, tell: @escaping (String) -> Void = { _ in }
  ) -> RunResult {
    live.stop(on: pattern)
    let run = LiveRun(machine: machine, live: live, control: control.map { ($0, self) }, tell: tell)
    let outcome: LiveRun.Outcome
    // A guest from elsewhere knows wires that it has left behind.
    let renewsLinks = bringGuest != nil || start == nil
    do throws(Failure) {
      try receive()
      network?.start(inbox, renewsLinks: renewsLinks)
      outcome = run.run(limit: limit, interval: nil, atInterval: {})
    } catch {
      outcome =
        inbox.isStopRequested
        ? .init(end: .interrupted, cause: inbox.stopCause == .timeout ? .timeout : nil)
        : .init(end: .failed, failure: error)
    }
    network?.finish()
    drives.finish()
    run.end(outcome)
    return RunResult(
      ending: .init(outcome, of: machine), failure: outcome.failure, stopCause: inbox.stopCause)
  }
}

extension PlainRun {
  /// The machine's state as it is, by part.
  public var digests: [StateDigest] { machine.namedDigests }
}

extension PlainRun: ControlledRun {
  package func settle() { live.flushConsole() }
  package var wires: [[String]] { network?.descriptions ?? [] }
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
