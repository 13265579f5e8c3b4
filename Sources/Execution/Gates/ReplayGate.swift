// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem
import RecordingStore
import ReplayLog

/// The gate of a replay: gives the machine what the log says entered it, at the moments it says, and checks that the
/// machine does what the log says it did.
///
/// Events are met strictly in their order. An arrival is due when its moment is exactly the machine's: of two events at
/// one position the later guest time tells that the machine was idle in between. The first event that is not met as
/// it should be is the divergence; from then on the gate answers anything, and the machine has been told to stop.
package final class ReplayGate: Gate {
  /// Why the gate made the machine stop.
  package enum StopReason: Equatable, Sendable {
    /// Everything before the event that ends the recording has happened.
    case endReached
    /// The log ends without saying how the run ended: its recorder was killed.
    case logExhausted
    case diverged(Divergence)
    case failed(Failure)
  }

  /// As in `LiveGate`.
  package unowned var machine: (any MachineControl)?
  package internal(set) var stopReason: StopReason? {
    didSet { hasStopped = stopReason != nil }
  }
  /// There is a reason. Each byte of output asks.
  private var hasStopped = false

  var events: EventQueue
  /// The event that comes next; nil when there is none.
  package internal(set) var next: LogEvent?
  /// Bytes of `next`, console output, that the guest has written already.
  package internal(set) var matchedOutput: Int
  /// All of them, while some have been written and some have not.
  var expectedOutput: [UInt8] = []
  var drives: ReplayDrives
  private let console: any ConsoleOutput
  private let consoleLine = ConsoleLine()
  /// Called when the machine is reset, and whether the guest did it.
  package var hearReset: (_ byGuest: Bool) -> Void = { _ in }
  /// Output before this position has been handed on already, by an earlier run over the same stretch.
  package var outputIsNewFrom: UInt64 = 0
  /// The guest was changed, and is not compared with the log any more.
  package internal(set) var isForked = false
  /// Where the machine of a recording that is being made stands: when there are no more events, nothing more has happened up to here.
  /// Nil when the log has all of the run, or all that is left of it.
  package internal(set) var present: Present?
  private let goal = ConsoleGoal()
  /// The guest said it.
  package private(set) var hasMatched = false
  /// The machine asked for what only the outside could bring.
  package internal(set) var hasMetPresent = false

  /// - Parameters:
  ///   - source: the events from where the machine stands.
  ///   - matchedOutput: bytes of the first event, console output, that were written before.
  ///   - drives: the drives as they were there, with requests that are still to be answered.
  package init(
    source: any EventSource, matchedOutput: Int, drives: ReplayDrives, console: any ConsoleOutput
  ) throws(Failure) {
    events = EventQueue(source)
    self.matchedOutput = matchedOutput
    self.drives = drives
    self.console = console
    next = try events.peek(0)
    if matchedOutput > 0 {
      guard case .consoleOutput(let bytes)? = next?.payload, matchedOutput <= bytes.count else {
        throw Failure(
          .damaged, "snapshot", "stands inside console output that the log does not have",
          remedy: "use another snapshot")
      }
      // In a part of a recording that ends in the middle of output there may be no more of it than came before the snapshot.
      if matchedOutput == bytes.count {
        self.matchedOutput = 0
        advance()
      } else {
        expectedOutput = bytes
      }
    }
  }

  /// Has the machine stop behind the instruction that writes the last byte of what `pattern` matches, where it is written for the first
  /// time from here on.
  package func stop(on pattern: BytePattern?) {
    goal.set(pattern)
    hasMatched = false
  }

  /// The stop has been seen to.
  package func passMatch() { hasMatched = false }

  /// A byte of the console that agrees with the log.
  private func look(at byte: UInt8, _ moment: Moment) {
    guard moment.position >= outputIsNewFrom, goal.take(byte) else { return }
    hasMatched = true
    machine?.requestStop()
  }

  /// Requests that the guest has made and that the log has not answered yet.
  package var pendingResults: [UnansweredRequest] { drives.pending }

  /// Hands on console output that still waits for its line's end.
  package func flushConsole() {
    guard !consoleLine.isEmpty else { return }
    console.write(consoleLine.take())
  }

  /// Forgets such output.
  func dropConsole() { _ = consoleLine.take() }

  private func show(_ byte: UInt8) {
    consoleLine.append(byte)
    if consoleLine.isWhole || consoleLine.isFull { flushConsole() }
  }

  /// A run ended at `position`: its output is handed on, and not again.
  package func handedOutput(before position: UInt64) {
    flushConsole()
    if !isForked { outputIsNewFrom = max(outputIsNewFrom, position) }
  }

  // MARK: Reads

  package func readWallClock(at moment: Moment) -> UInt64 {
    guard let event = meet(at: moment), case .clockRead(let time) = event.payload else {
      diverge(at: moment, found: "a read of the wall clock")
      return 0
    }
    advance()
    return time
  }

  package func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    var result: [UInt8] = []
    // The log spreads a large answer over several events.
    while result.count < count {
      guard let event = meet(at: moment), case .entropyRead(let bytes) = event.payload, !bytes.isEmpty,
        bytes.count <= count - result.count
      else {
        diverge(at: moment, found: "a read of \(count) bytes of entropy")
        return [UInt8](repeating: 0, count: count)
      }
      result += bytes
      advance()
    }
    return result
  }

  // MARK: Arrivals

  package func nextPoll(after moment: Moment) -> UInt64 {
    var target = next?.position ?? present.map { _ in UInt64.max }
    if matchedOutput > 0 { target = peek(1)?.position }
    return max(target ?? moment.position, moment.position + 1)
  }

  package func takeArrival(at moment: Moment) -> Arrival? {
    guard stopReason == nil else { return nil }
    guard let event = next else {
      if present == nil { stop(.logExhausted) }
      return nil
    }
    if matchedOutput > 0 {
      if let following = peek(1), Moment(following.moment) <= moment {
        diverge(at: moment, found: "no more output")
      }
      return nil
    }
    let due = Moment(event.moment)
    guard due >= moment else {
      diverge(at: moment, found: "that the guest went on without it")
      return nil
    }
    guard due == moment else { return nil }
    switch event.payload {
    case .consoleInput(let bytes):
      advance()
      return .consoleInput(bytes)
    case .blockCompletion(let completion):
      return answer(completion, at: moment)
    case .frameInput(let frame):
      guard case .bytes(let bytes) = frame.content else { return nil }
      advance()
      return .frame(NetworkFrame(interface: frame.interface, bytes: bytes))
    case .linkChange(let interface, let isUp):
      advance()
      return .link(interface: interface, isUp: isUp)
    case .reset(.host):
      advance()
      hearReset(false)
      return .reset
    case .powerOff(.host, _):
      advance()
      return .powerOff
    case .end(.poweredOff), .powerOff(.guest, _):
      return nil
    case .digest, .end:
      // The machine stops for every other digest; this one belongs to the end.
      if !isPowerOffNext { stop(.endReached) }
      return nil
    default:
      return nil
    }
  }

  package func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    flushConsole()
    guard stopReason == nil else { return .stop }
    guard let event = next else { return idleAtPresent(moment, deadline) }
    if matchedOutput == 0, event.position == moment.position, event.time > moment.time {
      return .wake(time: min(deadline ?? event.time, event.time))
    }
    guard let deadline else {
      diverge(at: moment, found: "that every hart waits and no timer is set")
      return .stop
    }
    return .wake(time: max(deadline, moment.time))
  }

  private func idleAtPresent(_ moment: Moment, _ deadline: UInt64?) -> IdleEnd {
    guard let present else {
      stop(.logExhausted)
      return .stop
    }
    if let deadline, isForked || moment.position < present.position {
      return .wake(time: max(deadline, moment.time))
    }
    // A branch that waits for the outside waits for ever.
    if isForked { stop(.logExhausted) }
    hasMetPresent = true
    return .stop
  }

  // MARK: Departures

  package func consoleOutput(_ byte: UInt8, at moment: Moment) {
    guard !hasStopped else { return }
    if isForked {
      show(byte)
      return
    }
    if matchedOutput == 0, case .consoleOutput(let bytes)? = meet(at: moment)?.payload {
      expectedOutput = bytes
    }
    guard matchedOutput < expectedOutput.count, expectedOutput[matchedOutput] == byte else {
      diverge(at: moment, found: "console output \(quoted([byte]))")
      return
    }
    if moment.position >= outputIsNewFrom { show(byte) }
    matchedOutput += 1
    if matchedOutput == expectedOutput.count {
      matchedOutput = 0
      expectedOutput = []
      flushConsole()
      advance()
    }
    look(at: byte, moment)
  }

  package func blockRequest(_ request: BlockRequest, at moment: Moment) {
    guard stopReason == nil else { return }
    let found = LogBlockRequest(request)
    guard let event = meet(at: moment), event.payload == .blockRequest(found) else {
      diverge(at: moment, found: found.summary)
      return
    }
    advance()
    drives.perform(request)
  }

  package func frameOutput(_ frame: NetworkFrame, at moment: Moment) {
    guard stopReason == nil, !isForked else { return }
    guard case .frameOutput(let expected)? = meet(at: moment)?.payload, expected.matches(frame) else {
      let found = LogPayload.frameOutput(LogFrame(frame)).summary
      return diverge(
        at: moment, found: next?.payload.kind == .frameOutput ? "\(found) with other content" : found)
    }
    advance()
  }

  package func guestReset(at moment: Moment) {
    guard stopReason == nil else { return }
    if !isForked {
      guard let event = meet(at: moment), event.payload == .reset(.guest) else {
        diverge(at: moment, found: "that the guest resets the machine")
        return
      }
      advance()
    }
    hearReset(true)
  }

  private func answer(_ completion: LogBlockCompletion, at moment: Moment) -> Arrival? {
    do throws(Failure) {
      guard let data = try drives.takeResult(of: completion) else {
        diverge(at: moment, found: "that the guest made no such request")
        return nil
      }
      let digest = data.isEmpty ? nil : Digest.of(data)
      guard digest == completion.dataDigest else {
        diverge(at: moment, found: "other bytes on the drive")
        return nil
      }
      advance()
      return .blockCompletion(
        BlockCompletion(
          drive: completion.drive, id: completion.id, succeeded: completion.succeeded, data: data))
    } catch {
      stop(.failed(error))
      return nil
    }
  }

  // MARK: The end of a slice

  /// Compares the machine's digests with the event that must come now, and passes it.
  package func meetDigests(_ digests: [UInt64], names: [String], at moment: Moment) {
    guard canGoOn, next != nil else { return }
    guard let event = meet(at: moment), case .digest(let expected) = event.payload else {
      return diverge(at: moment, found: "that it is time for a check of the machine's state")
    }
    guard expected == digests else {
      let differing = zip(names, zip(expected, digests)).filter { $1.0 != $1.1 }.map { $0.0 }
      return diverge(
        at: moment, found: "another state of \(differing.joined(separator: ", "))", components: differing)
    }
    advance()
  }

  /// Passes the guest's own power-off, when that comes next.
  package func meetPowerOff(status: UInt32, at moment: Moment) {
    guard canGoOn else { return }
    guard let event = meet(at: moment), event.payload == .powerOff(.guest, status: status) else { return }
    advance()
  }

  /// Compares how the run ended with the log's last event.
  package func meetEnd(_ end: LogEnd?, at moment: Moment) -> LogEnd? {
    guard canGoOn else { return nil }
    guard let event = meet(at: moment), case .end(let expected) = event.payload,
      end == nil || end == expected
    else {
      diverge(at: moment, found: end.map { LogPayload.end($0).summary } ?? "the end of the run")
      return nil
    }
    return expected
  }

  /// The machine went past the position where the recording ends.
  package func noteOverrun(at moment: Moment) { diverge(at: moment, found: "that the guest went on") }

  /// The host cannot go on with the replay.
  package func fail(_ failure: Failure) { stop(.failed(failure)) }

  /// Nothing is wrong so far.
  private var canGoOn: Bool { stopReason == nil || stopReason == .endReached }

  // MARK: The queue

  private func peek(_ offset: Int) -> LogEvent? {
    do throws(Failure) {
      return try events.peek(offset)
    } catch {
      stop(.failed(error))
      return nil
    }
  }

  /// Whether what comes now, digests aside, is that the guest switches the machine off.
  private var isPowerOffNext: Bool {
    var offset = 0
    while let event = peek(offset) {
      switch event.payload {
      case .digest: offset += 1
      case .end(.poweredOff), .powerOff(.guest, _): return true
      default: return false
      }
    }
    return false
  }

  /// The next event when it belongs to this moment and nothing before it is unfinished.
  private func meet(at moment: Moment) -> LogEvent? {
    guard matchedOutput == 0, let next, Moment(next.moment) == moment else { return nil }
    return next
  }

  private func advance() {
    events.removeFirst()
    next = peek(0)
    // Nothing is known of what came after the last event of a log that was cut off.
    if next == nil, stopReason == nil, present == nil { stop(.logExhausted) }
  }

  private func diverge(at moment: Moment, found: String, components: [String] = []) {
    guard canGoOn else { return }
    guard let next else { return stop(.logExhausted) }
    let hart = machine?.currentHart ?? 0
    var expected = next.summary
    if matchedOutput > 0, case .consoleOutput(let bytes) = next.payload {
      expected = "console output \(quoted(Array(bytes[matchedOutput...])))"
    }
    stopReason = .diverged(
      Divergence(
        moment: moment, hart: hart, programCounter: machine?.programCounter(hart: hart) ?? 0,
        expected: expected, found: found, eventNumber: next.number, components: components))
    machine?.requestStop()
  }

  private func stop(_ reason: StopReason) {
    stopReason = stopReason ?? reason
    machine?.requestStop()
  }
}
