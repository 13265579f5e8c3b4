// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The gate of a machine in a lockstep run. The leader's lets everything pass between the machine and the outside and
/// keeps it on the tape; the follower's gives what the tape has, at the same moments, and checks what the machine gives out.
/// When a slice is run again, both play the tape.
///
/// A tape is not a log: it also has idleness, it keeps data and not their digests, and it ends with its slice wherever that is.
final class SliceGate: Gate {
  private let tape: SliceTape
  /// Nil once the gate plays the tape.
  private var outside: (any Gate)?
  unowned var machine: Machine?

  /// While playing: the next entry, and the next that is an arrival or comes after all of them.
  private(set) var position = 0
  private var nextArrival = 0
  /// The first thing that was not as on the tape.
  private(set) var mismatch: StateDifference?
  private var isStopRequested = false

  /// Without `outside` it plays.
  init(tape: SliceTape, outside: (any Gate)? = nil) {
    self.tape = tape
    self.outside = outside
  }

  /// Plays the tape from its start, from now on.
  func rewind() {
    outside = nil
    startSlice()
  }

  /// The tape has been emptied, or is to be played again.
  func startSlice() {
    position = 0
    nextArrival = 0
    mismatch = nil
  }

  /// How many entries of the tape this machine has met.
  var metCount: Int { outside == nil ? position : tape.entries.count }

  // MARK: Reads

  func readWallClock(at moment: Moment) -> UInt64 {
    if let outside {
      let time = outside.readWallClock(at: moment)
      tape.append(.clockRead(time), at: moment)
      return time
    }
    guard let entry = next(at: moment), case .clockRead(let time) = entry else {
      differ(at: moment, "a read of the wall clock")
      return 0
    }
    position += 1
    return time
  }

  func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    if let outside {
      let bytes = outside.readEntropy(count: count, at: moment)
      tape.append(.entropyRead(bytes), at: moment)
      return bytes
    }
    guard let entry = next(at: moment), case .entropyRead(let bytes) = entry, bytes.count == count else {
      differ(at: moment, "a read of \(count) bytes of entropy")
      return [UInt8](repeating: 0, count: count)
    }
    position += 1
    return bytes
  }

  // MARK: Arrivals

  func nextPoll(after moment: Moment) -> UInt64 {
    if let outside { return outside.nextPoll(after: moment) }
    nextArrival = max(nextArrival, position)
    while nextArrival < tape.entries.count, !tape.entries[nextArrival].passage.isArrival { nextArrival += 1 }
    guard nextArrival < tape.entries.count else { return .max }
    return max(tape.entries[nextArrival].moment.position, moment.position + 1)
  }

  func takeArrival(at moment: Moment) -> Arrival? {
    if let outside {
      isStopRequested = false
      let arrival = outside.takeArrival(at: moment)
      if let arrival { tape.append(.arrival(arrival), at: moment) }
      if isStopRequested { tape.append(.stop, at: moment) }
      return arrival
    }
    switch next(at: moment) {
    case .arrival(let arrival)?:
      position += 1
      return arrival
    case .stop?:
      position += 1
      machine?.requestStop()
      return nil
    default:
      return nil
    }
  }

  func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    if let outside {
      let end = outside.idle(at: moment, until: deadline)
      tape.append(.idle(until: deadline, end), at: moment)
      return end
    }
    guard let entry = next(at: moment), case .idle(let expected, let end) = entry, expected == deadline else {
      differ(at: moment, SliceTape.Passage.idle(until: deadline, .stop).summary)
      return .stop
    }
    position += 1
    return end
  }

  // MARK: Departures

  func consoleOutput(_ byte: UInt8, at moment: Moment) {
    if let outside {
      isStopRequested = false
      outside.consoleOutput(byte, at: moment)
      return tape.append(.consoleOutput(byte, stops: isStopRequested), at: moment)
    }
    guard let entry = next(at: moment), case .consoleOutput(byte, let stops) = entry else {
      return differ(at: moment, SliceTape.Passage.consoleOutput(byte, stops: false).summary)
    }
    position += 1
    if stops { machine?.requestStop() }
  }

  func blockRequest(_ request: BlockRequest, at moment: Moment) {
    outside?.blockRequest(request, at: moment)
    depart(.blockRequest(request), at: moment)
  }

  func frameOutput(_ frame: NetworkFrame, at moment: Moment) {
    outside?.frameOutput(frame, at: moment)
    depart(.frameOutput(frame), at: moment)
  }

  func guestReset(at moment: Moment) {
    outside?.guestReset(at: moment)
    depart(.guestReset, at: moment)
  }

  private func depart(_ passage: SliceTape.Passage, at moment: Moment) {
    if outside != nil {
      tape.append(passage, at: moment)
    } else if next(at: moment) == passage {
      position += 1
    } else {
      differ(at: moment, passage.summary)
    }
  }

  // MARK: The tape

  /// The next passage, when it belongs to this moment and nothing went wrong before.
  private func next(at moment: Moment) -> SliceTape.Passage? {
    guard mismatch == nil, position < tape.entries.count, tape.entries[position].moment == moment else {
      return nil
    }
    return tape.entries[position].passage
  }

  /// From here on the gate answers anything, and the machine has been told to stop.
  private func differ(at moment: Moment, _ found: String) {
    machine?.requestStop()
    guard mismatch == nil else { return }
    mismatch = StateDifference(
      name: "gate", left: position < tape.entries.count ? tape.entries[position].summary : "nothing more",
      right: "\(found) at position \(moment.position), time \(moment.time) ns")
  }
}

/// What the outside may ask of the leader: that it asked for the end goes on the tape.
extension SliceGate: MachineControl {
  func requestStop() {
    isStopRequested = true
    machine?.requestStop()
  }

  func programCounter(hart: Int) -> UInt64 { machine?.programCounter(hart: hart) ?? 0 }
  var currentHart: Int { machine?.currentHart ?? 0 }
  var consoleInputRoom: Int { machine?.consoleInputRoom ?? .max }
  func frameRoom(interface: Int) -> FrameRoom { machine?.frameRoom(interface: interface) ?? .closed }
}
