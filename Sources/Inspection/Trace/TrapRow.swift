// SPDX-License-Identifier: Apache-2.0

import Emulator
import Tracing

/// A trap as the values of a row.
public struct TrapRow {
  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("kind", nil), Column("cause", "Cause"), Column("name", "What"), Column("pc", "Program counter"),
      Column("symbol", "Symbol"), Column("value", "Value"), Column("mode", "Mode"),
      Column("handler_mode", "Handler's"),
    ] + CodePlace.columns()

  public let values: [FieldValue]

  /// - Parameter place: what is known of an address of code.
  package init(_ record: TrapRecord, placing place: (UInt64) -> CodePlace) {
    let place = place(record.programCounter)
    let trap = record.trap
    values =
      [
        .integer(record.moment.position), .time(record.moment.time), .integer(UInt64(record.hart)),
        .text(trap.isInterrupt ? "interrupt" : "exception"), .integer(trap.cause),
        .text(
          trap.isInterrupt
            ? TrapCause.name(ofInterrupt: trap.cause) : TrapCause.name(ofException: trap.cause)),
        .text(Report.hexadecimal(record.programCounter)), place.symbolValue,
        trap.isInterrupt ? .none : .text(Report.hexadecimal(trap.value)), .text(record.privilege.modeName),
        .text(trap.handler.modeName),
      ] + place.lineValues
  }
}

extension UInt64 {
  /// The mode of a hart, for people and machines.
  var modeName: String {
    switch self {
    case 0: "user"
    case 1: "supervisor"
    default: "machine"
    }
  }
}
