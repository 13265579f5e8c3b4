// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import HostSystem
import Inspection
import TimeTravel

/// Who changed a register.
extension TimelineTarget {
  /// Those that go on by themselves: every instruction changes them.
  private static let running: Set<String> = ["pc", "cycle", "time", "instret", "mcycle", "minstret"]

  /// The number in `RegisterSet` of the register that a user of gdb calls `name`.
  private func number(ofRegister name: String) -> Int? {
    if let index = Disassembler.integerNames.firstIndex(of: name) { return index }
    if name == "fp" { return 8 }
    if let index = Disassembler.floatingPointNames.firstIndex(of: name) {
      return RegisterSet.firstFloatingPoint + index
    }
    if name == "priv" { return RegisterSet.privilege }
    if let csr = machine.controlAndStatusRegisters.first(where: { $0.name == name }) {
      return RegisterSet.firstControlAndStatus + csr.number
    }
    guard let index = Int(name.dropFirst()), (0..<32).contains(index) else { return nil }
    switch name.first {
    case "x": return index
    case "f": return RegisterSet.firstFloatingPoint + index
    default: return nil
    }
  }

  /// The machine is moved about for it, and stands here again afterwards.
  func lastChange(_ text: String, hart: Int, _ control: MotionControl) throws(Failure) -> Report {
    let name = String(text.drop { $0 == "$" })
    guard let number = number(ofRegister: name), number != 0, !Self.running.contains(name) else {
      throw Failure(
        .usage, text, "is no register that something could have written",
        remedy: "give an integer, floating-point or control and status register: $ra, $fa0, $mepc")
    }
    let here = timeline.position
    let outcome: LastChangeOutcome
    var instruction: String?
    do throws(ReplayError) {
      outcome = try timeline.lastChange(
        before: here,
        control: SearchControl(
          isInterrupted: control.isInterrupted,
          progress: { [self] done, total in showProgress(Way(from: 0, to: total, position: done)) })
      ) { [self] _ in readRegister(number, hart: hart) ?? 0 }
      if case .found(let change) = outcome {
        lastAnswer = change.moment.position
        instruction = try disassembled(change)
      }
    } catch {
      try seek(to: here, control.toTheEnd)
      throw Failure(error)
    }
    try seek(to: here, control.toTheEnd)
    return Report(of: outcome, register: name, instruction: instruction)
  }

  private func disassembled(_ change: LastChange) throws(ReplayError) -> String? {
    try timeline.seek(to: change.moment.position)
    _ = try timeline.settle()
    let bytes = machine.readMemory(virtual: change.programCounter, count: 4, hart: change.hart)
    guard bytes.count >= 2 else { return nil }
    let word = bytes.reversed().reduce(0 as UInt32) { $0 << 8 | UInt32($1) }
    return Disassembler(word, at: change.programCounter, for: machine.configuration.extensions).text
  }
}
