// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// A machine that runs against the real outside, recorded or not: one loop for both.
package struct LiveRun {
  let machine: Machine
  let live: LiveGate
  /// Who may break in, and what they are given; nil when nobody may.
  var control: (control: RunControl, run: any ControlledRun)?
  /// Told, once, of a guest that is lost and may yet be helped.
  var tell: (String) -> Void = { _ in }
  /// Who may have the machine to himself; nil: nobody.
  var visitor: (any RunVisitor)?

  /// How it ended, and what failed if something did.
  package struct Outcome {
    package var end: LogEnd
    package var failure: Failure?
    /// What is known of the reason besides.
    var cause: RecordingManifest.Ending.Cause?
    /// What harts run when nothing can ever change that.
    var standstill: Standstill?
  }

  /// Runs until the guest, the user, the host or `limit` (a position) ends it. `atInterval` is called at every
  /// position that is a multiple of `interval`.
  func run(limit: UInt64?, interval: UInt64?, atInterval: @escaping () -> Void) -> Outcome {
    defer { live.flushConsole() }
    control?.control.begin()
    return LiveLoop(self, limit: limit, interval: interval, atInterval: atInterval).toTheEnd()
  }

  /// A guest that is lost is at its end, unless somebody could still reset it or type something.
  func outcome(of finding: StandstillWatch.Finding?, _ hasTold: inout Bool) -> Outcome? {
    let place = "lost at position \(machine.now.position.grouped)"
    switch finding {
    case nil: return nil
    case .standstill(let standstill):
      if !hasTold { live.awaitSources() }
      guard case .input = live.prospects else { return Outcome(end: .stalled, standstill: standstill) }
      if !hasTold { tell("\(place): \(standstill). It runs on until it is reset or ended.") }
    case .storm(let storm):
      if !hasTold { tell("\(place)? \(storm). It runs on.") }
    }
    hasTold = true
    return nil
  }

  /// How the run ended when the machine stopped like this; nil when it goes on.
  func outcome(of stop: Machine.Stop) -> Outcome? {
    switch stop {
    case .position, .stopPoint: return nil
    case .poweredOff(let status): return Outcome(end: .poweredOff(status: status))
    case .requested:
      switch live.stopReason {
      case nil: return nil
      case .interrupted?:
        return Outcome(end: .interrupted, cause: live.inbox.stopCause == .timeout ? .timeout : nil)
      case .matched?: return Outcome(end: .limit, cause: .match)
      case .idleForever?: return Outcome(end: .stalled)
      case .failed(let failure)?: return Outcome(end: .failed, failure: failure)
      }
    }
  }

  /// Tells those who control the run, and whoever waits for an answer, that it is over.
  func end(_ outcome: Outcome) {
    guard let control else { return }
    switch outcome.end {
    case .poweredOff: control.control.end(live.wasSwitchedOff ? .poweredOffByHost : .poweredOffByGuest)
    case .failed: control.control.end(.failed)
    case .interrupted: control.control.end(.stopped)
    case .limit, .stalled: control.control.end(.limit)
    }
  }
}

/// What a run came to.
public struct RunResult: Equatable, Sendable {
  public var ending: RecordingManifest.Ending
  /// What failed, when that ended the run.
  public var failure: Failure?
  /// Who ended it, if somebody did.
  public var stopCause: StopCause?
  /// Snapshots with names of the user's own that a ring gave up with the part of the run that they were of.
  public var lostSnapshots: [String] = []
}

extension RecordingManifest.Ending {
  /// - Parameter machine: as it stands at the end.
  init(_ outcome: LiveRun.Outcome, of machine: Machine) {
    self.init(outcome.end, at: machine.now, failure: outcome.failure)
    cause = outcome.cause
    switch cause {
    case .timeout?: note = "its time was up"
    case .match?: note = "the console said what was waited for"
    case nil: break
    }
    if let standstill = outcome.standstill {
      (reason, note) = (.lost, standstill.description)
    } else if reason == .idleForever {
      note = machine.hartsAtRest
    }
  }

  package init(_ end: LogEnd, at moment: Moment, failure: Failure? = nil) {
    let (reason, status): (Reason, UInt32) =
      switch end {
      case .poweredOff(let status): (.poweredOff, status)
      case .interrupted: (.interrupted, 0)
      case .limit: (.limit, 0)
      case .stalled: (.idleForever, 0)
      case .failed: (.failed, 0)
      }
    self.init(
      reason: reason, status: status, position: moment.position, time: moment.time,
      note: failure?.description)
  }
}
