// SPDX-License-Identifier: Apache-2.0

import TimeTravel

extension Report {
  /// Who changed a register last, as one record. `instruction` is the one that did it, in words.
  public init(of outcome: LastChangeOutcome, register: String, instruction: String?) {
    var fields: [(column: Column, value: FieldValue)] = []
    func add(_ column: String, _ title: String, _ value: FieldValue) {
      if value != .none { fields.append((Column(column, title), value)) }
    }
    add("register", "Register", .text(register))
    switch outcome {
    case .interrupted: add("writer", "Changed by", .text("unknown: the search was interrupted"))
    case .unchanged(let since):
      add("writer", "Changed by", .text("nobody"))
      add("position", "Position", .integer(since))
    case .found(let change):
      add("writer", "Changed by", .text(change.source == .instruction ? "instruction" : "interrupt or reset"))
      add("position", "Position", .integer(change.moment.position))
      add("time_ns", "Guest time (s)", .time(change.moment.time))
      add("hart", "Hart", .integer(UInt64(change.hart)))
      add("pc", "Program counter", .text(Self.hexadecimal(change.programCounter)))
      if change.source == .instruction { add("instruction", "Instruction", FieldValue(instruction)) }
      add("old", "Old value", .text(Self.hexadecimal(change.old)))
      add("new", "New value", .text(Self.hexadecimal(change.new)))
    }
    self.init([Section(record: "last_change", title: "Last change", fields)])
  }
}
