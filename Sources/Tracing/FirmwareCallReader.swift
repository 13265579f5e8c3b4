// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A call of the SBI: an `ecall` in S mode that the built-in one served, or a handler in M mode.
package struct FirmwareCall: Sendable, Equatable {
  package var moment: Moment
  package var hart: Int
  package var programCounter: UInt64
  /// a7 and a6.
  package var extensionID: UInt64
  package var functionID: UInt64
  /// a0 to a5.
  package var arguments: [UInt64]
  /// Nil when it did not return within the stretch.
  package var result: Result?

  package struct Result: Sendable, Equatable {
    /// The first instruction behind the call.
    package var position: UInt64
    /// a0 and a1.
    package var error: Int64
    package var value: UInt64
  }
}

package final class FirmwareCallReader: TraceReader {
  private let hart: Int?
  private var records: OpenRecords<FirmwareCall>
  /// Of each hart whose call a handler in M mode serves: the number of its record, and where it goes on.
  private var open: [Int: (number: Int, programCounter: UInt64)] = [:]

  /// - Parameters:
  ///   - hart: whose calls count; nil: of all.
  ///   - limit: the first so many.
  package init(hart: Int? = nil, limit: Int = .max) {
    self.hart = hart
    records = OpenRecords(limit: limit)
  }

  package func hear(_ observation: GuestObservation, of machine: Machine) {
    let hart = observation.hart
    guard self.hart == nil || self.hart == hart else { return }
    switch observation.event {
    case .firmwareCall(let call):
      let next = observation.moment.position + 1
      let record = FirmwareCall(
        moment: observation.moment, hart: hart, programCounter: observation.programCounter,
        extensionID: call.extensionID, functionID: call.functionID, arguments: call.arguments,
        result: call.answer.map { FirmwareCall.Result(position: next, error: $0.error, value: $0.value) })
      if let number = records.begin(record) { records.end(number) }
    case .trap(let trap)
    where !trap.isInterrupt && trap.cause == TrapCause.environmentCallFromSupervisor && trap.handler == 3:
      let number = records.begin(
        FirmwareCall(
          moment: observation.moment, hart: hart, programCounter: observation.programCounter,
          extensionID: machine.register(17, hart: hart), functionID: machine.register(16, hart: hart),
          arguments: (10...15).map { machine.register($0, hart: hart) }))
      if let old = open.removeValue(forKey: hart) { records.end(old.number) }
      if let number { open[hart] = (number, observation.programCounter &+ 4) }
    case .trapReturn(let programCounter, _):
      guard observation.privilege == 3, let call = open[hart], call.programCounter == programCounter else {
        return
      }
      open[hart] = nil
      let result = FirmwareCall.Result(
        position: observation.moment.position + 1,
        error: Int64(bitPattern: machine.register(10, hart: hart)), value: machine.register(11, hart: hart))
      records.end(call.number) { $0.result = result }
    default: break
    }
  }

  package func takeRecords() throws -> [FirmwareCall] { try records.take() }
  package func takeRest() -> [FirmwareCall] { records.takeRest() }
}
