// SPDX-License-Identifier: Apache-2.0

import Emulator

extension Report {
  /// The registers of some harts of a machine, a row each.
  package init(registersOf machine: Machine, harts: [Int]) {
    let columns = [
      Column("hart", "Hart"), Column("group", "Group"), Column("name", "Register"), Column("alias", "Alias"),
      Column("value", "Value"),
    ]
    var rows: [[FieldValue]] = []
    for hart in harts {
      func add(_ group: String, _ name: String, _ alias: String?, _ value: UInt64) {
        rows.append([
          .integer(UInt64(hart)), .text(group), .text(name), FieldValue(alias),
          .text(Self.hexadecimal(value)),
        ])
      }
      add("state", "pc", nil, machine.programCounter(hart: hart))
      add("state", "privilege", nil, machine.privilege(hart: hart))
      for index in 0..<32 {
        add("integer", "x\(index)", Disassembler.integerNames[index], machine.register(index, hart: hart))
      }
      for index in 0..<32 {
        add(
          "floating-point", "f\(index)", Disassembler.floatingPointNames[index],
          machine.floatingPointRegister(index, hart: hart))
      }
      for register in machine.controlAndStatusRegisters {
        add("csr", register.name, nil, machine.controlAndStatusRegister(register.number, hart: hart) ?? 0)
      }
    }
    self.init([Section(table: "registers", title: "Registers", columns: columns, rows: rows)])
  }
}
