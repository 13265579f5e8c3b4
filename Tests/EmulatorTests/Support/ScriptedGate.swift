// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport

/// A gate whose every answer follows from a script and from the moment it is asked at.
///
/// What it does at a moment depends on nothing else, so that runs which are cut differently meet the same world.
final class ScriptedGate: Gate {
  struct ScriptedArrival {
    /// Delivered at this position, or in the first idle gap from this guest time on.
    var position: UInt64
    var time: UInt64 = .max
    var arrival: Arrival
  }

  private let script: [ScriptedArrival]
  private var next = 0
  /// Distances from one poll to the next; one poll at least stands before each scripted arrival.
  private let pollDistance: () -> UInt64
  private(set) var output: [UInt8] = []
  private(set) var outputMoments: [Moment] = []
  private(set) var requests: [BlockRequest] = []
  private(set) var frames: [NetworkFrame] = []
  /// Answers to block requests: how many instructions later each comes at least, and nil for never. They come at
  /// multiples of `answerGrid`, which are polled: a request is made after the poll that follows it was settled, so an
  /// answer anywhere else would come when the next cut or turn happens to be.
  private let blockDelay: UInt64?
  private static let answerGrid: UInt64 = 64
  private var completions: [(position: UInt64, completion: BlockCompletion)] = []
  /// What entropy is made of, over and over; nil for numbers that follow from the position.
  private let entropy: [UInt8]?

  init(
    script: [ScriptedArrival] = [], blockDelay: UInt64? = nil, entropy: [UInt8]? = nil,
    pollDistance: @escaping () -> UInt64 = { 1 << 40 }
  ) {
    self.script = script
    self.blockDelay = blockDelay
    self.entropy = entropy
    self.pollDistance = pollDistance
  }

  /// Leaves out what was due before `moment`: for a machine that is restored there.
  func skip(past moment: Moment) {
    while next < script.count && script[next].position < moment.position { next += 1 }
  }

  /// Requests that are not answered yet.
  var requestsInFlight: Int { completions.count }

  /// Answers what another gate still has to answer: for a machine that goes on where that gate's stands.
  func takeOver(from other: ScriptedGate) { completions = other.completions }

  func readWallClock(at moment: Moment) -> UInt64 { 1_700_000_000_000_000_000 &+ moment.time }
  func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    if let entropy { return (0..<count).map { entropy[$0 % entropy.count] } }
    var random = SeededGenerator(seed: moment.position)
    return (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  func nextPoll(after moment: Moment) -> UInt64 {
    var poll = moment.position + max(1, pollDistance())
    if next < script.count { poll = min(poll, max(script[next].position, moment.position + 1)) }
    if blockDelay != nil { poll = min(poll, (moment.position / Self.answerGrid + 1) * Self.answerGrid) }
    return poll
  }

  func takeArrival(at moment: Moment) -> Arrival? {
    if let due = completions.first, due.position <= moment.position {
      completions.removeFirst()
      return .blockCompletion(due.completion)
    }
    guard next < script.count, script[next].position <= moment.position || script[next].time <= moment.time
    else { return nil }
    next += 1
    return script[next - 1].arrival
  }

  func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    let scripted = next < script.count ? script[next].time : .max
    guard let wake = [deadline, scripted == .max ? nil : scripted].compactMap({ $0 }).min() else {
      return .stop
    }
    return .wake(time: max(wake, moment.time))
  }

  func consoleOutput(_ byte: UInt8, at moment: Moment) {
    output.append(byte)
    outputMoments.append(moment)
  }

  func frameOutput(_ frame: NetworkFrame, at moment: Moment) { frames.append(frame) }

  func blockRequest(_ request: BlockRequest, at moment: Moment) {
    requests.append(request)
    guard let blockDelay else { return }
    var data: [UInt8] = []
    if case .read(let count) = request.operation {
      data = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ Int(request.sector)) }
    }
    completions.append(
      (
        ((moment.position + blockDelay) / Self.answerGrid + 1) * Self.answerGrid,
        BlockCompletion(drive: request.drive, id: request.id, succeeded: true, data: data)
      ))
  }
}
