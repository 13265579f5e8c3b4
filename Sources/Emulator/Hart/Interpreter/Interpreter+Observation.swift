// SPDX-License-Identifier: Apache-2.0

/// Telling those who look on.
extension Interpreter {
  /// Every trap goes this way.
  func enterTrap(_ hart: Hart, cause: UInt64, isInterrupt: Bool, value: UInt64) {
    let (programCounter, privilege) = (hart.state.pointee.pc, hart.state.pointee.privilege)
    hart.enterTrap(cause: cause, isInterrupt: isInterrupt, value: value)
    withMachine { machine in
      guard machine.observer != nil else { return }
      let trap = GuestObservation.Trap(
        isInterrupt: isInterrupt, cause: cause, value: value, handler: hart.state.pointee.privilege,
        handlerAddress: hart.state.pointee.pc)
      machine.tell(
        .trap(trap), of: hart, hasEnded: !isInterrupt, programCounter: programCounter, privilege: privilege)
    }
  }

  /// The hart has just come back from a trap, by the instruction at `programCounter` in `privilege`.
  func tellReturn(_ hart: Hart, programCounter: UInt64, privilege: UInt64) {
    withMachine { machine in
      guard machine.observer != nil else { return }
      machine.tell(
        .trapReturn(programCounter: hart.state.pointee.pc, privilege: hart.state.pointee.privilege), of: hart,
        hasEnded: true, programCounter: programCounter, privilege: privilege)
    }
  }

  // MARK: Jumps

  /// The same instruction, as one that is told if it is a jump that is to be.
  func noted(_ instruction: DecodedInstruction) -> DecodedInstruction {
    guard notes != .nothing else { return instruction }
    var noted = instruction
    switch instruction.opcode {
    case .jal: noted.opcode = .notedJal
    case .jalr: noted.opcode = .notedJalr
    case let branch where branch.isBranch && notes == .all:
      noted.condition = branch
      noted.opcode = .notedBranch
    default: break
    }
    return noted
  }

  /// `instruction` has led to `target`, and what of its block is behind it is not executed.
  func note(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, to target: UInt64) {
    let state = hart.state
    let cursor = UnsafeMutablePointer<ControlTransfer>(bitPattern: state.pointee.transferCursor)
      .unsafelyUnwrapped
    cursor.pointee = ControlTransfer(
      source: address(of: instruction, hart), target: target, stackPointer: hart.x[2],
      budget: state.pointee.budget, form: ControlTransfer.form(of: instruction.pointee))
    state.pointee.transferCursor = UInt(bitPattern: cursor + 1)
    if state.pointee.transferCursor == state.pointee.transferLimit { handTransfers() }
  }

  /// There is no room for another jump.
  func handTransfers() {
    withMachine { $0.handTransfers(end: $0.position) }
  }
}
