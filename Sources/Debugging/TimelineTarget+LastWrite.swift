// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import HostSystem
import Inspection
import TimeTravel

/// Who wrote memory.
extension TimelineTarget {
  /// Bytes that are asked for one by one at most.
  private static let singleByteLimit: UInt64 = 64

  /// The machine is moved about for it, and stands here again afterwards.
  func lastWrite(_ words: [String], hart: Int, _ control: MotionControl) throws(Failure) -> String {
    let address = try Self.number(words[1])
    let count = words.count > 2 ? try Self.number(words[2]) : 8
    let outcome = try lookingBack(control) { (search) throws(Failure) in try search(address, count, hart) }
    if case .found(let write) = outcome { lastAnswer = write.moment.position }
    return try rendered(Report(of: outcome))
  }

  /// For each of the bytes: those that one write was the last of are told of together.
  func lastWrites(_ words: [String], hart: Int, _ control: MotionControl) throws(Failure) -> String {
    let address = try Self.number(words[1])
    let count = words.count > 2 ? try Self.number(words[2]) : 8
    guard (1...Self.singleByteLimit).contains(count), address <= UInt64.max - (count - 1) else {
      throw Failure(
        .usage, words.joined(separator: " "), "asks for no bytes or too many",
        remedy: "ask for 1 to \(Self.singleByteLimit), or for the last write to any of them with 'last'")
    }
    // By physical address, as answers are: a page's end may lie in between.
    let places = (0..<count).map { machine.physicalAddress(of: address + $0, hart: hart) }
    var answers: [LastWriteRow] = []
    var rest: [Range<Int>] = [0..<Int(count)]
    try lookingBack(control) { (search) throws(Failure) in
      while let asked = rest.popLast() {
        let outcome = try search(address + UInt64(asked.lowerBound), UInt64(asked.count), hart)
        var told = asked
        if case .found(let write) = outcome {
          if lastAnswer.map({ $0 < write.moment.position }) ?? true || answers.isEmpty {
            lastAnswer = write.moment.position
          }
          let first = asked.first { places[$0] == write.address } ?? asked.lowerBound
          told = first..<min(asked.upperBound, first + max(1, write.byteCount))
          if told.upperBound < asked.upperBound { rest.append(told.upperBound..<asked.upperBound) }
          if asked.lowerBound < told.lowerBound { rest.append(asked.lowerBound..<told.lowerBound) }
        }
        answers.append(
          LastWriteRow(address: address + UInt64(told.lowerBound), byteCount: told.count, outcome: outcome))
        if outcome == .interrupted { return }
      }
    }
    return try rendered(Report(of: answers.sorted { $0.address < $1.address }))
  }

  private typealias Search = (
    _ address: UInt64, _ count: UInt64, _ hart: Int
  ) throws(Failure) -> LastWriteOutcome

  private func lookingBack<Answer>(
    _ control: MotionControl, _ body: (Search) throws(Failure) -> Answer
  ) throws(Failure) -> Answer {
    try checkIsRecorded()
    let here = timeline.position
    let answer: Answer
    do throws(Failure) {
      answer = try body { [self] (address, count, hart) throws(Failure) in
        try withReplayFailures { () throws(ReplayError) in
          let outcome = try timeline.lastWrite(
            to: MemoryRange(address: address, byteCount: count, space: .virtual(hart: hart)), before: here,
            control: SearchControl(
              isInterrupted: control.isInterrupted,
              progress: { [self] done, total in showProgress(Way(from: 0, to: total, position: done)) }))
          try goBack(to: here)
          return outcome
        }
      }
    } catch {
      try seek(to: here, control.toTheEnd)
      throw error
    }
    try seek(to: here, control.toTheEnd)
    return answer
  }

  func checkIsRecorded() throws(Failure) {
    guard timeline.isForked else { return }
    throw Failure(
      .usage, "last", "looks at the recording, and the machine was changed",
      remedy: "seek to any position first")
  }
}
