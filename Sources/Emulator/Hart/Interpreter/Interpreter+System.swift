// SPDX-License-Identifier: Apache-2.0

/// Instructions that change or report the state of the hart itself. Each ends its block.
extension Interpreter {
  /// Executes the last instruction of a block; afterwards `state.pc` is where the hart goes on.
  @inline(never)
  func executeSystem(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    let state = hart.state
    beginExactPosition(hart, instruction)
    switch instruction.pointee.opcode {
    // Translated code has looked at its condition.
    case .waitingBranch: repeatWait(hart, instruction)
    case .ecall: environmentCall(hart, instruction)
    case .ebreak where hasSemihosting && isSemihostingCall(hart, instruction):
      callSemihosting(hart, instruction)
    case .ebreak:
      raise(hart, instruction, cause: ExceptionCause.breakpoint, value: address(of: instruction, hart))
    case .fenceI:
      // Code is always true to memory here (`codeStore`): there is nothing to do.
      leaveBlock(hart, after: instruction)
    case .sfenceVMA:
      guard isAllowed(hart, unless: Status.tvm) else { return raiseIllegal(hart, instruction) }
      // Translations are always true to memory. A fence of everything is a good moment to let go of pages that
      // hold page tables no more.
      if instruction.pointee.source1 == 0 { flushTranslations(hart) }
      leaveBlock(hart, after: instruction)
    case .svinval:
      // As `sfence.vma`, in parts: there is nothing to do.
      let allowed =
        instruction.pointee.immediate == 1
        ? isAllowed(hart, unless: Status.tvm) : state.pointee.privilege != Privilege.user
      guard allowed else { return raiseIllegal(hart, instruction) }
      leaveBlock(hart, after: instruction)
    case .mret:
      guard state.pointee.privilege == Privilege.machine else { return raiseIllegal(hart, instruction) }
      endExactPosition(hart)
      hart.returnFromMachine()
      tellReturn(hart, programCounter: address(of: instruction, hart), privilege: Privilege.machine)
    case .sret:
      guard isAllowed(hart, unless: Status.tsr) else { return raiseIllegal(hart, instruction) }
      endExactPosition(hart)
      let privilege = state.pointee.privilege
      hart.returnFromSupervisor()
      tellReturn(hart, programCounter: address(of: instruction, hart), privilege: privilege)
    case .wfi:
      guard isAllowed(hart, unless: Status.tw) else { return raiseIllegal(hart, instruction) }
      leaveBlock(hart, after: instruction)
      if hart.pendingInterrupts & state.pointee.mie == 0 {
        state.pointee.isWaiting = 1
        state.pointee.attention |= Attention.leave
      }
    case .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci: executeCSR(hart, instruction)
    default: raiseIllegal(hart, instruction)
    }
  }

  /// M mode always; S mode unless the bit of `mstatus` forbids it; U mode never.
  private func isAllowed(_ hart: Hart, unless bit: UInt64) -> Bool {
    switch hart.state.pointee.privilege {
    case Privilege.machine: true
    case Privilege.supervisor: hart.state.pointee.mstatus & bit == 0
    default: false
    }
  }

  private func environmentCall(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    switch hart.state.pointee.privilege {
    case Privilege.user:
      raise(hart, instruction, cause: ExceptionCause.environmentCallFromUser, value: 0)
    case Privilege.supervisor:
      // The call may start, stop or reset harts: it acts on a hart that stands after the instruction.
      let next = address(of: instruction, hart) &+ 4
      hart.state.pointee.pc = next
      guard withMachine({ $0.environmentCall(hart: hart.index) }) else {
        return raise(hart, instruction, cause: ExceptionCause.environmentCallFromSupervisor, value: 0)
      }
      hart.state.pointee.attention |= Attention.interrupts
      endExactPosition(hart)
    default:
      raise(hart, instruction, cause: ExceptionCause.environmentCallFromMachine, value: 0)
    }
  }

  private func executeCSR(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    let opcode = instruction.pointee.opcode
    let number = Int(instruction.pointee.immediate)
    let source = instruction.pointee.source1
    let operand: UInt64
    switch opcode {
    case .csrrwi, .csrrsi, .csrrci: operand = UInt64(source)
    default: operand = hart.x[Int(source)]
    }
    let isSwap = opcode == .csrrw || opcode == .csrrwi
    // Set and clear with x0 or zero do not write at all (volume I, section 7.1).
    let writes = isSwap || source != 0
    guard let old = readCSR(hart, number, forWrite: writes) else {
      return raiseIllegal(hart, instruction)
    }
    // Only reads of `mip` differ by what follows; the program sees the full value.
    let seen = number == CSR.mip ? hart.pendingInterrupts : old
    if writes {
      let new: UInt64 =
        switch opcode {
        case .csrrs, .csrrsi: old | operand
        case .csrrc, .csrrci: old & ~operand
        default: operand
        }
      writeCSR(hart, number, new)
    }
    hart.x[Int(instruction.pointee.destination)] = seen
    leaveBlock(hart, after: instruction)
  }
}
