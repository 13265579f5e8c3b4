// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Tracing

/// A system call as the values of a row.
public struct SystemCallRow {
  public static let columns =
    [
      Column("position", "Position"), Column("time_ns", "Guest time (s)"), Column("hart", "Hart"),
      Column("task", "Task"), Column("call", "Call"), Column("returned", "Returned"),
      Column("instruction_count", "Instructions"), Column("name", nil), Column("number", nil),
      Column("arguments", nil), Column("result", nil), Column("error", nil), Column("return_position", nil),
      Column("return_hart", nil), Column("pc", nil), Column("symbol", nil), Column("satp", nil),
    ] + CodePlace.columns()

  public let values: [FieldValue]

  package init(_ call: SystemCall, placing place: (UInt64) -> CodePlace) {
    let place = place(call.programCounter)
    let known = LinuxSystemCall.named(call.number)
    let result = call.result
    let error = result.flatMap { LinuxError.name(ofResult: $0.value) }
    values =
      [
        .integer(call.moment.position), .time(call.moment.time), .integer(UInt64(call.hart)),
        .text(Report.hexadecimal(call.scratch)), .text(Self.describe(call, known)),
        FieldValue(result.map { error ?? Self.describe($0.value, of: call.number) }),
        FieldValue(result.map { $0.position - call.moment.position }), FieldValue(known?.name),
        .integer(call.number), .list(call.arguments.map(Report.hexadecimal)),
        FieldValue(result.map { Report.hexadecimal($0.value) }), FieldValue(error),
        FieldValue(result?.position), FieldValue(result.map { UInt64($0.hart) }),
        .text(Report.hexadecimal(call.programCounter)), place.symbolValue,
        .text(Report.hexadecimal(call.addressSpace)),
      ] + place.lineValues
  }

  /// As strace has it: `openat(-100, "/etc/passwd", 0x80000, 0x0)`. All six registers where nothing is known of the arguments.
  private static func describe(_ call: SystemCall, _ known: LinuxSystemCall?) -> String {
    let kinds = known?.arguments ?? Array(repeating: .hexadecimal, count: call.arguments.count)
    let arguments = zip(kinds, call.arguments).enumerated().map { (index, argument) in
      switch argument.0 {
      case .decimal: String(Int64(bitPattern: argument.1))
      case .hexadecimal: Report.hexadecimal(argument.1)
      case .text:
        call.texts[index].map { VisibleText.quoted($0.bytes, isWhole: $0.isWhole) }
          ?? Report.hexadecimal(argument.1)
      }
    }
    return
      "\(known?.name ?? "syscall_\(Int64(bitPattern: call.number))")(\(arguments.joined(separator: ", ")))"
  }

  private static func describe(_ value: UInt64, of number: UInt64) -> String {
    LinuxSystemCall.returnsAddress(number)
      ? Report.hexadecimal(value) : String(Int64(bitPattern: value))
  }
}
