// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator

extension Report {
  /// Instructions from a virtual address on, a row each: as many as were asked for, or as there are bytes of.
  ///
  /// - Parameter place: what is known of an address of code.
  package init(
    codeOf machine: Machine, hart: Int, at address: UInt64, count: Int, placing place: (UInt64) -> CodePlace
  ) {
    let columns =
      [
        Column("address", "Address"), Column("symbol", "Symbol"), Column("bytes", "Bytes"),
        Column("text", "Instruction"),
      ] + CodePlace.columns()
    let bytes = machine.readMemory(virtual: address, count: 4 * count, hart: hart)
    var rows: [[FieldValue]] = []
    var offset = 0
    while rows.count < count, offset + 2 <= bytes.count {
      let word = UInt32(littleEndianBytes: bytes[offset...].prefix(4))
      let here = address &+ UInt64(offset)
      let instruction = Disassembler(word, at: here, for: machine.configuration.extensions)
      guard offset + instruction.length <= bytes.count else { break }
      let shown = UInt64(word & (instruction.length == 2 ? 0xffff : .max))
      let place = place(here)
      rows.append(
        [
          .text(Self.hexadecimal(here)), place.symbolValue, .text(Self.hexadecimal(shown)),
          .text(instruction.text),
        ]
          + place.lineValues)
      offset += instruction.length
    }
    self.init([Section(table: "disassembly", title: "Instructions", columns: columns, rows: rows)])
  }
}
