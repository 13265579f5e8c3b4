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

    /// Of a machine that is being recorded, right after the log has all of its output.
    ///
    /// - Parameter eventCount: of the log so far.
    package init(eventCount: UInt64, drives: ReplayDrives) {
      self.init(nextEvent: eventCount, matchedOutput: 0, drives: drives)
    }

    fileprivate init(nextEvent: UInt64, matchedOutput: Int, drives: ReplayDrives) {
      self.nextEvent = nextEvent
      self.matchedOutput = matchedOutput
      self.drives = drives
    }
  }

  /// Where the machine of a recording that is being made stands.
  package struct Present: Sendable {
    package var position: UInt64
    /// Events so far.
    package var eventCount: UInt64

    package init(position: UInt64, eventCount: UInt64) {
      self.position = position
      self.eventCount = eventCount
    }
  }

  /// Nil when the gate has stopped the machine, or has no more events.
  package var state: State? {
    guard stopReason == nil, !isForked, let number = next?.number ?? present?.eventCount else { return nil }
    return State(nextEvent: number, matchedOutput: matchedOutput, drives: drives)
  }

  /// Goes on from `state` and compares again. The machine and the drives must be put back as well.
  package func restore(_ state: State) throws(Failure) {
    try events.seek(toEvent: state.nextEvent)
    next = try events.peek(0)
    matchedOutput = state.matchedOutput
    expectedOutput = []
    if matchedOutput > 0, case .consoleOutput(let bytes)? = next?.payload { expectedOutput = bytes }
    drives = state.drives
    dropConsole()
    isForked = false
    stopReason = nil
    hasMetPresent = false
  }

  /// Goes on in a recording that is being made, where its machine stands, with the state that this has there.
  package func stand(at state: State, present: Present, source: any EventSource) throws(Failure) {
    events = EventQueue(source)
    self.present = present
    outputIsNewFrom = present.position
    try restore(state)
  }

  /// The machine that only waits for what is to come has been seen to.
  package func passPresent() { hasMetPresent = false }

  /// Compares no longer: the guest is not the recorded one any more. Arrivals and reads still come from the log, for as long as
  /// the guest asks for them where it did.
  package func fork() throws(Failure) {
    guard !isForked else { return }
    isForked = true
    matchedOutput = 0
    hasMetPresent = false
    events.leaveOutChecks()
    next = try events.peek(0)
  }
}
