// SPDX-License-Identifier: Apache-2.0

import Tracing

/// A call of the SBI as the values of a row.
public struct FirmwareCallRow {
  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("name", "Call"), Column("arguments", "Arguments"), Column("error", "Error"),
      Column("error_name", nil), Column("value", "Value"), Column("instruction_count", "Instructions"),
      Column("pc", "Program counter"), Column("symbol", "Symbol"), Column("extension", nil),
      Column("function", nil),
    ] + CodePlace.columns()

  public let values: [FieldValue]

  package init(_ call: FirmwareCall, placing place: (UInt64) -> CodePlace) {
    let place = place(call.programCounter)
    let error = call.result.flatMap { FirmwareCallNames.name(ofError: $0.error) }
    values =
      [
        .integer(call.moment.position), .time(call.moment.time), .integer(UInt64(call.hart)),
        .text(FirmwareCallNames.name(extensionID: call.extensionID, functionID: call.functionID)),
        .list(call.arguments.map(Report.hexadecimal)),
        FieldValue(call.result.map { error ?? String($0.error) }), FieldValue(error),
        FieldValue(call.result.map { Report.hexadecimal($0.value) }),
        FieldValue(call.result.map { $0.position - call.moment.position }),
        .text(Report.hexadecimal(call.programCounter)), place.symbolValue,
        .text(Report.hexadecimal(call.extensionID)), .text(Report.hexadecimal(call.functionID)),
      ] + place.lineValues
  }
}
