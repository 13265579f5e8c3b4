// SPDX-License-Identifier: Apache-2.0

import LinuxGuest

extension Report {
  private static let levels = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"]

  /// The log of a Linux kernel, a row for each message.
  package init(messages: [KernelMessage]) {
    let columns = [
      Column("sequence", nil), Column("kernel_time_ns", "Kernel's time (s)"), Column("level", "Level"),
      Column("facility", nil), Column("text", "Text"),
    ]
    let rows = messages.map { message -> [FieldValue] in
      [
        .integer(message.sequence), .time(message.time), .text(Self.levels[message.level & 7]),
        .integer(UInt64(message.facility)), .text(message.text),
      ]
    }
    self.init([Section(table: "dmesg", title: "Kernel's log", columns: columns, rows: rows)])
  }
}
