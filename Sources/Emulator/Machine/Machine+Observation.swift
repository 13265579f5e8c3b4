// SPDX-License-Identifier: Apache-2.0

/// Looking on while the guest runs.
extension Machine {
  /// From here on `observer` hears what the guest does besides plain instructions, and `transfers` those of its jumps that `notes` names;
  /// nil: nobody does. To be called between runs.
  ///
  /// With `hearsAccesses` it also hears of accesses to what watchpoints watch, at which the machine does not stop then, and
  /// of changes of what `noteStores` notes.
  ///
  /// They are called in the middle of a run, each thing in its order: they may look at the machine's registers and memory, and
  /// change nothing.
  package func observe(
    _ observer: ((GuestObservation) -> Void)?, hearsAccesses: Bool = false,
    notes: ControlTransferNotes = .nothing, transfers: @escaping (ControlTransfers) -> Void = { _ in }
  ) {
    interpreter.stops.tellsAccesses = hearsAccesses
    self.observer = observer
    transferLog = notes == .nothing ? nil : ControlTransferLog(transfers)
    transferLog?.connect(interpreter.harts)
    interpreter.setNotes(notes)
  }

  /// Tells the jumps of the hart whose turn it is, up to a position that it has reached.
  func handTransfers(end: UInt64) {
    let hart = interpreter.harts[turnHart]
    transferLog?.hand(
      hart, base: turnPosition &+ UInt64(bitPattern: hart.state.pointee.turnBudget), end: end)
  }

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
    if transferLog != nil { handTransfers(end: moment.position) }
    observer(
      GuestObservation(
        moment: moment, hart: hart.index, programCounter: programCounter ?? hart.state.pointee.pc,
        privilege: privilege ?? hart.state.pointee.privilege, event: event))
  }

  /// The built-in SBI has served a call of a hart, which stands behind its `ecall`.
  @inline(never)
  func tell(
    _ call: SupervisorBinaryInterface.Call, _ outcome: SupervisorBinaryInterface.Outcome, of hart: Hart
  ) {
    let (a0, a1, a2, a3, a4, a5) = call.arguments
    let answer: GuestObservation.FirmwareCall.Answer? =
      switch outcome {
      case .returns(let error, let value): .init(error: error.rawValue, value: value)
      case .returnsLegacy(let result): .init(error: result, value: a1)
      case .doesNotReturn: nil
      }
    let told = GuestObservation.FirmwareCall(
      extensionID: call.extensionID, functionID: call.functionID, arguments: [a0, a1, a2, a3, a4, a5],
      answer: answer)
    tell(.firmwareCall(told), of: hart, hasEnded: false, programCounter: hart.state.pointee.pc &- 4)
  }

  func tell(_ store: NotedStore) {
    tell(
      .change(store), of: interpreter.harts[store.hart], hasEnded: store.position < now.position,
      programCounter: store.programCounter)
  }
}
