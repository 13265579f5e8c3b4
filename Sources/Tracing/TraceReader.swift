// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A question about what ran: what it wants to hear of a replay, and the records that it makes of that.
package protocol TraceReader: AnyObject {
  associatedtype Record
  /// Where the machine is to stop for it. Looked at whenever it goes on.
  var stopPoints: StopPoints { get }
  /// Of which jumps it wants to hear. If of any, it also hears of what comes before its stretch, up to one instruction.
  var notes: ControlTransferNotes { get }
  /// Whether it wants to hear of accesses to what its watchpoints watch, instead of being stopped at, and of changes of what it has noted.
  var hearsAccesses: Bool { get }
  /// The machine stands where it begins to be told.
  func begin(in machine: Machine)
  /// A hart has jumped.
  func hear(_ transfers: ControlTransfers)
  /// The guest did something. The machine is in the middle of it, and may be looked at.
  func hear(_ observation: GuestObservation, of machine: Machine)
  /// A stop point was met.
  func meet(_ hit: StopPointHit, in machine: Machine)
  /// The records that are whole and were not taken yet, in their order.
  func takeRecords() throws -> [Record]
  /// The run is over: the others too, as far as they got.
  func takeRest() -> [Record]
}

extension TraceReader {
  package var stopPoints: StopPoints { StopPoints() }
  package var notes: ControlTransferNotes { .nothing }
  package var hearsAccesses: Bool { false }
  package func begin(in machine: Machine) {}
  package func hear(_ transfers: ControlTransfers) {}
  package func hear(_ observation: GuestObservation, of machine: Machine) {}
  package func meet(_ hit: StopPointHit, in machine: Machine) {}
}
