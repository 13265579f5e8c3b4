// SPDX-License-Identifier: Apache-2.0

import HostSystem
import ReplayLog

/// Saving, restoring and forking: what a timeline needs of its gate.
extension ReplayGate {
  /// What the gate knows between two events.
  package struct State {
    /// The event that comes next.
    fileprivate var nextEvent: UInt64
    fileprivate var matchedOutput: Int
    /// With requests that were made and not answered. What was written to the drives is not part of it.
    fileprivate var drives: ReplayDrives
  }

  /// Nil when the gate has stopped the machine, or has no more events.
  package var state: State? {
    guard stopReason == nil, !isForked, let next else { return nil }
    return State(nextEvent: next.number, matchedOutput: matchedOutput, drives: drives)
  }

  /// Goes on from `state` and compares again. The machine and the drives must be put back as well.
  package func restore(_ state: State) throws(Failure) {
    try events.seek(toEvent: state.nextEvent)
    next = try events.peek(0)
    matchedOutput = state.matchedOutput
    drives = state.drives
    consoleBuffer = []
    isForked = false
    stopReason = nil
  }

  /// Compares no longer: the guest is not the recorded one any more. Arrivals and reads still come from the log, for as long as
  /// the guest asks for them where it did.
  package func fork() throws(Failure) {
    guard !isForked else { return }
    isForked = true
    matchedOutput = 0
    events.leaveOutChecks()
    next = try events.peek(0)
  }
}
