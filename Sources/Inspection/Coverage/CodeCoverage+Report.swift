// SPDX-License-Identifier: Apache-2.0

import Tracing

extension CodeCoverage {
  /// A row for each function, and what they make together.
  ///
  /// - Parameter places: all symbols. What is no function has a row where code of it was executed.
  package func report(_ places: [NamedCode]) -> Report {
    var rows: [[FieldValue]] = []
    var (coveredFunctions, named): (UInt64, UInt64) = (0, 0)
    for place in NamedCode.disjoint(places) {
      let byteCount = place.byteCount
      let covered = coveredByteCount(place.address..<place.address + byteCount)
      guard place.isFunction || covered > 0 else { continue }
      named += covered
      if covered > 0 { coveredFunctions += 1 }
      rows.append([
        .text(place.name), .text(Report.hexadecimal(place.address)), .integer(byteCount), .integer(covered),
        .decimal(byteCount == 0 ? 0 : 100 * Double(covered) / Double(byteCount), places: 2),
        .integer(count(at: place.address)),
      ])
    }
    let all = segments.reduce(0) { $0 + ($1.end - $1.start) }
    return Report([
      Section(
        record: "coverage", title: "Coverage",
        [
          (Column("covered_byte_count", "Bytes of code executed"), .integer(all)),
          (Column("unnamed_byte_count", "Of them, without a name"), .integer(all - min(all, named))),
          (Column("function_count", "Functions"), .integer(UInt64(rows.count))),
          (Column("covered_function_count", "Of them, executed"), .integer(coveredFunctions)),
        ]),
      Section(
        table: "functions", title: "Functions",
        columns: [
          Column("function", "Function"), Column("address", "Address"), Column("byte_count", "Bytes"),
          Column("covered_byte_count", "Executed"), Column("covered_percent", "%"),
          Column("entry_count", "First instruction"),
        ], rows: rows),
    ])
  }
}
