import Emulator

/// The names of the integer registers in the calling convention, x0 first.
enum RegisterNames {
  static let integer = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
  ]

  static let floatingPoint = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9",
    "ft10",
    "ft11",
  ]
}

extension Machine {
  /// A register by its name in the manual or the calling convention; nil when there is none.
  func register(named name: String, hart: Int) -> UInt64? {
    if name == "pc" { return programCounter(hart: hart) }
    if name == "fp" { return register(8, hart: hart) }
    if let number = RegisterNames.integer.firstIndex(of: name) ?? Self.number(name, after: "x") {
      return register(number, hart: hart)
    }
    if let number = RegisterNames.floatingPoint.firstIndex(of: name) ?? Self.number(name, after: "f") {
      return floatingPointRegister(number, hart: hart)
    }
    guard let csr = Self.controlAndStatusRegisters.first(where: { $0.name == name }) else { return nil }
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
