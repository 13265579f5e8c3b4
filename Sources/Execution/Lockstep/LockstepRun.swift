// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem

/// A run of which nothing is kept, by both engines at once; see `Lockstep`.
public final class LockstepRun {
  private let lockstep: Lockstep
  private let live: LiveGate
  private let drives: ScratchDrives
  private let wires: NetworkWires?

  public init(_ guest: Guest, inbox: Inbox, console: any ConsoleOutput) throws(Failure) {
    drives = try ScratchDrives(guest.drives, inbox: inbox)
    let configuration = try guest.configuration(drives: drives.manifests)
    wires = try NetworkWires.open(guest.networks)
    live = LiveGate(
      inbox: inbox, drives: drives.workers, wires: wires, console: console, sleeps: guest.sleeps)
    lockstep = Lockstep(configuration: configuration, plan: try guest.plan(configuration), outside: live)
    live.machine = lockstep.control
  }

  /// The leading machine's state as it is, by part.
  public var digests: [StateDigest] { lockstep.leader.namedDigests }

  /// Runs to the end, to the position `limit`, or until the console said what `pattern` matches; throws where the engines differ.
  public func run(
    limit: UInt64? = nil, stopOn pattern: BytePattern? = nil, tell: @escaping (String) -> Void = { _ in }
  ) throws(LockstepDifference) -> RunResult {
    live.stop(on: pattern)
    wires?.start(live.inbox)
    defer {
      live.flushConsole()
      wires?.finish()
      drives.finish()
    }
    let run = LiveRun(machine: lockstep.leader, live: live, tell: tell)
    let watch = StandstillWatch(lockstep.leader)
    var hasTold = false
    var outcome: LiveRun.Outcome?
    while outcome == nil {
      if let limit, lockstep.leader.now.position >= limit {
        outcome = LiveRun.Outcome(end: .limit)
      } else {
        let look = watch.nextPosition
        let stop = try lockstep.run(until: min(limit ?? .max, look))
        outcome = run.outcome(of: stop)
        if stop == .position, lockstep.leader.now.position >= look {
          outcome = run.outcome(of: watch.look(live.prospects), &hasTold)
        }
      }
    }
    try lockstep.compareWhole()
    // The loop above ends with an outcome.
    let found = outcome!
    return RunResult(
      ending: .init(found, of: lockstep.leader), failure: found.failure, stopCause: live.inbox.stopCause)
  }
}
