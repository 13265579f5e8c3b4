// SPDX-License-Identifier: Apache-2.0

import Tracing

/// A call of a function as the values of a row.
public struct FunctionCallRow {
  /// Arguments that a table for people shows.
  private static let shownArguments = 4

  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("mode", "Mode"), Column("call", "Call (a0 to a3)"), Column("returned", "Returned"),
      Column("instruction_count", "Instructions"), Column("caller", "Returns to"),
      Column("function", nil), Column("address", nil), Column("arguments", nil), Column("return_values", nil),
      Column("return_position", nil), Column("return_hart", nil), Column("return_address", nil),
      Column("sp", nil), Column("satp", nil),
    ] + CodePlace.columns() + CodePlace.columns("caller_")

  public let values: [FieldValue]

  /// - Parameters:
  ///   - place: what is known of an address of code.
  ///   - caller: the same for the place that a call returns to.
  package init(
    _ call: FunctionCall, placing place: (UInt64) -> CodePlace, caller: (UInt64) -> CodePlace
  ) {
    let result = call.result
    let caller = caller(call.returnAddress)
    let shown = call.arguments.prefix(Self.shownArguments).map(Report.hexadecimal)
    values =
      [
        .integer(call.moment.position), .time(call.moment.time), .integer(UInt64(call.hart)),
        .text(call.privilege.modeName), .text("\(call.function)(\(shown.joined(separator: ", ")))"),
        FieldValue(result.map { Report.hexadecimal($0.values[0]) }),
        FieldValue(result.map { $0.position - call.moment.position }),
        caller.symbol == nil ? .text(Report.hexadecimal(call.returnAddress)) : caller.symbolValue,
        .text(call.function),
        .text(Report.hexadecimal(call.address)), .list(call.arguments.map(Report.hexadecimal)),
        result.map { .list($0.values.map(Report.hexadecimal)) } ?? .none, FieldValue(result?.position),
        FieldValue(result.map { UInt64($0.hart) }), .text(Report.hexadecimal(call.returnAddress)),
        .text(Report.hexadecimal(call.stackPointer)), .text(Report.hexadecimal(call.addressSpace)),
      ] + place(call.address).lineValues + caller.lineValues
  }
}
