// SPDX-License-Identifier: Apache-2.0

/// Causes of exceptions, as `mcause` and `scause` report them (volume II, section 3.1.15).
enum ExceptionCause {
  static let instructionAccessFault: UInt64 = 1
  static let illegalInstruction: UInt64 = 2
  static let breakpoint: UInt64 = 3
  static let loadAddressMisaligned: UInt64 = 4
  static let loadAccessFault: UInt64 = 5
  static let storeAddressMisaligned: UInt64 = 6
  static let storeAccessFault: UInt64 = 7
  static let environmentCallFromUser: UInt64 = 8
  static let environmentCallFromSupervisor: UInt64 = 9
  static let environmentCallFromMachine: UInt64 = 11
  static let instructionPageFault: UInt64 = 12
  static let loadPageFault: UInt64 = 13
  static let storePageFault: UInt64 = 15
}

extension Hart {
  /// Enters the handler of an exception or interrupt (volume II, sections 3.1.6.1, 3.1.8 and 4.1).
  ///
  /// `state.pc` must be the address of the instruction that trapped, or for an interrupt of the one that comes next.
  func enterTrap(cause: UInt64, isInterrupt: Bool, value: UInt64) {
    if isInterrupt { state.pointee.interruptCount &+= 1 } else { countException(cause) }
    let delegated = (isInterrupt ? state.pointee.mideleg : state.pointee.medeleg) >> cause & 1 != 0
    let reported = isInterrupt ? cause | 1 << 63 : cause
    let previous = state.pointee.privilege
    var status = state.pointee.mstatus
    let vector: UInt64
    if delegated && previous != Privilege.machine {
      state.pointee.scause = reported
      state.pointee.sepc = state.pointee.pc
      state.pointee.stval = value
      status =
        status & ~(Status.spie | Status.sie | Status.spp)
        | (status & Status.sie != 0 ? Status.spie : 0)
        | (previous == Privilege.supervisor ? Status.spp : 0)
      vector = state.pointee.stvec
      state.pointee.privilege = Privilege.supervisor
    } else {
      state.pointee.mcause = reported
      state.pointee.mepc = state.pointee.pc
      state.pointee.mtval = value
      status =
        status & ~(Status.mpie | Status.mie | Status.mpp)
        | (status & Status.mie != 0 ? Status.mpie : 0)
        | previous << Status.mppShift
      vector = state.pointee.mtvec
      state.pointee.privilege = Privilege.machine
    }
    state.pointee.mstatus = status
    let isVectored = vector & 1 != 0 && isInterrupt
    state.pointee.pc = (vector & ~3) &+ (isVectored ? cause * 4 : 0)
    if !isInterrupt { uncountTrapping() }
    // A reservation does not outlive a change of context.
    state.pointee.reservationAddress = ~0
    state.pointee.attention |= Attention.interrupts
    contextChanged()
  }

  /// Before the trap is entered: the registers still have the one before.
  @inline(__always)
  private func countException(_ cause: UInt64) {
    state.pointee.exceptionCount &+= 1
    let isSame =
      state.pointee.privilege == Privilege.machine
      ? state.pointee.mepc == state.pointee.pc && state.pointee.mcause == cause
      : state.pointee.sepc == state.pointee.pc && state.pointee.scause == cause
    state.pointee.trapsInARow = isSame ? state.pointee.trapsInARow &+ 1 : 0
  }

  /// An instruction that traps does not retire, so `minstret` does not count it (volume II, section 3.3.1); its position counts.
  @inline(__always)
  func uncountTrapping() {
    guard state.pointee.mcountinhibit & 4 == 0 else { return }
    state.pointee.minstretOffset &-= state.pointee.uncountedAtTrap
  }

  /// The interrupt to take now, if any (volume II, section 3.1.9): M before S, and within these by the standard order.
  func interruptToTake() -> UInt64? {
    let state = state.pointee
    let pending = (state.mipSoftware | state.interruptLines) & state.mie
    guard pending != 0 else { return nil }
    let machineEnabled =
      state.privilege < Privilege.machine || state.mstatus & Status.mie != 0
    let forMachine = machineEnabled ? pending & ~state.mideleg : 0
    let supervisorEnabled =
      state.privilege < Privilege.supervisor
      || (state.privilege == Privilege.supervisor && state.mstatus & Status.sie != 0)
    let forSupervisor = supervisorEnabled ? pending & state.mideleg : 0
    for candidates in [forMachine, forSupervisor] where candidates != 0 {
      for interrupt in Self.interruptOrder where candidates >> interrupt & 1 != 0 { return interrupt }
    }
    return nil
  }

  private static let interruptOrder: [UInt64] = [11, 3, 7, 9, 1, 5, 13]

  /// `mret` (volume II, section 3.3.2).
  func returnFromMachine() {
    let status = state.pointee.mstatus
    let previous = status >> Status.mppShift & 3
    state.pointee.mstatus =
      status & ~(Status.mie | Status.mpp | (previous != Privilege.machine ? Status.mprv : 0))
      | Status.mpie | (status & Status.mpie != 0 ? Status.mie : 0)
    state.pointee.pc = state.pointee.mepc
    state.pointee.privilege = previous
    finishReturn()
  }

  /// `sret` (volume II, section 3.3.2).
  func returnFromSupervisor() {
    let status = state.pointee.mstatus
    state.pointee.mstatus =
      status & ~(Status.sie | Status.spp | Status.mprv)
      | Status.spie | (status & Status.spie != 0 ? Status.sie : 0)
    state.pointee.pc = state.pointee.sepc
    state.pointee.privilege = status & Status.spp != 0 ? Privilege.supervisor : Privilege.user
    finishReturn()
  }

  private func finishReturn() {
    state.pointee.trapsInARow = 0
    state.pointee.reservationAddress = ~0
    state.pointee.attention |= Attention.interrupts
    contextChanged()
  }
}
