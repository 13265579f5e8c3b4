// SPDX-License-Identifier: Apache-2.0

/// Looking on while the guest runs.
extension Machine {
  /// From here on `observer` hears what the guest does besides plain instructions; nil: nobody does. To be called between runs.
  ///
  /// It is called in the middle of a run: it may look at the machine's registers and memory, and changes nothing.
  package func observe(_ observer: ((GuestObservation) -> Void)?) { self.observer = observer }

  /// - Parameters:
  ///   - hasEnded: the instruction counts as executed by now.
  ///   - programCounter, privilege: of the instruction, where the hart does not have them any more.
  @inline(never)
  func tell(
    _ event: GuestObservation.Event, of hart: Hart, hasEnded: Bool, programCounter: UInt64? = nil,
    privilege: UInt64? = nil
  ) {
    guard let observer else { return }
    var moment = now
    if hasEnded {
      moment.position &-= 1
      moment.time &-= 1 << UInt64(configuration.shift)
    }
    observer(
      GuestObservation(
        moment: moment, hart: hart.index, programCounter: programCounter ?? hart.state.pointee.pc,
        privilege: privilege ?? hart.state.pointee.privilege, event: event))
  }
}

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
