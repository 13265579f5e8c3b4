// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Accesses with an inline cache, and what comes before: the profile that says which are to have one.
  extension BlockTranslation {
    /// What the code behind a miss needs to know.
    struct InlineCheck {
      var group: Int
      /// Where the access goes on with the distance to the host address in rax.
      var resume: UInt
    }

    /// As `locate`, for an access of a group; nil if it must look its page up all the same.
    ///
    /// Only the first access of a group compares. From there to the group's last access nothing may touch inline caches:
    /// where the interpreter is called in between, the block is left (`mustLeave(after:)`).
    mutating func locateInline(
      _ op: UnsafePointer<DecodedInstruction>, _ table: TranslationCache.Table
    ) -> HostPlace? {
      let index = op - UnsafePointer(block.instructions)
      guard !isInSoftware, let groups, let number = groups.group(of: index) else { return nil }
      let group = groups.groups[number]
      let isEstablished = established >> UInt64(number) & 1 != 0
      // What a load would miss, a look-up of its own may find.
      if !isEstablished && group.kind != table { return nil }

      // Where the base register is in memory, rdx holds it.
      var base = HostRegister.rdx
      if let mapped = RegisterMap.host(op.pointee.source1) {
        base = mapped
      } else {
        assembler.move(.rdx, RegisterMap.operand(op.pointee.source1))
      }
      var place = HostPlace(miss: nil, index: base, displacement: op.pointee.immediate)
      if !isEstablished {
        place.miss = compare(group, base)
        established |= 1 << UInt64(number)
      }
      assembler.move(.rax, inlineCache(group, .distance))
      if place.miss != nil { place.check = InlineCheck(group: number, resume: assembler.address) }
      return place
    }

    /// Answers the jump that is taken where the page is another.
    private mutating func compare(
      _ group: AccessGroups.Group, _ base: HostRegister
    ) -> UnsafeMutablePointer<UInt8> {
      assembler.loadAddress(.rcx, base, group.start)
      if group.isOneUnit {
        // Two comparisons in one: what is misaligned is as what is on another page.
        assembler.arithmetic(.and, .register(.rcx), immediate: -4096 | (group.span - 1))
        assembler.arithmetic(.cmp, .rcx, inlineCache(group, .page))
        return assembler.jump(.notEqual)
      }
      assembler.arithmetic(.sub, .rcx, inlineCache(group, .page))
      assembler.arithmetic(.cmp, .rcx, inlineCache(group, .limit))
      return assembler.jump(.aboveOrEqual)
    }

    private func inlineCache(_ group: AccessGroups.Group, _ field: InlineCaches.Field) -> HostOperand {
      .memory(
        RegisterMap.displacement(ofInlineCaches: context)
          + Int32(InlineCaches.offset(group.kind, field, group.number)))
    }

    /// What has been compared may not hold behind an instruction that the interpreter did. If some later access relies on
    /// it, the block cannot go on.
    func mustLeave(after op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard let groups else { return false }
      let index = op - UnsafePointer(block.instructions)
      return groups.groups.indices.contains {
        established >> UInt64($0) & 1 != 0 && groups.groups[$0].last > index
      }
    }

    /// Behind a miss: fills the inline cache if the translation cache has the page and the page holds all of the group. Goes on
    /// with the virtual address in rax where it does not.
    mutating func emitFill(_ check: InlineCheck, _ op: UnsafePointer<DecodedInstruction>) {
      let group = groups!.groups[check.group]
      let instruction = op.pointee
      let entry = RegisterMap.displacement(of: group.kind, context: context)
      let caches = RegisterMap.displacement(ofInlineCaches: context)
      formAddress(instruction)
      let unknown = lookUpRAX(size: InlineAccess(instruction.opcode)!.size, group.kind)
      // rbp + rcx = the entry. Where does the group begin?
      assembler.move(.rax, RegisterMap.operand(instruction.source1))
      if group.start != 0 { assembler.arithmetic(.add, .register(.rax), immediate: group.start) }
      let unfit: UnsafeMutablePointer<UInt8>
      if group.isOneUnit {
        assembler.byte(0xa8)  // test al, size - 1
        assembler.byte(UInt8(group.span - 1))
        unfit = assembler.jump(.notEqual)
      } else {
        assembler.arithmetic(.and, .register(.rax), immediate: 0xfff, wide: false)
        assembler.arithmetic(.cmp, .register(.rax), immediate: group.limit, wide: false)
        unfit = assembler.jump(.aboveOrEqual)
        assembler.instruction(0xc7, 0, inlineCache(group, .limit), wide: true)
        assembler.int32(group.limit)
      }
      // The look-up has left the page in rdx.
      assembler.move(inlineCache(group, .page), .rdx)
      assembler.shift(.right, .rdx, by: 12)
      assembler.arithmetic(
        .and, .register(.rdx), immediate: Int32(InlineCaches.originCount - 1), wide: false)
      assembler.memory(0xc6, 0, base: .rbp, index: .rdx, displacement: caches, wide: false)
      assembler.byte(1)
      assembler.instruction(
        0xc6, 0, .memory(caches + Int32(InlineCaches.areUsedOffset + group.kind.rawValue)), wide: false)
      assembler.byte(1)
      assembler.memory(
        0x8b, HostRegister.rax.rawValue, base: .rbp, index: .rcx, displacement: entry + 8, wide: true)
      assembler.move(inlineCache(group, .distance), .rax)
      if RegisterMap.host(instruction.source1) == nil {
        assembler.move(.rdx, RegisterMap.operand(instruction.source1))
      }
      emitAllowance(group)
      let worthless = assembler.jump(.negative)
      assembler.jump(to: check.resume)

      assembler.patchHere(unfit)
      emitAllowance(group)
      let alsoWorthless = assembler.jump(.negative)
      formAddress(instruction)
      let slow = assembler.jump()

      assembler.patchHere(worthless)
      assembler.patchHere(alsoWorthless)
      assembler.memory(0xc7, 0, at: translator.requestAddress, tail: 4, wide: false)
      assembler.int32(Int32(translator.cacheNumber(group.kind, group.number)) + 1)
      assembler.arithmetic(.add, .register(RegisterMap.budget), immediate: Int32(instruction.remaining))
      leaveToLoop(at: Int32(instruction.pageOffset))

      assembler.patchHere(unknown)
      assembler.patchHere(slow)
    }

    private mutating func emitAllowance(_ group: AccessGroups.Group) {
      let allowance = translator.tables.allowance(translator.cacheNumber(group.kind, group.number))
      assembler.memory(0xff, 1, at: UInt(bitPattern: allowance), wide: false)  // dec
    }

    /// Behind a look-up, with the page in rdx: notes whether it is another than before.
    mutating func emitProfile() {
      let access = translator.tables.access(block.pointee.translation.profile + profiledAccesses)
      profiledAccesses += 1
      let page = UInt(bitPattern: access)
      assembler.memory(0x3b, HostRegister.rdx.rawValue, at: page, wide: true)  // cmp
      let same = assembler.jump(.equal)
      assembler.memory(0x89, HostRegister.rdx.rawValue, at: page, wide: true)
      assembler.memory(0xff, 0, at: page + 8, wide: true)  // inc
      assembler.patchHere(same)
    }
  }
#endif
