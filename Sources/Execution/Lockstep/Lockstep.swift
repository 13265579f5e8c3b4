// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Two machines that are the same but for their engine, run slice by slice and compared.
///
/// The interpreter leads: it alone is connected to the outside. The translator follows through the same slice with what passed the
/// leader's gate. Where the two differ at a slice's end, both go back to its start, and the place is found by running the
/// slice again up to ever closer positions. What differs and heals again within a slice is not seen.
package final class Lockstep {
  /// Instructions that a slice has at most. Shorter ones see more and cost more.
  package static let defaultSliceLength: UInt64 = 100_000

  package let leader: Machine
  package let follower: Machine
  private let leaderGate: SliceGate
  private let followerGate: SliceGate
  private let tape = SliceTape()
  private let sliceLength: UInt64
  /// Both machines as they were when the slice began: RAM, and the rest.
  private let startMemory: GuestMemory
  private var startState: [UInt8] = []
  private var startMoment = Moment.start

  /// - Parameters:
  ///   - outside: what the leader's gate leads to; `control(of:)` connects it with the machine.
  ///   - disturbance: wraps the gate of the follower. Tests put faults in through it.
  package init(
    configuration: MachineConfiguration, plan: BootPlan, outside: any Gate,
    sliceLength: UInt64 = defaultSliceLength, disturbance: (any Gate) -> any Gate = { $0 }
  ) {
    precondition(sliceLength > 0)
    self.sliceLength = sliceLength
    leaderGate = SliceGate(tape: tape, outside: outside)
    followerGate = SliceGate(tape: tape)
    leader = Machine(configuration: configuration, plan: plan, gate: leaderGate, engine: .interpreter)
    follower = Machine(
      configuration: configuration, plan: plan, gate: disturbance(followerGate), engine: .translator)
    leaderGate.machine = leader
    followerGate.machine = follower
    startMemory = GuestMemory(
      base: leader.memory.base, size: leader.memory.size, attached: leader.memory.attached)
    // RAM begins as zeros, and what is put into it before the start counts as changed.
    keepStart()
  }

  /// What the outside gets to ask for the end of the run.
  package var control: any MachineControl { leaderGate }

  /// Runs both machines to `position` at most, or to the end of a slice before it; how the leader stopped.
  package func run(until position: UInt64) throws(LockstepDifference) -> Machine.Stop {
    let start = leader.now.position
    let (boundary, isTooLarge) = (start / sliceLength + 1).multipliedReportingOverflow(by: sliceLength)
    let target = min(position, isTooLarge ? .max : boundary)
    let stop = leader.run(until: target)
    guard follower.run(until: target) == stop, isEqual else { throw difference(upTo: target) }
    keepStart()
    return stop
  }

  /// Compares all of RAM, also what no engine says that it changed.
  package func compareWhole() throws(LockstepDifference) {
    guard !leader.hasSameMemory(as: follower) else { return }
    throw describe(at: leader.now, .slice(end: leader.now.position), programCounters: programCounters)
  }

  private var isEqual: Bool {
    followerGate.mismatch == nil && leaderGate.metCount == followerGate.metCount
      && leader.digests() == follower.digests()
  }

  private var programCounters: [UInt64] {
    (0..<leader.configuration.hartCount).map { leader.programCounter(hart: $0) }
  }

  // MARK: The start of a slice

  /// Both machines are equal: what they are now is where a search goes back to.
  private func keepStart() {
    for page in leader.changedPages.pages {
      let offset = page * GuestMemory.pageSize
      startMemory.write(
        UnsafeRawBufferPointer(start: leader.memory.bytes + offset, count: GuestMemory.pageSize),
        at: startMemory.base + UInt64(offset))
    }
    leader.forgetChangedPages()
    follower.forgetChangedPages()
    startState = leader.saveState()
    startMoment = leader.now
    tape.removeAll()
    leaderGate.startSlice()
    followerGate.startSlice()
  }

  private func goBack(_ machine: Machine) {
    for page in machine.changedPages.pages {
      machine.memory.replace(page: page, with: startMemory.bytes + page * GuestMemory.pageSize)
    }
    do {
      try machine.restoreState(startState)
    } catch {
      preconditionFailure("a machine takes back its own state: \(error)")
    }
  }

  // MARK: Finding the place

  /// Runs the slice again from its start to `position`; are the machines equal there?
  private func isEqualAgain(at position: UInt64) -> Bool {
    for machine in [leader, follower] { goBack(machine) }
    leaderGate.rewind()
    followerGate.rewind()
    let stop = leader.run(until: position)
    return follower.run(until: position) == stop && isEqual
  }

  /// The machines differ at the end of the slice. Blocks of one instruction show which one it is; where single instructions
  /// are right, whole blocks are tried, translated the first time they run.
  private func difference(upTo target: UInt64) -> LockstepDifference {
    let end = leader.now.position
    let atEnd = describe(at: startMoment, .slice(end: end), programCounters: programCounters)
    for length in [1, Machine.blockLengthLimit] {
      follower.makeBlocks(ofAtMost: length, translatedAtOnce: true)
      if isEqualAgain(at: target) { continue }
      var equal = startMoment.position
      var different = target
      while different - equal > 1 {
        let middle = equal + (different - equal) / 2
        if isEqualAgain(at: middle) { equal = middle } else { different = middle }
      }
      _ = isEqualAgain(at: equal)
      let (moment, counters) = (leader.now, programCounters)
      _ = isEqualAgain(at: different)
      return describe(at: moment, length == 1 ? .instruction : .block, programCounters: counters)
    }
    return atEnd
  }

  /// How the machines differ now. The hart that ran last is the one whose instruction it was.
  private func describe(
    at moment: Moment, _ precision: LockstepDifference.Precision, programCounters: [UInt64]
  ) -> LockstepDifference {
    var found: [StateDifference] = []
    if let mismatch = followerGate.mismatch {
      found.append(mismatch)
    } else if leaderGate.metCount != followerGate.metCount {
      let missed = tape.entries[followerGate.metCount...].first
      found.append(
        StateDifference(name: "gate", left: missed?.summary ?? "nothing more", right: "nothing of it"))
    }
    found += leader.differences(from: follower)
    let hart = leader.currentHart
    return LockstepDifference(
      at: moment, precision, hart: hart, programCounter: programCounters[hart], found)
  }
}
