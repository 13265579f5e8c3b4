// SPDX-License-Identifier: Apache-2.0

import Emulator
import Symbols

extension CodeNames {
  /// The stack of a hart as it stands, the innermost frame first, and why it ends.
  func stack(
    of machine: Machine, hart: Int, limit: Int
  ) -> (frames: [StackUnwinder.Frame], end: StackUnwinder.End) {
    let unwinder = StackUnwinder(
      files: files.compactMap { file in file.debugFile.map { ($0, file.displacement) } },
      // stvec and mtvec, whose last two bits are a mode.
      trapVectors: [0x105, 0x305].compactMap { number in
        machine.controlAndStatusRegister(number, hart: hart).map { $0 & ~3 }
      },
      function: { address in
        files.lazy.compactMap { $0.symbols.owner(of: address &- $0.displacement) }.first
      },
      read: { address, count in machine.readMemory(virtual: address, count: count, hart: hart) })
    return unwinder.frames(
      from: StackUnwinder.Registers(
        integers: (0..<32).map { machine.register($0, hart: hart) },
        programCounter: machine.programCounter(hart: hart)),
      limit: limit)
  }
}
