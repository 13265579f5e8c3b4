// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

extension Report {
  /// The tasks of a Linux kernel, a row each.
  package init(tasks: [KernelTask]) {
    let columns = [
      Column("pid", "PID"), Column("tgid", "Process"), Column("parent", "Parent"), Column("state", "State"),
      Column("cpu", "CPU"), Column("hart", "On hart"), Column("is_kernel", nil),
      Column("virtual_bytes", "Memory"), Column("name", "Name"), Column("task", nil),
    ]
    let rows = tasks.map { task -> [FieldValue] in
      [
        .integer(task.identifier), .integer(task.process), .integer(task.parent), .text(task.state),
        .integer(task.processor), FieldValue(task.hart), .flag(task.isKernel),
        task.virtualByteCount.map { .size($0) } ?? .none,
        task.isKernel ? .remarked(task.name, "(kernel)") : .text(task.name),
        .text(Self.hexadecimal(task.address)),
      ]
    }
    self.init([Section(table: "tasks", title: "Tasks", columns: columns, rows: rows)])
  }
}
