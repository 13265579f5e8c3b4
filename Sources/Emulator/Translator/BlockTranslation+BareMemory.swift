// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Loads and stores of blocks that run only while `Hart.isBare`: an address is compared with the bounds of RAM, and
  /// for a store the page's flags are looked at. Everything else calls out, as what the TLB does not have does.
  extension BlockTranslation {
    /// Leaves rax holding the distance of source1 + immediate from the start of RAM.
    mutating func locateBare(
      _ instruction: DecodedInstruction, size: Int, _ table: TranslationCache.Table
    ) -> HostPlace {
      let memory = translator.memory
      formOffset(instruction, memory.base)
      // A negative distance is a large number. `GuestMemory.isWithinDisplacements`: all of these fit.
      assembler.arithmetic(.cmp, .register(.rax), immediate: Int32(Int(memory.size) - size))
      var place = HostPlace(
        miss: assembler.jump(.above), displacement: Int32(Int(bitPattern: memory.bytes)), isOffset: true)
      guard table == .store else { return place }
      if size > 1 {
        assembler.byte(0xa8)  // test al, size - 1
        assembler.byte(UInt8(size - 1))
        let misaligned = assembler.jump(.notEqual)
        place.misaligned = (misaligned, size, resume: assembler.address)
      }
      assembler.move(.rcx, .register(.rax), wide: false)
      assembler.shift(.right, .rcx, by: UInt8(GuestMemory.pageShift), wide: false)
      // test dword [rcx * 2 + flags], needsCare: the upper half is the next page's and not looked at.
      assembler.byte(0xf7)
      assembler.byte(0x04)
      assembler.byte(0x4d)
      assembler.int32(Int32(Int(bitPattern: memory.flags)))
      assembler.int32(Int32(PageFlags.needsCare))
      place.careMiss = assembler.jump(.notEqual)
      return place
    }

    private mutating func formOffset(_ instruction: DecodedInstruction, _ origin: UInt64) {
      let distance = Int64(instruction.immediate) &- Int64(bitPattern: origin)
      if let distance = Int32(exactly: distance) {
        if let base = RegisterMap.host(instruction.source1) {
          assembler.loadAddress(.rax, base, distance)
        } else {
          assembler.move(.rax, RegisterMap.operand(instruction.source1))
          assembler.arithmetic(.add, .register(.rax), immediate: distance)
        }
      } else {
        formAddress(instruction)
        assembler.arithmetic(.add, .register(.rax), immediate: Int32(-Int64(bitPattern: origin)))
      }
    }

    /// What stands behind the block for `place`: the rest of a misaligned store, then, at the misses, rax = the virtual
    /// address.
    mutating func emitMisses(_ place: HostPlace, _ op: UnsafePointer<DecodedInstruction>) {
      if let misaligned = place.misaligned {
        assembler.patchHere(misaligned.from)
        assembler.move(.rcx, .register(.rax), wide: false)
        assembler.arithmetic(.and, .register(.rcx), immediate: 0xfff, wide: false)
        assembler.arithmetic(.cmp, .register(.rcx), immediate: Int32(4096 - misaligned.size), wide: false)
        assembler.jump(.belowOrEqual, to: misaligned.resume)
      }
      if let miss = place.miss { assembler.patchHere(miss) }
      if let check = place.check { emitFill(check, op) }
      if let careMiss = place.careMiss { assembler.patchHere(careMiss) }
      if place.isOffset {
        let origin = Int64(bitPattern: translator.memory.base)
        assembler.arithmetic(.sub, .register(.rax), immediate: Int32(-origin))
      }
    }
  }
#endif
