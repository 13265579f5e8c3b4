// SPDX-License-Identifier: Apache-2.0

import Emulator

extension Report {
  /// Bytes of a guest's memory, 16 a row: those that there are.
  package init(memory bytes: [UInt8], at address: UInt64) {
    let columns = [
      Column("address", "Address"), Column("bytes", "Bytes"), Column("text", "Text"),
      Column("byte_count", nil),
    ]
    let rows = stride(from: 0, to: bytes.count, by: 16).map { start -> [FieldValue] in
      let row = bytes[start..<min(start + 16, bytes.count)]
      return [
        .text(Self.hexadecimal(address &+ UInt64(start))),
        .text(row.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")),
        .text(String(row.map { (0x20..<0x7f).contains($0) ? Character(Unicode.Scalar($0)) : "." })),
        .integer(UInt64(row.count)),
      ]
    }
    self.init([Section(table: "memory", title: "Memory", columns: columns, rows: rows)])
  }
}
