// SPDX-License-Identifier: Apache-2.0

/// What can still happen to a machine.
extension Machine {
  /// What may come through the gate besides the machine's own doing.
  package enum Prospects: Sendable {
    /// Nothing any more.
    case nothing
    /// Console input.
    case input
    /// More than that: a drive has an answer to give.
    case anything
  }

  /// Whether a hart's course may be changed from without: by an interrupt, or because the machine has something to do between two
  /// instructions. Conservative: what cannot be ruled out at a glance may happen.
  func mayBeDisturbed(_ prospects: Prospects) -> Bool {
    if case .anything = prospects { return true }
    if timersAreStale || mustCheckToHost { return true }
    if let hostInterface {
      if hostInterface.nextPosition != nil { return true }
      // A byte that is typed is stored into memory.
      if case .input = prospects, hostInterface.isReading { return true }
    }
    // So it is in a buffer of the virtio console's, and a hart may wait for it in a call of semihosting.
    // A frame may come at any time, into a buffer of the guest's.
    if case .input = prospects, !networkCards.isEmpty { return true }
    if case .input = prospects, virtioConsole != nil || semihosting?.hasWaitingHarts == true { return true }
    // Harts send each other software interrupts, but none that is proved to go round in a circle without touching a device.
    var possible: UInt64 = 0
    // The clock's alarm comes by the interrupt controller.
    if timerDeadline != nil { possible |= InterruptBit.timers | InterruptBit.externals }
    if case .input = prospects { possible |= InterruptBit.externals }
    return interpreter.harts.contains { hart in
      let state = hart.state.pointee
      guard state.isStarted != 0 else { return false }
      guard state.isWaiting != 0 else { return hart.admittedInterrupts & possible != 0 }
      return state.mie & (possible | hart.pendingInterrupts) != 0
    }
  }

  /// How often something passed between the harts and anything that is neither register nor memory: devices, firmware, time.
  var exchangeCount: UInt64 {
    interpreter.harts.reduce(outsideCount) { $0 &+ $1.state.pointee.outsideReads }
  }
}

extension InterruptBit {
  fileprivate static let timers: UInt64 = 1 << 7 | supervisorTimer
  fileprivate static let externals: UInt64 = 1 << 11 | supervisorExternal
}

extension Hart {
  /// The interrupts that would be taken at once if they were pending (volume II, section 3.1.9).
  var admittedInterrupts: UInt64 {
    let state = state.pointee
    let machine = state.privilege < Privilege.machine || state.mstatus & Status.mie != 0
    let supervisor =
      state.privilege < Privilege.supervisor
      || (state.privilege == Privilege.supervisor && state.mstatus & Status.sie != 0)
    return (machine ? state.mie & ~state.mideleg : 0) | (supervisor ? state.mie & state.mideleg : 0)
  }

  /// A fingerprint of where the hart stands: integer registers, pc and privilege. Two that differ tell two states apart.
  var courseDigest: UInt64 {
    var digest = state.pointee.pc &* 0x9e37_79b9_7f4a_7c15 ^ state.pointee.privilege
    for register in 1..<32 { digest = (digest ^ x[register]) &* 0x0000_0100_0000_01b3 &+ digest >> 32 }
    return digest
  }

  /// All that the hart's next instructions depend on, but for counters and time, whose reads are counted instead.
  func steadyState(_ protection: PhysicalMemoryProtection) -> [UInt64] {
    var words = (1..<32).map { x[$0] } + (0..<32).map { f[$0] } + steadyFields
    words += protection.configurations.map(UInt64.init) + protection.addresses
    return words
  }

  /// What trapped last, as the registers of the mode have it that handles it.
  var lastTrap: Standstill.RepeatedTrap {
    let state = state.pointee
    return state.privilege == Privilege.machine
      ? .init(
        programCounter: state.mepc, cause: state.mcause, value: state.mtval, vector: state.mtvec,
        vectorName: "mtvec")
      : .init(
        programCounter: state.sepc, cause: state.scause, value: state.stval, vector: state.stvec,
        vectorName: "stvec")
  }
}
