// SPDX-License-Identifier: Apache-2.0

import Emulator

extension Machine {
  /// A register by its name in the manual or the calling convention; nil when there is none.
  func register(named name: String, hart: Int) -> UInt64? {
    if name == "pc" { return programCounter(hart: hart) }
    if name == "fp" { return register(8, hart: hart) }
    if let number = Disassembler.integerNames.firstIndex(of: name) ?? Self.number(name, after: "x") {
      return register(number, hart: hart)
    }
    if let number = Disassembler.floatingPointNames.firstIndex(of: name) ?? Self.number(name, after: "f") {
      return floatingPointRegister(number, hart: hart)
    }
    guard let csr = controlAndStatusRegisters.first(where: { $0.name == name }) else { return nil }
    return controlAndStatusRegister(csr.number, hart: hart)
  }

  /// 0 to 31 behind a letter.
  private static func number(_ name: String, after letter: String) -> Int? {
    guard name.hasPrefix(letter), let number = Int(name.dropFirst()), (0..<32).contains(number),
      name == letter + String(number)
    else { return nil }
    return number
  }
}
