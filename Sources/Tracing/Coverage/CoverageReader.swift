// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The coverage of a stretch: one record, when it is over.
///
/// Between two jumps a hart executes what lies between the first one's target and the second: so jumps, and traps, tell how often each
/// instruction was executed.
package final class CoverageReader: TraceReader {
  private static let environmentCalls: ClosedRange<UInt64> = 8...11
  private static let breakpoint: UInt64 = 3

  private var counter = RangeCounter()
  private let start: UInt64
  private let countedHart: Int?
  /// Where each hart has come from without a jump.
  private var cursors: [UInt64] = []
  private var machine: Machine?
  /// The machine stands one instruction before the stretch; see `Timeline.trace`.
  private var isBefore = false

  /// - Parameters:
  ///   - start: the first position that counts.
  ///   - hart: what this one executed; nil: all.
  package init(from start: UInt64, hart: Int? = nil) {
    self.start = start
    countedHart = hart
  }

  package var notes: ControlTransferNotes { .all }

  package func begin(in machine: Machine) {
    self.machine = machine
    cursors = (0..<machine.configuration.hartCount).map { machine.place(hart: $0).programCounter }
    isBefore = machine.now.position < start
  }

  package func hear(_ transfers: ControlTransfers) {
    let hart = transfers.hart
    if isBefore, transfers.end >= start { passFirst(transfers) }
    if countedHart == nil || countedHart == hart {
      cursors[hart] = counter.follow(transfers, from: cursors[hart])
    } else if let last = transfers.jumps.last {
      cursors[hart] = last.target
    }
  }

  /// The instruction before the stretch counts nothing.
  private func passFirst(_ transfers: ControlTransfers) {
    isBefore = false
    let hart = transfers.hart
    let cursor = cursors[hart]
    if let jump = transfers.jumps.first, jump.source == cursor, transfers.position(behind: jump) == start {
      // What it jumps from does not lie between its target and anything.
      cursors[hart] = jump.link
    } else if let bytes = machine?.readMemory(virtual: cursor, count: 2, hart: hart), bytes.count == 2 {
      cursors[hart] = cursor &+ (bytes[0] & 3 == 3 ? 4 : 2)
    }
  }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    let address = observation.programCounter
    switch observation.event {
    case .trap(let trap):
      // What raises an exception has not been executed, unless that is what it is for.
      let byteCount: UInt64 =
        trap.isInterrupt
        ? 0 : Self.environmentCalls.contains(trap.cause) ? 4 : trap.cause == Self.breakpoint ? 2 : 0
      end(observation, at: address &+ byteCount, goingOnAt: trap.handlerAddress)
    case .trapReturn(let target, _): end(observation, at: address &+ 4, goingOnAt: target)
    case .reset(let places):
      endAll(at: places)
      cursors = (0..<places.count).map { machine.place(hart: $0).programCounter }
    default: break
    }
  }

  private func end(_ observation: GuestObservation, at end: UInt64, goingOnAt target: UInt64) {
    let hart = observation.hart
    let cursor = cursors[hart]
    cursors[hart] = target
    let isInterrupt = if case .trap(let trap) = observation.event { trap.isInterrupt } else { false }
    if isBefore, !isInterrupt, observation.moment.position < start {
      isBefore = false
    } else if cursor < end, countedHart == nil || countedHart == hart {
      counter.count(CodeRange(start: cursor, end: end))
    }
  }

  package func takeRecords() -> [CodeCoverage] { [] }

  /// Harts stand there, and go on elsewhere or not at all.
  private func endAll(at places: [UInt64]) {
    for (hart, cursor) in cursors.enumerated() where countedHart == nil || countedHart == hart {
      if cursor < places[hart] {
        counter.count(CodeRange(start: cursor, end: places[hart]))
      }
    }
  }

  package func takeRest() -> [CodeCoverage] {
    if let machine { endAll(at: cursors.indices.map { machine.place(hart: $0).programCounter }) }
    return [CodeCoverage(counter.total)]
  }
}
