// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Of the extensions after RV64GC, what is not simple and worth code of its own: products without carry, and clearing a block
  /// of a cache, by which kernels clear pages.
  extension BlockTranslation {
    /// False: nothing was emitted.
    mutating func emitLaterExtension(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      switch op.pointee.opcode {
      case .clmul, .clmulh, .clmulr:
        guard translator.features.multipliesCarryless else { return false }
        multiplyCarryless(op.pointee)
      case .cacheBlock:
        guard op.pointee.immediate == CacheBlockOperation.zero.rawValue else { return false }
        clearBlock(op)
      default: return false
      }
      return true
    }

    private mutating func multiplyCarryless(_ instruction: DecodedInstruction) {
      // The product of 128 bits in xmm0.
      assembler.instruction(0x66_0f6e, 0, RegisterMap.operand(instruction.source1), wide: true)  // movq
      assembler.instruction(0x66_0f6e, 1, RegisterMap.operand(instruction.source2), wide: true)
      emit([0x66, 0x0f, 0x3a, 0x44, 0xc1, 0x00])  // pclmulqdq xmm0, xmm1, 0
      switch instruction.opcode {
      case .clmul: moveProduct(to: .rax)
      case .clmulh:
        emit([0x66, 0x0f, 0x73, 0xd8, 0x08])  // psrldq xmm0, 8
        moveProduct(to: .rax)
      default:
        moveProduct(to: .rdx)
        emit([0x66, 0x0f, 0x73, 0xd8, 0x08])
        moveProduct(to: .rax)
        // Bits 63 to 126.
        assembler.instruction(0x0fa4, HostRegister.rdx.rawValue, .register(.rax), wide: true)  // shld
        assembler.byte(1)
      }
      assembler.move(RegisterMap.operand(instruction.destination), .rax)
    }

    private mutating func moveProduct(to target: HostRegister) {
      assembler.instruction(0x66_0f7e, 0, .register(target), wide: true)  // movq
    }

    private mutating func emit(_ bytes: [UInt8]) {
      for byte in bytes { assembler.byte(byte) }
    }

    /// For pages that the translation cache has; the rest calls out.
    private mutating func clearBlock(_ op: UnsafePointer<DecodedInstruction>) {
      var misses = checkMayClear()
      assembler.move(.rax, RegisterMap.operand(op.pointee.source1))
      assembler.arithmetic(.and, .register(.rax), immediate: Int32(-Interpreter.cacheBlockSize))
      misses.append(lookUpRAX(size: Interpreter.cacheBlockSize, .store))
      assembler.instruction(0x0f57, 0, VectorRegister.xmm0.operand, wide: false)  // xorps
      for offset in stride(from: Int32(0), to: Int32(Interpreter.cacheBlockSize), by: 16) {
        assembler.memory(0x0f11, 0, base: .rax, displacement: offset, wide: false)  // movups
      }
      for miss in misses { callOut(from: miss, op, translator.thunks.execute) }
    }

    /// Code does not depend on the privilege: `Interpreter.mayManage`, inline. Answers the jumps that are taken where it may not.
    private mutating func checkMayClear() -> [UnsafeMutablePointer<UInt8>] {
      func compare(_ assembler: inout Assembler, _ privilege: UInt64) {
        assembler.arithmetic(.cmp, .memory(RegisterMap.privilege), immediate: Int32(privilege))
      }
      func test(_ assembler: inout Assembler, _ register: Int32) {
        assembler.instruction(0xf7, 0, .memory(register), wide: false)
        assembler.int32(Int32(EnvironmentConfiguration.cbze))
      }
      compare(&assembler, Privilege.machine)
      let isMachine = assembler.jump(.equal)
      test(&assembler, RegisterMap.menvcfg)
      let isForbidden = assembler.jump(.equal)
      compare(&assembler, Privilege.supervisor)
      let isSupervisor = assembler.jump(.equal)
      test(&assembler, RegisterMap.senvcfg)
      let isForbiddenToUser = assembler.jump(.equal)
      assembler.patchHere(isMachine)
      assembler.patchHere(isSupervisor)
      return [isForbidden, isForbiddenToUser]
    }
  }
#endif
