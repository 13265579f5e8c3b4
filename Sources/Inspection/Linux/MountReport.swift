// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

extension Report {
  /// The file systems that a process of a Linux guest sees, a row each.
  package init(mounts: [KernelMount]) {
    let columns = [
      Column("mount", "Mount"), Column("parent", "Parent"), Column("source", "Source"),
      Column("path", "Path"),
      Column("type", "Type"), Column("options", "Options"),
    ]
    let rows = mounts.map { mount -> [FieldValue] in
      [
        .integer(mount.identifier), .integer(mount.parent), .text(mount.source), .text(mount.path),
        .text(mount.type), .text(mount.options.joined(separator: ",")),
      ]
    }
    self.init([Section(table: "mounts", title: "Mounts", columns: columns, rows: rows)])
  }
}
