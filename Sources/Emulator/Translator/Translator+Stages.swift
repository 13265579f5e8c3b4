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
      /// Fills after which somebody looks at whether it is of any use.
      var fillLimit: Int32
    }

    /// A block that runs less often than once in so many instructions gets no inline caches: what they hold would mostly have
    /// gone by the next time, with a change of the address space or to whatever else it is shared with.
    private static let longestDistance: UInt64 = 200
    /// Runs of a block for each fill of an inline cache. Where there are fewer, looking the page up each time is quicker.
    private static let runsPerFill: UInt64 = 16
    /// An inline cache that is filled once in so many instructions does not matter.
    private static let rareFill: UInt64 = 50_000

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

    /// The next stage is due after so many runs of the block from here.
    func startCounting(_ hart: Hart, _ block: Block, runs: Int32) {
      tables.counter(block.pointee.translation.counter).pointee = runs
      block.pointee.translation.start = hart.executed
    }

    /// How far apart the block's runs were since it was counted that there were to be so many.
    private func noteDistance(_ hart: Hart, _ block: Block, runs: Int32) {
      block.pointee.translation.distance = (hart.executed &- block.pointee.translation.start) / UInt64(runs)
    }

    @inline(never)
    private func nextStage(_ hart: Hart, _ block: Block) {
      tables.counter(block.pointee.translation.counter).pointee = .max
      guard !isFull else { return }
      let isProfiled = block.pointee.translation.code == .profiled
      noteDistance(hart, block, runs: isProfiled ? Self.profiledRuns : Self.plainRuns)
      let isRare = !isHasty && block.pointee.translation.distance > Self.longestDistance
      if isProfiled {
        if isRare { translatePlainly(hart, block) } else { useProfile(hart, block) }
      } else if isRare {
        startCounting(hart, block, runs: Self.plainRuns)
      } else {
        profile(hart, block)
      }
    }

    private func translatePlainly(_ hart: Hart, _ block: Block) {
      startCounting(hart, block, runs: Self.plainRuns)
      translate(block, .plain)
    }

    private func profile(_ hart: Hart, _ block: Block) {
      block.pointee.translation.profile = tables.claimAccesses(AccessGroups.accesses(of: block).count)
      block.pointee.translation.profileCount = min(block.pointee.translation.profileCount + 1, 16)
      startCounting(hart, block, runs: isHasty ? 2 : Self.profiledRuns)
      translate(block, .profiled)
    }

    private func useProfile(_ hart: Hart, _ block: Block) {
      for (access, index) in zip(block.pointee.translation.profile..., AccessGroups.accesses(of: block))
      where !staysOnPage(access) {
        block.pointee.translation.uncached |= 1 << UInt64(index)
      }
      translateWithCaches(hart, block)
    }

    /// Is an access worth an inline cache? One that never came is not.
    private func staysOnPage(_ access: Int32) -> Bool {
      let seen = tables.access(access).pointee
      return seen.page != ~0 && seen.changes <= 1 + UInt64(Self.profiledRuns) / 32
    }

    private func translateWithCaches(_ hart: Hart, _ block: Block) {
      let uncached = block.pointee.translation.uncached
      // Whoever was looked at before and found to be right may go on for longer.
      let fillLimit = isHasty ? 4 : Int32(128) << Int32(block.pointee.translation.profileCount)
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
          block: block, instruction: groups.firstInstruction(of: index), start: hart.executed,
          fillLimit: fillLimit)
        tables.allowance(cache).pointee = fillLimit
      }
      translate(block, .cached, groups: groups)
    }

    /// An inline cache has been filled often. If that was at many of its block's runs, its access does without it. How often these
    /// are was seen long ago: where that is what speaks for it, it is looked at again.
    @inline(never)
    private func reconsiderCache(_ hart: Hart) {
      let number = Int(tables.request.pointee) - 1
      tables.request.pointee = 0
      guard let owner = cacheOwners[number] else { return }
      tables.allowance(number).pointee = owner.fillLimit
      cacheOwners[number]!.start = hart.executed
      let (block, distance) = (owner.block, (hart.executed &- owner.start) / UInt64(owner.fillLimit))
      guard distance < Self.rareFill, block.pointee.translation.code == .cached, !isFull else { return }
      if !isHasty, distance >= Self.runsPerFill * block.pointee.translation.distance {
        return profile(hart, block)
      }
      block.pointee.translation.uncached |= 1 << UInt64(owner.instruction)
      translateWithCaches(hart, block)
    }
  }
#endif
