// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Jumps to where a register points, and jumps that are told to whoever looks on.
  extension BlockTranslation {
    /// A `jalr`: rax = where it leads. Links.
    mutating func formTarget(_ instruction: DecodedInstruction) {
      assembler.move(.rax, RegisterMap.operand(instruction.source1))
      if instruction.immediate != 0 {
        assembler.arithmetic(.add, .register(.rax), immediate: instruction.immediate)
      }
      assembler.arithmetic(.and, .register(.rax), immediate: -2)
      if instruction.destination != DecodedInstruction.bin {
        assembler.move(.rcx, .memory(RegisterMap.pageBase))
        assembler.arithmetic(
          .add, .register(.rcx), immediate: Int32(instruction.pageOffset) + Int32(instruction.length))
        assembler.move(RegisterMap.operand(instruction.destination), .rcx)
      }
    }

    /// A `jal` or `jalr` that ends the block, or a branch that is taken, which is written down (`Interpreter.note`).
    mutating func notedJump(_ instruction: DecodedInstruction) {
      let here = Int32(instruction.pageOffset)
      let target = here &+ instruction.immediate
      if instruction.opcode == .notedJalr {
        formTarget(instruction)
        note(instruction)
        goToRAX()
      } else {
        if instruction.opcode == .notedJal, instruction.destination != DecodedInstruction.bin {
          setLink(instruction, here + Int32(instruction.length))
        }
        formAddress(target)
        note(instruction)
        goTo(target)
      }
    }

    /// Leaves rax, which holds where the jump leads.
    private mutating func note(_ instruction: DecodedInstruction) {
      func write(_ register: HostRegister, _ offset: Int32) {
        assembler.memory(0x89, register.rawValue, base: .rcx, displacement: offset, wide: true)  // mov
      }
      assembler.move(.rcx, .memory(RegisterMap.transferCursor))
      write(.rax, ControlTransfer.targetOffset)
      assembler.move(.rdx, RegisterMap.operand(2))
      write(.rdx, ControlTransfer.stackPointerOffset)
      write(RegisterMap.budget, ControlTransfer.budgetOffset)
      assembler.memory(0xc7, 0, base: .rcx, displacement: ControlTransfer.formOffset, wide: true)  // mov
      assembler.int32(Int32(ControlTransfer.form(of: instruction)))
      assembler.move(.rdx, .memory(RegisterMap.pageBase))
      assembler.arithmetic(.add, .register(.rdx), immediate: Int32(instruction.pageOffset))
      write(.rdx, ControlTransfer.sourceOffset)
      assembler.arithmetic(
        .add, .register(.rcx), immediate: Int32(MemoryLayout<ControlTransfer>.stride))
      assembler.move(.memory(RegisterMap.transferCursor), .rcx)
      assembler.arithmetic(.cmp, .rcx, .memory(RegisterMap.transferLimit))
      assembler.jump(.aboveOrEqual, to: translator.thunks.exitToHandTransfers)
    }
  }
#endif
