// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Translating again what runs often: see `TranslationStage`.
  extension Translator {
    /// The access that an inline cache was last given to: the first of its group.
    struct InlineCacheOwner {
      var block: Block
      var instruction: Int
      /// The position of its hart, in instructions, from which on its fills are counted.
      var start: UInt64
    }

    /// An inline cache may be filled so often,
    private var fillLimit: Int32 { isHasty ? 4 : 256 }
    /// once in so many instructions. Where that is too seldom, looking the page up each time is quicker.
    private static let instructionsPerFill: UInt64 = 2000

    /// Translated code writes there which inline cache is of little use: one more than its number, or 0.
    var requestAddress: UInt { UInt(bitPattern: tables.request) }

    /// Of an inline cache, among those of both kinds.
    func cacheNumber(_ kind: TranslationCache.Table, _ number: Int) -> Int {
      kind.rawValue * InlineCaches.entryCount + number
    }

    /// Before `block` is run: does what it is time for.
    @inline(__always)
    func improve(_ hart: Hart, _ block: Block) {
      if tables.request.pointee != 0 { reconsiderCache(hart) }
      let counter = block.pointee.translation.counter
      if counter >= 0 && tables.counter(counter).pointee < 0 { nextStage(hart, block) }
    }

    /// All are free.
    func setCacheNumbers() {
      let numbers = InlineCacheNumbers(count: isHasty ? 8 : InlineCaches.entryCount)
      cacheNumbers = [numbers, numbers]
    }

    @inline(never)
    private func nextStage(_ hart: Hart, _ block: Block) {
      let counter = tables.counter(block.pointee.translation.counter)
      counter.pointee = .max
      guard !isFull else { return }
      let accesses = AccessGroups.accesses(of: block)
      let old = block.pointee.code
      if block.pointee.translation.code == .plain {
        block.pointee.translation.profile = tables.claimAccesses(accesses.count)
        counter.pointee = isHasty ? 2 : Self.profiledRuns
        translate(block, .profiled)
      } else {
        for (access, index) in zip(block.pointee.translation.profile..., accesses) where !staysOnPage(access)
        {
          block.pointee.translation.uncached |= 1 << UInt64(index)
        }
        block.pointee.translation.counter = -1
        translateWithCaches(hart, block)
      }
      redirect(old, block)
    }

    /// Is an access worth an inline cache? One that never came is not.
    private func staysOnPage(_ access: Int32) -> Bool {
      let seen = tables.access(access).pointee
      return seen.page != ~0 && seen.changes <= 1 + UInt64(Self.profiledRuns) / 32
    }

    private func translateWithCaches(_ hart: Hart, _ block: Block) {
      let uncached = block.pointee.translation.uncached
      var groups = AccessGroups(block) { uncached >> UInt64($0) & 1 == 0 }
      for index in groups.groups.indices {
        let kind = groups.groups[index].kind
        let taken = groups.groups.lazy.filter { $0.kind == kind }.map(\.number)
        guard let number = cacheNumbers[kind.rawValue].claim(groups.groups[index].cacheClass, except: taken)
        else {
          groups.remove(group: index)
          continue
        }
        groups.setNumber(number, group: index)
        let cache = cacheNumber(kind, number)
        cacheOwners[cache] = InlineCacheOwner(
          block: block, instruction: groups.firstInstruction(of: index), start: hart.executed)
        tables.allowance(cache).pointee = fillLimit
      }
      translate(block, .cached, groups: groups)
    }

    /// Code that is no more the block's leads to what is.
    private func redirect(_ old: UInt, _ block: Block) {
      for number in incoming[UInt(bitPattern: block)] ?? [] {
        Assembler.patch(sites[Int(number)].place, to: block.pointee.code)
      }
      // A block's code is longer than a jump.
      var assembler = Assembler(at: UnsafeMutablePointer(bitPattern: old)!)
      assembler.jump(to: block.pointee.code)
    }

    /// An inline cache has been filled often. If that was within few instructions, its access does without it.
    @inline(never)
    private func reconsiderCache(_ hart: Hart) {
      let number = Int(tables.request.pointee) - 1
      tables.request.pointee = 0
      tables.allowance(number).pointee = fillLimit
      guard let owner = cacheOwners[number] else { return }
      let now = hart.executed
      guard now &- owner.start < UInt64(fillLimit) * Self.instructionsPerFill else {
        cacheOwners[number]!.start = now
        return
      }
      guard owner.block.pointee.translation.code == .cached && !isFull else { return }
      let old = owner.block.pointee.code
      owner.block.pointee.translation.uncached |= 1 << UInt64(owner.instruction)
      translateWithCaches(hart, owner.block)
      redirect(old, owner.block)
    }
  }
#endif
