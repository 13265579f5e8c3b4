// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import HostSystem

/// Registers and memory of the machine where it stands.
extension TimelineTarget {
  public var registers: RegisterSet {
    RegisterSet(
      integerNames: Disassembler.integerNames, floatingPointNames: Disassembler.floatingPointNames,
      controlAndStatus: machine.controlAndStatusRegisters.map { .init(number: $0.number, name: $0.name) })
  }

  public func describe(hart: Int) -> String {
    let mode = [0: "user", 1: "supervisor", 3: "machine"][machine.privilege(hart: hart)] ?? "no"
    return "\(mode) mode" + (machine.isWaiting(hart: hart) ? ", waits for an interrupt" : "")
  }

  public func readRegister(_ number: Int, hart: Int) -> UInt64? {
    switch number {
    case 0..<RegisterSet.programCounter: machine.register(number, hart: hart)
    case RegisterSet.programCounter: machine.programCounter(hart: hart)
    case RegisterSet.firstFloatingPoint..<RegisterSet.firstControlAndStatus:
      machine.floatingPointRegister(number - RegisterSet.firstFloatingPoint, hart: hart)
    case RegisterSet.privilege: machine.privilege(hart: hart)
    default: machine.controlAndStatusRegister(number - RegisterSet.firstControlAndStatus, hart: hart)
    }
  }

  public func readMemory(at address: UInt64, count: Int, hart: Int) -> [UInt8] {
    machine.readMemory(virtual: address, count: count, hart: hart)
  }

  // MARK: What if

  public func writeRegister(_ number: Int, hart: Int, value: UInt64) -> Bool {
    guard readRegister(number, hart: hart) != nil, number != RegisterSet.privilege else { return false }
    var isWritten = true
    return branch { machine in
      switch number {
      case 0..<RegisterSet.programCounter: machine.setRegister(number, value, hart: hart)
      case RegisterSet.programCounter:
        machine.setProgramCounter(value, hart: hart)
        trail.jumped(hart: hart)
      case RegisterSet.firstFloatingPoint..<RegisterSet.firstControlAndStatus:
        machine.setFloatingPointRegister(number - RegisterSet.firstFloatingPoint, value, hart: hart)
      default:
        isWritten = machine.setControlAndStatusRegister(
          number - RegisterSet.firstControlAndStatus, value, hart: hart)
      }
    } && isWritten
  }

  public func writeMemory(at address: UInt64, _ bytes: ArraySlice<UInt8>, hart: Int) -> Bool {
    let bytes = Array(bytes)
    // Nothing becomes a branch by an attempt at a device, which cannot be written to from here.
    guard machine.canWriteMemory(bytes, virtual: address, hart: hart) else { return false }
    var isWritten = false
    return branch { machine in
      isWritten = machine.writeMemory(bytes, virtual: address, hart: hart)
    } && isWritten
  }

  /// Changes the machine. It is no longer the recorded one then, and the user is told.
  private func branch(_ body: (Machine) -> Void) -> Bool {
    let isNew = !timeline.isForked
    do throws(Failure) {
      try timeline.change { body($0) }
    } catch {
      notice(error.description)
      return false
    }
    if isNew {
      notice(
        "The machine was changed at position \(timeline.position.grouped): what follows is a branch of its own. "
          + "Going back or seeking discards it.")
    }
    return true
  }

  /// The machine leaves its branch, if it is in one.
  func endBranch() {
    if timeline.isForked { notice("The branch is discarded; this is the recording again.") }
  }
}
