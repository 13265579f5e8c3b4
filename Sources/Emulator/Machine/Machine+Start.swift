// SPDX-License-Identifier: Apache-2.0

/// How harts begin.
extension Machine {
  /// Sets every hart to where `plan` has it start.
  func startHarts() {
    switch plan.start {
    case .machineMode:
      for hart in interpreter.harts {
        hart.state.pointee.pc = MemoryMap.bootROM.base
        hart.state.pointee.isStarted = 1
      }
    case .builtInSBI(let entry):
      for hart in performanceCounters.indices { performanceCounters[hart] = PerformanceCounters() }
      startInSupervisorMode(interpreter.harts[0], address: entry, argument: plan.deviceTreeAddress)
    }
  }

  /// The state that the SBI promises a supervisor (SBI 2.0, section 9, "Hart Start"), with everything delegated that
  /// S mode can handle.
  func startInSupervisorMode(_ hart: Hart, address: UInt64, argument: UInt64) {
    let lines = hart.state.pointee.interruptLines
    hart.reset()
    interpreter.protection[hart.index].reset()
    if !configuration.revision.isOpenWithoutProtection { interpreter.protection[hart.index].open() }
    interpreter.protectionChanged(hart)
    let state = hart.state
    state.pointee.interruptLines = lines
    state.pointee.privilege = Privilege.supervisor
    // Bit 0 falls away as in every jump; an ELF file may well have an odd entry point.
    state.pointee.pc = address & ~1
    state.pointee.medeleg = 0xb1ff
    state.pointee.mideleg = InterruptBit.delegable(configuration.extensions)
    state.pointee.mcounteren = 0xffff_ffff
    state.pointee.menvcfg =
      EnvironmentConfiguration.machine(configuration.extensions) & ~EnvironmentConfiguration.fiom
    if configuration.revision.handsOverAsOpenSBI {
      // As OpenSBI hands over: kernels rely on it, and let U mode read the clock without ever writing scounteren.
      state.pointee.scounteren = 7
      state.pointee.mstatus |= Status.fs
    }
    performanceCounters[hart.index] = PerformanceCounters()
    state.pointee.isStarted = 1
    hart.x[10] = UInt64(hart.index)
    hart.x[11] = argument
    hart.contextChanged()
    timersChanged()
  }
}
