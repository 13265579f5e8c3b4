// SPDX-License-Identifier: Apache-2.0

import Tracing

extension CallProfile {
  /// A row for each function, and what they make together.
  package var report: Report {
    let functions = functions
    let share = { (count: UInt64) -> FieldValue in
      .decimal(instructionCount == 0 ? 0 : 100 * Double(count) / Double(instructionCount), places: 2)
    }
    return Report([
      Section(
        record: "profile", title: "Profile",
        [
          (Column("instruction_count", "Instructions"), .integer(instructionCount)),
          (Column("function_count", "Functions"), .integer(UInt64(functions.count))),
          (Column("crossed_count", "Ran on into another"), .integer(crossedCount)),
        ]),
      Section(
        table: "functions", title: "Functions",
        columns: [
          Column("function", "Function"), Column("self_count", "Own"), Column("self_percent", "%"),
          Column("total_count", "With callees"), Column("total_percent", "%"), Column("call_count", "Calls"),
        ],
        rows: functions.map { function in
          [
            .text(function.name), .integer(function.ownCount), share(function.ownCount),
            .integer(function.totalCount), share(function.totalCount), .integer(function.callCount),
          ]
        }),
    ])
  }
}
