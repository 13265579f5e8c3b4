// SPDX-License-Identifier: Apache-2.0

/// Numbers of control and status registers (volume II, section 2.2).
enum CSR {
  static let fflags = 0x001
  static let frm = 0x002
  static let fcsr = 0x003
  static let cycle = 0xc00
  static let time = 0xc01
  static let instret = 0xc02
  static let sstatus = 0x100
  static let sie = 0x104
  static let stvec = 0x105
  static let scounteren = 0x106
  static let senvcfg = 0x10a
  static let sscratch = 0x140
  static let sepc = 0x141
  static let scause = 0x142
  static let stval = 0x143
  static let sip = 0x144
  static let stimecmp = 0x14d
  static let satp = 0x180
  static let mvendorid = 0xf11
  static let marchid = 0xf12
  static let mimpid = 0xf13
  static let mhartid = 0xf14
  static let mconfigptr = 0xf15
  static let mstatus = 0x300
  static let misa = 0x301
  static let medeleg = 0x302
  static let mideleg = 0x303
  static let mie = 0x304
  static let mtvec = 0x305
  static let mcounteren = 0x306
  static let menvcfg = 0x30a
  static let mcountinhibit = 0x320
  static let mscratch = 0x340
  static let mepc = 0x341
  static let mcause = 0x342
  static let mtval = 0x343
  static let mip = 0x344
  static let pmpConfiguration = 0x3a0
  static let pmpAddress = 0x3b0
  static let mcycle = 0xb00
  static let minstret = 0xb02
  static let scountovf = 0xda0
}

/// Bits of `mie` and `mip`.
enum InterruptBit {
  static let supervisorSoftware: UInt64 = 1 << 1
  static let supervisorTimer: UInt64 = 1 << 5
  static let supervisorExternal: UInt64 = 1 << 9
  static let supervisor = supervisorSoftware | supervisorTimer | supervisorExternal
  /// A performance counter has overflown (Sscofpmf).
  static let counterOverflow: UInt64 = 1 << 13
  static let all: UInt64 = 0xaaa

  /// The bits of `mideleg`; software may set them in `mip`.
  static func delegable(_ extensions: ProcessorExtensions) -> UInt64 {
    supervisor | (extensions.contains(.sscofpmf) ? counterOverflow : 0)
  }
}

/// What registers may hold.
private enum Mask {
  /// RV64 with the extensions A, C, D, F, I, M and the modes S and U.
  static let misa: UInt64 = 2 << 62 | 0x14_112d
  /// All exceptions there are but the environment call from M mode.
  static let medeleg: UInt64 = 0xb3ff
  static let counters: UInt64 = 0xffff_ffff
  static let countInhibit: UInt64 = 5
}

/// Reading and writing of CSRs. A CSR that is not there, or not for this privilege, is an illegal instruction: nil or false.
extension Interpreter {
  /// Volume II, section 2.1: bits 8 and 9 of the number give the lowest privilege, bits 10 and 11 say read-only.
  private func mayAccess(_ hart: Hart, _ number: Int, isWrite: Bool) -> Bool {
    let privilege = hart.state.pointee.privilege
    if UInt64(number >> 8 & 3) > privilege { return false }
    return !isWrite || number >> 10 != 3
  }

  func readCSR(_ hart: Hart, _ number: Int, forWrite: Bool) -> UInt64? {
    guard mayAccess(hart, number, isWrite: forWrite) else { return nil }
    let state = hart.state
    switch number {
    case CSR.fflags, CSR.frm, CSR.fcsr:
      guard state.pointee.mstatus & Status.fs != 0 else { return nil }
      if number == CSR.fflags { return state.pointee.fflags }
      if number == CSR.frm { return state.pointee.frm }
      return state.pointee.frm << 5 | state.pointee.fflags
    case CSR.cycle...0xc1f:
      state.pointee.outsideReads &+= 1
      return readUserCounter(hart, number)

    case CSR.sstatus: return readStatus(hart) & Status.supervisorVisible
    case CSR.sie: return state.pointee.mie & state.pointee.mideleg
    case CSR.stvec: return state.pointee.stvec
    case CSR.scounteren: return state.pointee.scounteren
    case CSR.senvcfg: return state.pointee.senvcfg
    case CSR.sscratch: return state.pointee.sscratch
    case CSR.sepc: return state.pointee.sepc
    case CSR.scause: return state.pointee.scause
    case CSR.stval: return state.pointee.stval
    case CSR.sip:
      state.pointee.outsideReads &+= 1
      return hart.pendingInterrupts & state.pointee.mideleg
    case CSR.stimecmp: return mayUseSupervisorTimer(hart) ? state.pointee.stimecmp : nil
    case CSR.satp: return mayUseTranslation(hart) ? state.pointee.satp : nil

    case CSR.mhartid: return UInt64(hart.index)
    case CSR.mvendorid, CSR.marchid, CSR.mimpid, CSR.mconfigptr: return 0
    case CSR.mstatus: return readStatus(hart)
    case CSR.misa: return Mask.misa | (extensions.contains(.b) ? 2 : 0)
    case CSR.medeleg: return state.pointee.medeleg
    case CSR.mideleg: return state.pointee.mideleg
    case CSR.mie: return state.pointee.mie
    case CSR.mtvec: return state.pointee.mtvec
    case CSR.mcounteren: return state.pointee.mcounteren
    case CSR.menvcfg: return state.pointee.menvcfg
    case CSR.mcountinhibit: return state.pointee.mcountinhibit
    case CSR.mscratch: return state.pointee.mscratch
    case CSR.mepc: return state.pointee.mepc
    case CSR.mcause: return state.pointee.mcause
    case CSR.mtval: return state.pointee.mtval
    case CSR.mip:
      state.pointee.outsideReads &+= 1
      // A read that a write follows leaves out what the interrupt controller drives (section 3.1.9).
      return forWrite
        ? state.pointee.mipSoftware
          | state.pointee.interruptLines & ~InterruptBit.supervisorExternal
        : hart.pendingInterrupts
    case CSR.mcycle:
      state.pointee.outsideReads &+= 1
      return counter(hart, state.pointee.mcycleOffset, inhibitBit: 0)
    case CSR.minstret:
      state.pointee.outsideReads &+= 1
      return counter(hart, state.pointee.minstretOffset, inhibitBit: 2)
    case 0xb03...0xb1f, 0x323...0x33f: return 0  // no further performance counters
    case 0x3a0, 0x3a2: return protection[hart.index].readConfiguration(number == 0x3a0 ? 0 : 2)
    case 0x3b0...0x3bf: return protection[hart.index].addresses[number - 0x3b0]
    case CSR.scountovf: return extensions.contains(.sscofpmf) ? 0 : nil
    case 0x7a0...0x7a4: return 0  // no triggers
    default: return nil
    }
  }

  /// Writes `value` to a CSR that `readCSR` found to be there and writable. Only the bits that the CSR has are taken.
  func writeCSR(_ hart: Hart, _ number: Int, _ value: UInt64) {
    let state = hart.state
    switch number {
    case CSR.fflags: state.pointee.fflags = value & 31
    case CSR.frm: state.pointee.frm = value & 7
    case CSR.fcsr:
      state.pointee.fflags = value & 31
      state.pointee.frm = value >> 5 & 7

    case CSR.sstatus: writeStatus(hart, value, writable: Status.supervisorWritable)
    case CSR.sie:
      let mask = state.pointee.mideleg
      state.pointee.mie = state.pointee.mie & ~mask | value & mask
    case CSR.stvec: if value & 3 < 2 { state.pointee.stvec = value }
    case CSR.scounteren: state.pointee.scounteren = value & Mask.counters
    case CSR.senvcfg: state.pointee.senvcfg = value & EnvironmentConfiguration.supervisor(extensions)
    case CSR.sscratch: state.pointee.sscratch = value
    case CSR.sepc: state.pointee.sepc = value & ~1
    case CSR.scause: state.pointee.scause = value
    case CSR.stval: state.pointee.stval = value
    case CSR.sip:
      let mask =
        InterruptBit.delegable(extensions) & state.pointee.mideleg
        & (InterruptBit.supervisorSoftware | InterruptBit.counterOverflow)
      state.pointee.mipSoftware = state.pointee.mipSoftware & ~mask | value & mask
    case CSR.stimecmp:
      state.pointee.stimecmp = value
      withMachine { $0.timersChanged() }
    case CSR.satp: writeTranslation(hart, value)

    case CSR.mstatus: writeStatus(hart, value, writable: Status.machineWritable)
    case CSR.medeleg: state.pointee.medeleg = value & Mask.medeleg
    case CSR.mideleg: state.pointee.mideleg = value & InterruptBit.delegable(extensions)
    case CSR.mie: state.pointee.mie = value & (InterruptBit.all | InterruptBit.delegable(extensions))
    case CSR.mtvec: if value & 3 < 2 { state.pointee.mtvec = value }
    case CSR.mcounteren: state.pointee.mcounteren = value & Mask.counters
    case CSR.menvcfg:
      let new = value & EnvironmentConfiguration.machine(extensions)
      // What translations depend on: those that exist have A and D set, but for any memory type.
      let changesTypes = (state.pointee.menvcfg ^ new) & EnvironmentConfiguration.pbmte != 0
      state.pointee.menvcfg = new
      if changesTypes { flushTranslations(hart) }
      withMachine { $0.timersChanged() }
    case CSR.mcountinhibit: writeCountInhibit(hart, value & Mask.countInhibit)
    case CSR.mscratch: state.pointee.mscratch = value
    case CSR.mepc: state.pointee.mepc = value & ~1
    case CSR.mcause: state.pointee.mcause = value
    case CSR.mtval: state.pointee.mtval = value
    case CSR.mip:
      // With Sstc the timer alone decides on STIP.
      let hasTimer = state.pointee.menvcfg & EnvironmentConfiguration.stce != 0
      let mask = InterruptBit.delegable(extensions) & ~(hasTimer ? InterruptBit.supervisorTimer : 0)
      state.pointee.mipSoftware = state.pointee.mipSoftware & ~mask | value & mask
    case CSR.mcycle:
      state.pointee.mcycleOffset = counterOffset(hart, value, inhibitBit: 0)
    case CSR.minstret:
      state.pointee.minstretOffset = counterOffset(hart, value, inhibitBit: 2)
    case 0x3a0, 0x3a2:
      protection[hart.index].writeConfiguration(number == 0x3a0 ? 0 : 2, value)
      protectionChanged(hart)
    case 0x3b0...0x3bf:
      protection[hart.index].writeAddress(number - 0x3b0, value)
      protectionChanged(hart)
    default: break  // present, and always zero
    }
    if number <= CSR.fcsr { state.pointee.mstatus |= Status.fs }
    state.pointee.attention |= Attention.interrupts
  }

  // MARK: Status and translation

  private func readStatus(_ hart: Hart) -> UInt64 {
    let status = hart.state.pointee.mstatus
    return status | (status & Status.fs == Status.fs ? Status.sd : 0)
  }

  private func writeStatus(_ hart: Hart, _ value: UInt64, writable: UInt64) {
    let old = hart.state.pointee.mstatus
    var new = old & ~writable | value & writable
    // Mode 2 does not exist: MPP keeps what it had.
    if new >> Status.mppShift & 3 == 2 { new = new & ~Status.mpp | old & Status.mpp }
    hart.state.pointee.mstatus = new
    if (old ^ new) & Status.mxr != 0 { flushTranslations(hart) }
    hart.contextChanged()
  }

  private func mayUseTranslation(_ hart: Hart) -> Bool {
    hart.state.pointee.privilege == Privilege.machine || hart.state.pointee.mstatus & Status.tvm == 0
  }

  private func writeTranslation(_ hart: Hart, _ value: UInt64) {
    // Bare, Sv39 and Sv48; a write with any other mode has no effect at all (section 4.1.11).
    let mode = value >> 60
    let old = hart.state.pointee.satp
    guard mode == 0 || mode == 8 || (mode == 9 && extensions.contains(.sv48)), value != old else { return }
    hart.state.pointee.satp = value
    rootChanged(hart, from: old)
  }

  // MARK: Counters and timers

  private func readUserCounter(_ hart: Hart, _ number: Int) -> UInt64? {
    let state = hart.state.pointee
    let bit = UInt64(1) << UInt64(number & 31)
    if state.privilege < Privilege.machine && state.mcounteren & bit == 0 { return nil }
    if state.privilege == Privilege.user && state.scounteren & bit == 0 { return nil }
    switch number {
    case CSR.cycle: return counter(hart, state.mcycleOffset, inhibitBit: 0)
    case CSR.time: return withMachine { $0.timeTicks }
    case CSR.instret: return counter(hart, state.minstretOffset, inhibitBit: 2)
    default: return 0
    }
  }

  private func mayUseSupervisorTimer(_ hart: Hart) -> Bool {
    let state = hart.state.pointee
    // Section 9.1 (Sstc): S mode needs both TM and STCE.
    return state.privilege == Privilege.machine
      || (state.mcounteren & 2 != 0 && state.menvcfg & EnvironmentConfiguration.stce != 0)
  }

  /// `mcycle` and `minstret` both count the hart's instructions: time that passes while it waits has no cycles.
  private func counter(_ hart: Hart, _ offset: UInt64, inhibitBit: UInt64) -> UInt64 {
    hart.state.pointee.mcountinhibit >> inhibitBit & 1 != 0 ? offset : hart.executed &+ offset
  }

  private func counterOffset(_ hart: Hart, _ value: UInt64, inhibitBit: UInt64) -> UInt64 {
    // The instruction that writes the counter does not increment it: the next one reads what was written.
    hart.state.pointee.mcountinhibit >> inhibitBit & 1 != 0 ? value : value &- (hart.executed &+ 1)
  }

  private func writeCountInhibit(_ hart: Hart, _ value: UInt64) {
    let state = hart.state
    let changed = state.pointee.mcountinhibit ^ value
    let cycles = counter(hart, state.pointee.mcycleOffset, inhibitBit: 0)
    let instructions = counter(hart, state.pointee.minstretOffset, inhibitBit: 2)
    state.pointee.mcountinhibit = value
    if changed & 1 != 0 { state.pointee.mcycleOffset = counterOffset(hart, cycles &+ 1, inhibitBit: 0) }
    if changed & 4 != 0 {
      state.pointee.minstretOffset = counterOffset(hart, instructions &+ 1, inhibitBit: 2)
    }
  }
}
