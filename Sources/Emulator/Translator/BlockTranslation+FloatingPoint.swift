#if arch(x86_64)
  /// Moves between floating-point registers and memory or integer registers.
  extension BlockTranslation {
    /// False: it is none of these, and nothing was emitted.
    mutating func emitFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.opcode {
      case .fld, .flw: loadFloatingPoint(op)
      case .fsd, .fsw: storeFloatingPoint(op)
      case .fmvDX, .fmvXD: moveFloatingPoint(op)
      default: return emitFloatingPointArithmetic(op)
      }
      callOutAbandoned(op)
      return true
    }

    /// At the end of an instruction: where it was abandoned it calls out.
    mutating func callOutAbandoned(_ op: UnsafePointer<DecodedInstruction>) {
      for place in abandoned { callOut(from: place, op, translator.thunks.execute) }
      abandoned.removeAll(keepingCapacity: true)
    }

    /// Calls out, to raise an exception, where `mstatus.FS` is off.
    private mutating func requireUnit(_ op: UnsafePointer<DecodedInstruction>) {
      assembler.instruction(0xf7, 0, .memory(RegisterMap.mstatus), wide: false)  // test
      assembler.int32(Int32(Status.fs))
      abandoned.append(assembler.jump(.equal))
    }

    private mutating func markDirty() {
      assembler.arithmetic(
        .or, .memory(RegisterMap.mstatus), immediate: Int32(Status.fs), wide: false)
    }

    private mutating func loadFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      let isDouble = op.pointee.opcode == .fld
      let miss = lookUp(op.pointee, size: isDouble ? 8 : 4, .load)
      assembler.memory(
        0x8b, HostRegister.rdx.rawValue, base: .rax, displacement: 0, wide: isDouble)
      if !isDouble {
        // NaN boxing: all upper bits set.
        assembler.moveImmediate(.rcx, 0xffff_ffff_0000_0000)
        assembler.arithmetic(.or, .rdx, .register(.rcx))
      }
      assembler.move(RegisterMap.place(ofFloatingPoint: op.pointee.destination), .rdx)
      markDirty()
      callOut(from: miss, op, translator.thunks.execute)
    }

    private mutating func storeFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      let isDouble = op.pointee.opcode == .fsd
      let miss = lookUp(op.pointee, size: isDouble ? 8 : 4, .store)
      assembler.move(.rdx, RegisterMap.place(ofFloatingPoint: op.pointee.source2))
      assembler.memory(
        0x89, HostRegister.rdx.rawValue, base: .rax, displacement: 0, wide: isDouble)
      callOut(from: miss, op, translator.thunks.execute)
    }

    private mutating func moveFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      if op.pointee.opcode == .fmvXD {
        assembler.move(.rax, RegisterMap.place(ofFloatingPoint: op.pointee.source1))
        assembler.move(RegisterMap.operand(op.pointee.destination), .rax)
      } else {
        assembler.move(.rax, RegisterMap.operand(op.pointee.source1))
        assembler.move(RegisterMap.place(ofFloatingPoint: op.pointee.destination), .rax)
        markDirty()
      }
    }
  }
#endif
