// SPDX-License-Identifier: Apache-2.0

/// Harts that wait for others, and end their turns (`Machine.endTurnThatWaits`).
extension Interpreter {
  /// Does `instruction`, a hint that the hart waits. True: its turn is over, and the block was left.
  func giveTurnAway(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    guard endsTurnsThatWait, withMachine({ $0.endTurnThatWaits() }) else { return false }
    leaveBlock(hart, after: instruction)
    return true
  }

  /// Takes a branch that closes a `WaitingLoop`, and ends the hart's turn if another can run.
  func repeatWait(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    leaveBlock(hart, after: instruction)
    hart.state.pointee.pc =
      address(of: instruction, hart) &+ UInt64(bitPattern: Int64(instruction.pointee.immediate))
    if notes == .all { note(hart, instruction, to: hart.state.pointee.pc) }
    _ = withMachine { $0.endTurnThatWaits() }
  }

  /// Whether a `waitingBranch` or a `notedBranch` is taken.
  func isTaken(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    let first = hart.x[Int(instruction.pointee.source1)]
    let second = hart.x[Int(instruction.pointee.source2)]
    return switch instruction.pointee.condition {
    case .beq: first == second
    case .bne: first != second
    case .blt: Int64(bitPattern: first) < Int64(bitPattern: second)
    case .bge: Int64(bitPattern: first) >= Int64(bitPattern: second)
    case .bltu: first < second
    default: first >= second
    }
  }
}
