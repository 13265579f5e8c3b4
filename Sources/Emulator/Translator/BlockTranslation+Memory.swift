// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Where an access is done, and how it may fail.
  struct HostPlace {
    /// The jump taken when it cannot be done inline; nil where that has been made sure.
    var miss: UnsafeMutablePointer<UInt8>?
    /// The host address is the sum of rax, this register and this distance.
    var index: HostRegister?
    var displacement: Int32 = 0
    /// What is to be done about an inline cache at the miss.
    var check: BlockTranslation.InlineCheck?

    /// Holds nothing where the access is done.
    var spare: HostRegister { index == .rdx ? .rcx : .rdx }

    // What follows is for `locateBare`.

    /// rax holds a distance from the start of RAM, at the misses too.
    var isOffset = false
    /// The jump taken for a page that needs care.
    var careMiss: UnsafeMutablePointer<UInt8>?
    /// The jump taken for a misaligned store of `size` bytes. It goes on at `resume` unless it crosses a page.
    var misaligned: (from: UnsafeMutablePointer<UInt8>, size: Int, resume: UInt)?
  }

  /// Loads and stores: the look-up of `TranslationCache.lookUp`, inline.
  extension BlockTranslation {
    /// Finds the host address of `size` bytes at the virtual address in source1 + immediate; rcx and rdx are used.
    mutating func locate(
      _ op: UnsafePointer<DecodedInstruction>, size: Int, _ table: TranslationCache.Table
    ) -> HostPlace {
      if isBare { return locateBare(op.pointee, size: size, table) }
      if let place = locateInline(op, table) { return place }
      let place = HostPlace(miss: lookUp(op.pointee, size: size, table))
      if code == .profiled && !isInSoftware { emitProfile() }
      return place
    }

    /// An instruction of the host's on what is at `place`.
    mutating func access(
      _ code: UInt32, _ register: UInt8, _ place: HostPlace, wide: Bool, isByte: Bool = false
    ) {
      if let index = place.index {
        assembler.memory(
          code, register, base: .rax, index: index, displacement: place.displacement, wide: wide,
          isByte: isByte)
      } else {
        assembler.memory(
          code, register, base: .rax, displacement: place.displacement, wide: wide, isByte: isByte)
      }
    }

    /// rax = the host address of `size` bytes at the virtual address in source1 + immediate. Answers the jump that is
    /// taken, with the virtual address in rax, when the table does not have it.
    mutating func lookUp(
      _ instruction: DecodedInstruction, size: Int, _ table: TranslationCache.Table
    ) -> UnsafeMutablePointer<UInt8> {
      formAddress(instruction)
      return lookUpRAX(size: size, table)
    }

    /// The same for the virtual address in rax.
    mutating func lookUpRAX(size: Int, _ table: TranslationCache.Table) -> UnsafeMutablePointer<UInt8> {
      let entry = RegisterMap.displacement(of: table, context: context)
      assembler.move(.rcx, .register(.rax), wide: false)
      assembler.shift(.right, .rcx, by: 8, wide: false)
      assembler.arithmetic(
        .and, .register(.rcx), immediate: Int32((TranslationCache.entryCount - 1) * 16), wide: false)
      assembler.loadAddress(.rdx, .rax, Int32(size - 1))
      assembler.arithmetic(.and, .register(.rdx), immediate: -4096)
      assembler.memory(
        0x3b, HostRegister.rdx.rawValue, base: .rbp, index: .rcx, displacement: entry, wide: true)
      let miss = assembler.jump(.notEqual)
      assembler.memory(
        0x03, HostRegister.rax.rawValue, base: .rbp, index: .rcx, displacement: entry + 8, wide: true)
      return miss
    }

    /// rax = source1 + immediate
    mutating func formAddress(_ instruction: DecodedInstruction) {
      if let base = RegisterMap.host(instruction.source1) {
        assembler.loadAddress(.rax, base, instruction.immediate)
      } else {
        assembler.move(.rax, RegisterMap.operand(instruction.source1))
        if instruction.immediate != 0 {
          assembler.arithmetic(.add, .register(.rax), immediate: instruction.immediate)
        }
      }
    }

    mutating func load(_ op: UnsafePointer<DecodedInstruction>) {
      let instruction = op.pointee
      let place = locate(op, size: instruction.opcode.accessSize, .load)
      let target = RegisterMap.host(instruction.destination) ?? .rax
      let (code, wide): (UInt32, Bool) =
        switch instruction.opcode {
        case .lb: (0x0fbe, true)
        case .lbu: (0x0fb6, false)
        case .lh: (0x0fbf, true)
        case .lhu: (0x0fb7, false)
        case .lw: (0x63, true)
        case .lwu: (0x8b, false)
        default: (0x8b, true)
        }
      access(code, target.rawValue, place, wide: wide)
      assembler.move(RegisterMap.operand(instruction.destination), target)
      // The slow path has set the register itself.
      callOut(from: place, op, translator.thunks.load)
    }

    mutating func store(_ op: UnsafePointer<DecodedInstruction>) {
      let instruction = op.pointee
      let place = locate(op, size: instruction.opcode.accessSize, .store)
      var value = place.spare
      if let mapped = RegisterMap.host(instruction.source2) {
        value = mapped
      } else {
        assembler.move(value, RegisterMap.operand(instruction.source2))
      }
      switch instruction.opcode {
      case .sb: access(0x88, value.rawValue, place, wide: false, isByte: true)
      case .sh:
        assembler.byte(0x66)
        access(0x89, value.rawValue, place, wide: false)
      case .sw: access(0x89, value.rawValue, place, wide: false)
      default: access(0x89, value.rawValue, place, wide: true)
      }
      callOut(from: place, op, translator.thunks.store)
    }
  }
#endif
