// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// The A extension, for aligned words in pages that the translation cache has; the rest calls out. Harts run in turns on one
  /// host thread, so plain reads and writes are atomic (`Interpreter.executeAtomic`).
  extension BlockTranslation {
    /// False: it is not an atomic instruction, or one that always calls out; nothing was emitted.
    mutating func emitAtomic(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.opcode {
      case .lrW, .lrD: loadReserved(op)
      case .scW, .scD: storeConditional(op)
      case .amoswapW, .amoswapD: exchange(op) { $0.move(.rcx, $1) }
      case .amoaddW, .amoaddD: exchange(op) { $0.arithmetic(.add, .rcx, $1) }
      case .amoxorW, .amoxorD: exchange(op) { $0.arithmetic(.xor, .rcx, $1) }
      case .amoandW, .amoandD: exchange(op) { $0.arithmetic(.and, .rcx, $1) }
      case .amoorW, .amoorD: exchange(op) { $0.arithmetic(.or, .rcx, $1) }
      default: return false
      }
      return true
    }

    /// As `lookUp`, for an access that must be aligned. What is not calls out, as what is not in the cache does.
    private mutating func lookUpAligned(
      _ op: UnsafePointer<DecodedInstruction>, _ table: TranslationCache.Table
    ) -> [UnsafeMutablePointer<UInt8>] {
      let size = op.pointee.opcode.isDoublewordAtomic ? 8 : 4
      assembler.move(.rax, RegisterMap.operand(op.pointee.source1), wide: false)
      assembler.byte(0xa8)  // test al, size - 1
      assembler.byte(UInt8(size - 1))
      let misaligned = assembler.jump(.notEqual)
      return [misaligned, lookUp(op.pointee, size: size, table)]
    }

    private mutating func loadInteger(_ isDoubleword: Bool) {
      assembler.memory(
        isDoubleword ? 0x8b : 0x63, HostRegister.rdx.rawValue, base: .rax, displacement: 0, wide: true)
    }

    private mutating func storeInteger(_ isDoubleword: Bool) {
      assembler.memory(
        0x89, HostRegister.rcx.rawValue, base: .rax, displacement: 0, wide: isDoubleword)
    }

    /// `body` makes the new value in rcx from the old one there and the operand. A word's upper half is of no account.
    private mutating func exchange(
      _ op: UnsafePointer<DecodedInstruction>, _ body: (inout Assembler, HostOperand) -> Void
    ) {
      let isDoubleword = op.pointee.opcode.isDoublewordAtomic
      let misses = lookUpAligned(op, .store)
      loadInteger(isDoubleword)
      assembler.move(.rcx, .register(.rdx))
      body(&assembler, RegisterMap.operand(op.pointee.source2))
      storeInteger(isDoubleword)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rdx)
      for miss in misses { callOut(from: miss, op, translator.thunks.execute) }
    }

    private mutating func loadReserved(_ op: UnsafePointer<DecodedInstruction>) {
      let misses = lookUpAligned(op, .load)
      loadInteger(op.pointee.opcode.isDoublewordAtomic)
      formPhysicalAddress()
      assembler.move(.memory(RegisterMap.reservationAddress), .rcx)
      assembler.move(.memory(RegisterMap.reservationValue), .rdx)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rdx)
      for miss in misses { callOut(from: miss, op, translator.thunks.execute) }
    }

    private mutating func storeConditional(_ op: UnsafePointer<DecodedInstruction>) {
      let isDoubleword = op.pointee.opcode.isDoublewordAtomic
      let misses = lookUpAligned(op, .store)
      loadInteger(isDoubleword)
      formPhysicalAddress()
      assembler.arithmetic(.cmp, .rcx, .memory(RegisterMap.reservationAddress))
      let otherAddress = assembler.jump(.notEqual)
      assembler.arithmetic(.cmp, .rdx, .memory(RegisterMap.reservationValue))
      let otherValue = assembler.jump(.notEqual)
      assembler.move(.rcx, RegisterMap.operand(op.pointee.source2))
      storeInteger(isDoubleword)
      assembler.moveImmediate(.rdx, 0)
      let stored = assembler.jump()
      assembler.patchHere(otherAddress)
      assembler.patchHere(otherValue)
      assembler.moveImmediate(.rdx, 1)
      assembler.patchHere(stored)
      assembler.moveImmediate(.rcx, ~0)
      assembler.move(.memory(RegisterMap.reservationAddress), .rcx)
      assembler.move(RegisterMap.operand(op.pointee.destination), .rdx)
      for miss in misses { callOut(from: miss, op, translator.thunks.execute) }
    }

    /// rcx = the physical address of the host address in rax.
    private mutating func formPhysicalAddress() {
      let memory = translator.memory
      assembler.moveImmediate(.rcx, memory.base &- UInt64(UInt(bitPattern: memory.bytes)))
      assembler.arithmetic(.add, .rcx, .register(.rax))
    }
  }

  extension Opcode {
    fileprivate var isDoublewordAtomic: Bool { rawValue >= Opcode.lrD.rawValue }
  }
#endif
