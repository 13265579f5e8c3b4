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
        isInterrupt: isInterrupt, cause: cause, value: value, handler: hart.state.pointee.privilege)
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
}
