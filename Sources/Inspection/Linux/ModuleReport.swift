// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

extension Report {
  /// The modules of a Linux kernel, a row each.
  package init(modules: [KernelModule]) {
    let columns = [
      Column("name", "Name"), Column("state", "State"), Column("address", "Address"),
      Column("byte_count", "Bytes"), Column("use_count", "Uses"), Column("used_by", "Used by"),
    ]
    let rows = modules.map { module -> [FieldValue] in
      [
        .text(module.name), .text(module.state), .text(Self.hexadecimal(module.address)),
        .integer(module.byteCount), .integer(module.useCount), .list(module.users),
      ]
    }
    self.init([Section(table: "modules", title: "Modules", columns: columns, rows: rows)])
  }
}
