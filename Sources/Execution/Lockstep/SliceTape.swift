// SPDX-License-Identifier: Apache-2.0

import Emulator
import ReplayLog

/// Everything that passed the gate of the leading machine in one slice of a lockstep run, in order.
final class SliceTape {
  enum Passage: Equatable {
    case clockRead(UInt64)
    case entropyRead([UInt8])
    case arrival(Arrival)
    /// The outside asked for the end of the run.
    case stop
    case idle(until: UInt64?, IdleEnd)
    /// `stops`: the outside asked for the end of the run when it got this byte.
    case consoleOutput(UInt8, stops: Bool)
    case blockRequest(BlockRequest)
    case frameOutput(NetworkFrame)
    case guestReset

    /// Comes from outside, so that the machine must be asked to stop for it.
    var isArrival: Bool {
      switch self {
      case .arrival, .stop: true
      default: false
      }
    }

    var summary: String {
      switch self {
      case .clockRead: "a read of the wall clock"
      case .entropyRead(let bytes): "a read of \(bytes.count) bytes of entropy"
      case .arrival: "an arrival"
      case .stop: "the end of the run"
      case .idle(let deadline, _): "idleness until \(deadline.map { "\($0) ns" } ?? "something arrives")"
      case .consoleOutput(let byte, _): "console output \(quoted([byte]))"
      case .blockRequest(let request): LogBlockRequest(request).summary
      case .frameOutput(let frame): LogPayload.frameOutput(LogFrame(frame)).summary
      case .guestReset: "a reset by the guest"
      }
    }
  }

  struct Entry {
    var moment: Moment
    var passage: Passage

    var summary: String { "\(passage.summary) at position \(moment.position), time \(moment.time) ns" }
  }

  private(set) var entries: [Entry] = []

  func append(_ passage: Passage, at moment: Moment) {
    entries.append(Entry(moment: moment, passage: passage))
  }
  func removeAll() { entries.removeAll(keepingCapacity: true) }
}
