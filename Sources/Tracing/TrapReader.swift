// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A trap that was taken.
package struct TrapRecord: Sendable, Equatable {
  package var moment: Moment
  package var hart: Int
  /// Of the instruction that trapped, or that an interrupt was taken in front of.
  package var programCounter: UInt64
  package var privilege: UInt64
  package var trap: GuestObservation.Trap
}

/// Exceptions and interrupts.
package final class TrapReader: TraceReader {
  private let onlyInterrupts: Bool
  private var records: [TrapRecord] = []

  package init(onlyInterrupts: Bool = false) { self.onlyInterrupts = onlyInterrupts }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    guard case .trap(let trap) = observation.event, trap.isInterrupt || !onlyInterrupts else { return }
    records.append(
      TrapRecord(
        moment: observation.moment, hart: observation.hart, programCounter: observation.programCounter,
        privilege: observation.privilege, trap: trap))
  }

  package func takeRecords() -> [TrapRecord] {
    defer { records.removeAll(keepingCapacity: true) }
    return records
  }

  package func takeRest() -> [TrapRecord] { takeRecords() }
}
