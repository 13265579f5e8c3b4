// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Execution
import HostSystem
import ReplayLog

/// A machine that follows a script instead of a program: it calls its gate as `Machine` does, and notes what it hears.
package final class ScriptedMachine: MachineControl {
  package enum Step {
    /// So many instructions without any effect.
    case compute(UInt64)
    case readClock
    case readEntropy(Int)
    case print(String)
    case request(BlockRequest)
    case send(NetworkFrame)
    /// Every hart waits until something arrives, or for so many nanoseconds.
    case wait(UInt64?)
  }

  private var script: ArraySlice<Step>
  private let gate: any Gate
  private let shift: UInt64 = 2
  private var position: UInt64 = 0
  private var idleTime: UInt64 = 0
  private var computing: UInt64 = 0
  private var deadline: UInt64?
  private var isWaiting = false
  private var isStopRequested = false
  /// Everything that came in, with the moment at which it came.
  package private(set) var heard: [String] = []

  package init(_ script: [Step], gate: any Gate) {
    self.script = script[...]
    self.gate = gate
  }

  package var now: Moment { Moment(position: position, time: position << shift + idleTime) }
  package let currentHart = 0
  package let consoleInputRoom = Int.max
  package func frameRoom(interface: Int) -> FrameRoom { .open }
  package func programCounter(hart: Int) -> UInt64 { 0x8000_0000 + position * 4 }
  package func requestStop() { isStopRequested = true }

  /// False when the gate stopped it.
  @discardableResult
  package func run(until target: UInt64 = .max) -> Bool {
    isStopRequested = false
    while !script.isEmpty, position < target {
      while !isStopRequested, let arrival = gate.takeArrival(at: now) {
        note(Self.describe(arrival))
        isWaiting = false
      }
      if isStopRequested { return false }
      if isWaiting {
        if let deadline, now.time >= deadline {
          isWaiting = false
        } else {
          switch gate.idle(at: now, until: deadline) {
          case .stop: return false
          case .wake(let time): idleTime += time - now.time
          }
          continue
        }
      }
      let end = min(gate.nextPoll(after: now), target)
      precondition(end > position)
      while position < end, !isWaiting, !isStopRequested, !script.isEmpty { step(limit: end) }
      if isStopRequested { return false }
    }
    return true
  }

  private func step(limit: UInt64) {
    guard let next = script.first else { return }
    if case .compute(let count) = next {
      let done = min(count - computing, limit - position)
      position += done
      computing += done
      if computing == count {
        computing = 0
        script.removeFirst()
      }
      return
    }
    script.removeFirst()
    switch next {
    case .compute: break
    case .readClock: note("clock \(gate.readWallClock(at: now))")
    case .readEntropy(let count): note("entropy \(gate.readEntropy(count: count, at: now))")
    case .print(let text):
      for byte in text.utf8 {
        gate.consoleOutput(byte, at: now)
        position += 1
      }
      return
    case .request(let request): gate.blockRequest(request, at: now)
    case .send(let frame): gate.frameOutput(frame, at: now)
    case .wait(let nanoseconds):
      deadline = nanoseconds.map { now.time + $0 }
      isWaiting = true
    }
    position += 1
  }

  private static func describe(_ arrival: Arrival) -> String {
    guard case .blockCompletion(let completion) = arrival else { return "\(arrival)" }
    return "completion \(completion.id) \(completion.succeeded) \(Digest.of(completion.data))"
  }

  private func note(_ what: String) { heard.append("\(position) \(now.time) \(what)") }
}

/// An outside of which the test knows what it does: arrivals that come a given number of polls or waits in.
package final class ScriptedOutside: Gate {
  private var clock: UInt64 = 1_000_000
  private var nextByte: UInt8 = 0
  /// Arrivals in order, each with the number of questions that it lets pass first.
  package var arrivals: [(after: Int, Arrival)]
  private var questions = 0
  private var requested: Set<UInt64> = []

  package init(arrivals: [(after: Int, Arrival)] = []) { self.arrivals = arrivals }

  package func readWallClock(at moment: Moment) -> UInt64 {
    clock += 12_345
    return clock
  }

  package func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    (0..<count).map { _ in
      nextByte = nextByte &* 31 &+ 7
      return nextByte
    }
  }

  package func nextPoll(after moment: Moment) -> UInt64 { moment.position + 10 }

  package func takeArrival(at moment: Moment) -> Arrival? {
    guard isFirstPossible, let first = arrivals.first else { return nil }
    questions += 1
    guard questions > first.after else { return nil }
    questions = 0
    arrivals.removeFirst()
    return first.1
  }

  /// No drive answers before it is asked.
  private var isFirstPossible: Bool {
    guard case .blockCompletion(let completion)? = arrivals.first?.1 else { return !arrivals.isEmpty }
    return requested.contains(completion.id)
  }

  package func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    guard isFirstPossible else { return deadline.map { .wake(time: $0) } ?? .stop }
    let time = moment.time + 77
    guard deadline ?? .max >= time else { return .wake(time: deadline ?? time) }
    arrivals[0].after = questions
    return .wake(time: time)
  }

  package func consoleOutput(_ byte: UInt8, at moment: Moment) {}
  package func frameOutput(_ frame: NetworkFrame, at moment: Moment) {}
  package func blockRequest(_ request: BlockRequest, at moment: Moment) { requested.insert(request.id) }
}

/// Events in memory.
package final class EventList: EventSink, EventSource {
  package var events: [LogEvent] = []
  private var nextIndex = 0

  package init(_ events: [LogEvent] = []) { self.events = events }

  package func append(_ payload: LogPayload, at moment: LogMoment) {
    events.append(LogEvent(number: UInt64(events.count), moment: moment, payload: payload, byteCount: 1))
  }
  package func append(_ digests: PendingDigests, at moment: LogMoment) {
    append(.digest(digests.values()), at: moment)
  }
  package func tick() {}
  package func rest(nanoseconds: UInt64?) {}

  package func next() throws(Failure) -> LogEvent? {
    guard nextIndex < events.count else { return nil }
    nextIndex += 1
    return events[nextIndex - 1]
  }

  package func seek(toEvent number: UInt64) throws(Failure) { nextIndex = Int(number) }
}

/// A drive in memory.
package final class MemoryDrive: DriveStorage {
  package var bytes: [UInt8]
  package init(sectorCount: Int) {
    bytes = (0..<sectorCount * 512).map { UInt8(truncatingIfNeeded: $0 / 512) }
  }

  package func read(sector: UInt64, byteCount: Int) throws(Failure) -> [UInt8] {
    Array(bytes[Int(sector) * 512..<Int(sector) * 512 + byteCount])
  }
  package func write(sector: UInt64, _ data: [UInt8]) throws(Failure) {
    bytes.replaceSubrange(Int(sector) * 512..<Int(sector) * 512 + data.count, with: data)
  }
  package func zero(sector: UInt64, sectorCount: UInt64) throws(Failure) {
    for index in Int(sector) * 512..<Int(sector + sectorCount) * 512 { bytes[index] = 0 }
  }
  package func flush() throws(Failure) {}
}

/// Keeps console output.
package final class KeptOutput: ConsoleOutput {
  package var bytes: [UInt8] = []

  package init() {}

  package func write(_ bytes: [UInt8]) { self.bytes += bytes }
  package var text: String { String(decoding: bytes, as: UTF8.self) }
}
