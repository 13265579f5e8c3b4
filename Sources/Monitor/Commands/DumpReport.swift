// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution

enum DumpReport {
  /// The words of QEMU's `DumpQueryResult`.
  static func json(of status: MigrationState.Status?) -> JSONValue {
    let figures = status?.figures ?? JobFigures()
    let word =
      switch status?.phase {
      case nil, MigrationState.Phase.none?: "none"
      case .completed?: "completed"
      case .failed?, .cancelled?: "failed"
      default: "active"
      }
    var members: [JSONValue.Member] = [
      .init("status", .string(word)), .init("completed", JSONValue(figures.completed)),
      .init("total", JSONValue(figures.total)),
    ]
    // Not QEMU's: for 'rrtool dump'.
    if let position = figures.position { members.append(.init("__rrtool_position", JSONValue(position))) }
    if figures.lacksMappings { members.append(.init("__rrtool_lacks_mappings", true)) }
    return .object(members)
  }
}
