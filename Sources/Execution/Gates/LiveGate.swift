// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem

/// The gate to the real outside: clocks, entropy, console, drives.
///
/// `rrtool run` uses it as it is; a recording wraps it in a `RecordingGate`, so that both run the same code.
package final class LiveGate: Gate {
  /// Why the gate made the machine stop.
  package enum StopReason: Equatable, Sendable {
    /// The user asked for it.
    case interrupted
    /// Every hart waits, no timer is set, and nothing is attached that could send anything.
    case idleForever
    /// The guest said what it was to be stopped at.
    case matched
    case failed(Failure)
  }

  /// Instructions between two looks into the inbox: a millisecond's worth for the interpreter, a fifth of that for the translator.
  private static let pollInterval: UInt64 = 200_000
  /// The same while a drive is at work, whose answer the guest waits for.
  private static let pollIntervalWithRequests: UInt64 = 5_000
  /// Nanoseconds for which a guest that is lost stands still to see whether its input ends.
  private static let sourcePatience: UInt64 = 200_000_000
  /// Instructions after which output is shown although its line has not ended: the guest may be polling for the answer.
  private static let consolePatience: UInt64 = 200_000
  /// A line that ends sooner behind the last one that was shown waits for the next look into the inbox: a guest that writes much
  /// would pay for each of them with a system call.
  private static let consolePace: UInt64 = 20_000
  /// Room for input that makes it worth while to bring some again, after there was none.
  private static let roomToGoOn = SerialPort.backlogLimit / 2

  /// Asked only by calls of the machine itself. A reference that is `weak` would cost each of the machine's own counts a detour.
  package unowned var machine: (any MachineControl)?
  package private(set) var stopReason: StopReason?
  /// Whether somebody outside switched the machine off.
  package private(set) var wasSwitchedOff = false

  let inbox: Inbox
  private let drives: [BlockWorker]
  private let wires: NetworkWires?
  private let console: any ConsoleOutput
  /// Whether idle time passes as fast as the host's, or is skipped.
  private let sleeps: Bool
  private var entropy = EntropyPool()
  private let consoleLine = ConsoleLine()
  private let goal = ConsoleGoal()
  /// Where its first byte was written.
  private var consoleLineStart: UInt64 = 0
  /// From here on a line is shown as soon as it ends.
  private var consoleIsSlowFrom: UInt64 = 0
  /// The machine had no room for console input that is there.
  private var isConsoleHeld = false
  private var outstandingRequests: Int
  /// Network cards that have no room for frames that are there.
  private var heldCards: Set<Int> = []
  /// Told of resets, when somebody controls the run.
  private let control: RunControl?
  /// Idleness that a request of another thread broke into, with when it began on `clock`. It goes on as if it had never
  /// been broken into: the guest's time stands where it began, and nothing arrives there.
  private var brokenIdleness: (moment: Moment, began: UInt64)?
  /// A position at which something has happened besides instructions: something arrived, idleness ended, or requests of other
  /// threads were served. Requests wait until the guest has left it. So what is seen of the machine is what a replay
  /// finds that goes to the position, where it stops before all that; and the guest goes on however many requests come.
  private var passedPosition: UInt64?
  /// The host's nanoseconds that do not count for the guest, because it was paused.
  private var pausedTime: UInt64 = 0

  /// - Parameters:
  ///   - drives: one worker for each drive of the machine's configuration, in its order.
  ///   - wires: of its network cards; nil for a machine without.
  ///   - sleeps: `sleep=on` of the `--icount` option.
  ///   - outstandingRequests: requests that were made before and whose answers are still to come from `inbox`.
  package init(
    inbox: Inbox, drives: [BlockWorker], wires: NetworkWires? = nil, console: any ConsoleOutput, sleeps: Bool,
    control: RunControl? = nil, outstandingRequests: Int = 0
  ) {
    self.inbox = inbox
    self.drives = drives
    self.wires = wires
    self.console = console
    self.sleeps = sleeps
    self.control = control
    self.outstandingRequests = outstandingRequests
  }

  /// Has the machine stop behind the instruction that writes the last byte of what `pattern` matches.
  func stop(on pattern: BytePattern?) { goal.set(pattern) }

  /// So many answers of drives are to come from the inbox to requests that were made elsewhere.
  package func expectAnswers(_ count: Int) { outstandingRequests += count }

  /// What may still come from outside.
  package var prospects: Machine.Prospects {
    if outstandingRequests > 0 { return .anything }
    return inbox.mayBringInput ? .input : .nothing
  }

  /// Waits a moment for sources that are about to end: what is found while they are open depends on it, and should not on how fast
  /// the host's threads are.
  func awaitSources() {
    _ = inbox.wait(until: HostClock.monotonic() + Self.sourcePatience, untilSourcesEnd: true)
  }

  /// So many of the host's nanoseconds pass the guest by.
  func passPause(_ nanoseconds: UInt64) { pausedTime += nanoseconds }

  /// The host's clock, without the time for which the guest was paused.
  private func clock() -> UInt64 { HostClock.monotonic() - pausedTime }

  /// Hands on console output that still waits for its line's end.
  package func flushConsole() {
    guard !consoleLine.isEmpty else { return }
    console.write(consoleLine.take())
  }

  // MARK: Reads

  package func readWallClock(at moment: Moment) -> UInt64 { HostClock.realTime() }

  package func readEntropy(count: Int, at moment: Moment) -> [UInt8] { entropy.take(count) }

  // MARK: Arrivals

  package func nextPoll(after moment: Moment) -> UInt64 {
    // What may not be served here is served one instruction later.
    if passedPosition == moment.position, inbox.hasNews { return moment.position + 1 }
    let isAwaiting = outstandingRequests > 0 || !heldCards.isEmpty || wires?.isInUse(at: moment) == true
    return moment.position + (isAwaiting ? Self.pollIntervalWithRequests : Self.pollInterval)
  }

  package func takeArrival(at moment: Moment) -> Arrival? {
    if consoleLine.isWhole || moment.position - consoleLineStart >= Self.consolePatience { flushConsole() }
    let room = machine?.consoleInputRoom ?? .max
    if isConsoleHeld, room >= Self.roomToGoOn {
      isConsoleHeld = false
      inbox.releaseConsole()
    }
    wires?.clock.stand(at: moment.time)
    releaseCards()
    // A replay, which nobody breaks into, is idle before anything arrives at the end of idleness.
    guard inbox.hasNews, brokenIdleness?.moment != moment else { return nil }
    flushConsole()
    if room == 0 { isConsoleHeld = true }
    let news = inbox.take(
      includingRequests: passedPosition != moment.position, consoleRoom: room,
      frameRoom: { machine?.frameRoom(interface: $0) ?? .closed }, holding: &heldCards)
    switch news {
    case .arrival(let arrival)?:
      passedPosition = moment.position
      switch arrival {
      case .blockCompletion(let completion):
        outstandingRequests -= 1
        drives[completion.drive].noteDelivery(of: completion.id)
      case .powerOff: wasSwitchedOff = true
      case .reset: control?.emit(.reset(byGuest: false))
      case .frame: wires?.noteUse(at: moment)
      case .consoleInput, .link: break
      }
      return arrival
    case .requests?:
      passedPosition = moment.position
      machine?.requestStop()
    case .stop?:
      stop(.interrupted)
    case .failure(let failure)?:
      stop(.failed(failure))
    case nil:
      break
    }
    return nil
  }

  /// Frames whose card has room again are news again.
  private func releaseCards() {
    for card in heldCards where machine?.frameRoom(interface: card) != .full {
      heldCards.remove(card)
      inbox.releaseFrames(of: card)
    }
  }

  /// An arrival that ends idleness wakes the machine at least a nanosecond after idleness began: its moment then tells
  /// a replay that the machine was idle first.
  ///
  /// A request of another thread stops the machine without any time having passed, so that it finds the machine as a
  /// replay finds it at that position. Only where something has happened there that woke no hart does it find the machine later
  /// than a replay that goes to the position, and the moment's time tells.
  package func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    flushConsole()
    let before = brokenIdleness.flatMap { $0.moment == moment ? $0.began : nil }
    let began = before ?? clock()
    brokenIdleness = nil
    // A guest that awaits an answer of the network's would, where idle time is skipped, give up before it can have come.
    let sleeps = sleeps || wires?.isBusy == true
    if sleeps { wires?.clock.idle(from: moment.time, until: deadline) }
    var hasNews = inbox.hasNews
    if !hasNews {
      if deadline == nil, outstandingRequests == 0 {
        hasNews = inbox.wait(until: nil, untilSourcesEnd: true)
        if !hasNews {
          stop(.idleForever)
          return .stop
        }
      } else if sleeps || outstandingRequests > 0 || deadline == nil {
        hasNews = inbox.wait(
          until: sleeps ? hostDeadline(moment: moment, deadline: deadline, began: began) : nil)
      }
    }
    let elapsed = sleeps ? clock() - began : 0
    if hasNews, inbox.hasOnlyRequests {
      // Requests that never end do not keep a timer from firing: it fires in its time, or after one stop where time is skipped.
      if let deadline, sleeps ? deadline - min(deadline, moment.time) <= elapsed : before != nil {
        passedPosition = moment.position
        return .wake(time: max(deadline, moment.time))
      }
      brokenIdleness = (moment, began)
      return .stop
    }
    passedPosition = moment.position
    // Without news there was a deadline, or the wait would not have ended.
    guard hasNews else { return .wake(time: max(deadline ?? moment.time, moment.time)) }
    let time = moment.time + max(elapsed, 1)
    return .wake(time: max(min(time, deadline ?? time), moment.time))
  }

  /// When guest time `deadline` is reached on the host's clock; nil when the wait has no such end.
  private func hostDeadline(moment: Moment, deadline: UInt64?, began: UInt64) -> UInt64? {
    guard let deadline else { return nil }
    let (sum, overflow) = (began + pausedTime).addingReportingOverflow(
      deadline > moment.time ? deadline - moment.time : 0)
    return overflow ? nil : sum
  }

  // MARK: Departures

  package func consoleOutput(_ byte: UInt8, at moment: Moment) {
    if consoleLine.isEmpty { consoleLineStart = moment.position }
    consoleLine.append(byte)
    if consoleLine.isFull || moment.position >= consoleIsSlowFrom && consoleLine.isWhole {
      flushConsole()
      consoleIsSlowFrom = moment.position + Self.consolePace
    }
    if goal.take(byte) { stop(.matched) }
  }

  package func blockRequest(_ request: BlockRequest, at moment: Moment) {
    outstandingRequests += 1
    drives[request.drive].submit(request)
  }

  package func frameOutput(_ frame: NetworkFrame, at moment: Moment) { wires?.send(frame, at: moment) }

  package func guestReset(at moment: Moment) { control?.emit(.reset(byGuest: true)) }

  private func stop(_ reason: StopReason) {
    stopReason = stopReason ?? reason
    machine?.requestStop()
  }
}
