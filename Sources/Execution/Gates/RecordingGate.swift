// SPDX-License-Identifier: Apache-2.0

import Emulator
import ReplayLog

/// Writes down everything that passes through a gate, and changes nothing of it.
package final class RecordingGate: Gate {
  private let gate: any Gate
  private let log: any EventSink
  /// Console output is one event a line or piece of it: never more than `LogPayload.dataLimit` bytes.
  private let output = ConsoleLine()
  private var outputStart = LogMoment.start
  /// Console input that has arrived and is still to be delivered.
  private var input: ArraySlice<UInt8> = []
  /// By network card: of what it sends, only digests are logged.
  private let digestsFrames: [Bool]
  /// Hears of what drives are asked and answer.
  package weak var driveWatcher: (any DriveWatcher)?

  package init(recording gate: any Gate, into log: any EventSink, digestsFrames: [Bool] = []) {
    self.gate = gate
    self.log = log
    self.digestsFrames = digestsFrames
  }

  /// Logs an event after everything that passed before it.
  package func note(_ payload: LogPayload, at moment: Moment) {
    flushOutput()
    log.append(payload, at: LogMoment(moment))
  }

  /// The same for digests that are still being computed.
  package func note(_ digests: PendingDigests, at moment: Moment) {
    flushOutput()
    log.append(digests, at: LogMoment(moment))
  }

  // MARK: Gate

  package func readWallClock(at moment: Moment) -> UInt64 {
    let time = gate.readWallClock(at: moment)
    note(.clockRead(nanoseconds: time), at: moment)
    return time
  }

  package func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    let bytes = gate.readEntropy(count: count, at: moment)
    note(.entropyRead(bytes), at: moment)
    return bytes
  }

  package func nextPoll(after moment: Moment) -> UInt64 {
    log.tick()
    return gate.nextPoll(after: moment)
  }

  package func takeArrival(at moment: Moment) -> Arrival? {
    guard let arrival = nextPiece ?? gate.takeArrival(at: moment) else { return nil }
    switch arrival {
    case .consoleInput(let bytes):
      // A replay delivers what one event has: the guest gets the same pieces now.
      guard bytes.count <= LogPayload.dataLimit else {
        input = bytes[...]
        return takeArrival(at: moment)
      }
      note(.consoleInput(bytes), at: moment)
    case .blockCompletion(let completion):
      note(.blockCompletion(LogBlockCompletion(completion)), at: moment)
      driveWatcher?.noteDelivery(completion)
    case .frame(let frame): note(.frameInput(LogFrame(frame)), at: moment)
    case .link(let interface, let isUp): note(.linkChange(interface: interface, isUp: isUp), at: moment)
    case .reset: note(.reset(.host), at: moment)
    case .powerOff: note(.powerOff(.host, status: 0), at: moment)
    }
    return arrival
  }

  /// What comes next of input that one event cannot carry.
  private var nextPiece: Arrival? {
    guard !input.isEmpty else { return nil }
    defer { input = input.dropFirst(LogPayload.dataLimit) }
    return .consoleInput(Array(input.prefix(LogPayload.dataLimit)))
  }

  /// When idleness ends needs no event: at its deadline unless something arrives, whose moment tells the time.
  package func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    flushOutput()
    log.rest(nanoseconds: deadline.map { $0 > moment.time ? $0 - moment.time : 0 })
    return gate.idle(at: moment, until: deadline)
  }

  package func consoleOutput(_ byte: UInt8, at moment: Moment) {
    if output.isEmpty { outputStart = LogMoment(moment) }
    output.append(byte)
    if output.isWhole || output.isFull { flushOutput() }
    gate.consoleOutput(byte, at: moment)
  }

  package func blockRequest(_ request: BlockRequest, at moment: Moment) {
    note(.blockRequest(LogBlockRequest(request)), at: moment)
    driveWatcher?.noteRequest(request)
    gate.blockRequest(request, at: moment)
  }

  package func frameOutput(_ frame: NetworkFrame, at moment: Moment) {
    let isWhole = !(digestsFrames.indices.contains(frame.interface) && digestsFrames[frame.interface])
    note(.frameOutput(LogFrame(frame, isWhole: isWhole)), at: moment)
    gate.frameOutput(frame, at: moment)
  }

  package func guestReset(at moment: Moment) {
    note(.reset(.guest), at: moment)
    gate.guestReset(at: moment)
  }

  /// Logs output whose line has not ended.
  package func flushOutput() {
    guard !output.isEmpty else { return }
    log.append(.consoleOutput(output.take()), at: outputStart)
  }
}

/// Whoever keeps drives as they were along a run.
package protocol DriveWatcher: AnyObject {
  func noteRequest(_ request: BlockRequest)
  /// The guest gets an answer.
  func noteDelivery(_ completion: BlockCompletion)
}
