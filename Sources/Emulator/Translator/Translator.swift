// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  import Glibc

  /// The fast engine: turns decoded blocks into x86-64 machine code.
  ///
  /// A translated block does what the interpreter does for the same block, instruction by instruction; what is rare or
  /// intricate (faults, devices, page crossings, CSRs) calls the interpreter's own functions for it. So both engines
  /// share every decision that matters, and differ only in how they add and compare.
  ///
  /// How control moves: the interpreter's loop enters a block (`enter`). A block ends by jumping to the next one, directly
  /// where both stand on one page (`link`), through the jump cache elsewhere, or returns to the loop. A block begins by
  /// taking its length off the budget, and returns without having done anything when that is not enough.
  final class Translator {
    /// Blocks are translated when they have run this often.
    static let heatThreshold: Int32 = 6
    /// A translation that has run this often is made again with a look at what its accesses do, if that was within few instructions,
    static let plainRuns: Int32 = 2000
    /// and after so many runs of that, for good.
    static let profiledRuns: Int32 = 256
    static let bufferByteCount = 64 << 20
    /// Of it, what is for code that is needed often.
    private static let usualByteCount = 24 << 20
    /// More than any block takes.
    static let blockByteLimit = 64 << 10
    private static let cacheLineByteCount: UInt = 64
    private static let blockOffset: UInt = 6

    let memory: GuestMemory
    private let buffer: UnsafeMutablePointer<UInt8>
    private(set) var cursor: UnsafeMutablePointer<UInt8>
    /// Where code that is rarely needed goes.
    private(set) var rareCursor: UnsafeMutablePointer<UInt8>
    private let rareStart: UnsafeMutablePointer<UInt8>
    /// Where blocks begin, behind the thunks.
    private let blocksStart: UnsafeMutablePointer<UInt8>
    /// At the buffer's end.
    var tables: TranslatorTables
    /// What inline caches belong to: the block, and the instruction's number in it.
    var cacheOwners: [InlineCacheOwner?]
    /// For loads and for stores.
    var cacheNumbers: [InlineCacheNumbers] = []
    /// Blocks are made again after a few runs, and there are few inline caches, so that short tests come to all there is.
    var isHasty = false
    let thunks: Thunks
    let features: HostFeatures
    /// Hints that the hart waits are left to the interpreter.
    let endsTurnsThatWait: Bool

    /// A jump from one block to another on the same page, by its number.
    struct Site {
      /// The distance to set.
      var place: UnsafeMutablePointer<UInt8>
      /// Where it leads while it is not linked: code that returns to the loop and says which site it was.
      var unlinked: UInt
      /// Physical address of the block that it leads to, and its context.
      var target: UInt64
      var context: BlockContext
    }
    var sites: [Site] = []
    /// The sites that lead to a block, by its address.
    private var incoming: [UInt: [Int32]] = [:]

    private typealias Enter = @convention(c) (UnsafeMutableRawPointer, UInt) -> Void
    private let enterCode: Enter

    /// Nil when the host gives no memory that can be executed, or its processor is older than the instructions used; then
    /// the interpreter does all the work.
    init?(memory: GuestMemory, endsTurnsThatWait: Bool) {
      let mapping = mmap(
        nil, Self.bufferByteCount, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
      guard let mapping, mapping != MAP_FAILED else { return nil }
      buffer = mapping.bindMemory(to: UInt8.self, capacity: Self.bufferByteCount)
      features = HostFeatures(using: buffer)
      guard features.countsBits else {
        munmap(buffer, Self.bufferByteCount)
        return nil
      }
      self.memory = memory
      self.endsTurnsThatWait = endsTurnsThatWait
      tables = TranslatorTables(base: buffer + (Self.bufferByteCount - TranslatorTables.byteCount))
      cacheOwners = Array(repeating: nil, count: 2 * InlineCaches.entryCount)
      var assembler = Assembler(at: buffer)
      thunks = Thunks(&assembler)
      cursor = assembler.cursor
      blocksStart = cursor
      defer { setCacheNumbers() }
      rareStart = buffer + Self.usualByteCount
      rareCursor = rareStart
      // The thunk is machine code that follows the platform's calling convention.
      enterCode = unsafeBitCast(thunks.enter, to: Enter.self)
    }

    deinit { munmap(buffer, Self.bufferByteCount) }

    // MARK: Running

    /// Runs translated code from `block` on, if the block is hot and the budget has room for it. False: nothing was done.
    ///
    /// The caller has looked the block up at the hart's pc and sees to attention and budget afterwards.
    func run(_ hart: Hart, _ block: Block) -> Bool {
      let state = hart.state
      if block.pointee.code == thunks.exitAtRAX {
        state.pointee.linkSite = 0
        block.pointee.heat += 1
        guard block.pointee.heat >= Self.heatThreshold, translate(hart, block) else { return false }
      }
      improve(hart, block)
      if state.pointee.linkSite != 0 {
        link(Int(state.pointee.linkSite - 1), to: block)
        state.pointee.linkSite = 0
      }
      guard Int64(block.pointee.count) <= state.pointee.budget else { return false }
      state.pointee.pageBase = state.pointee.pc & ~0xfff
      enterCode(hart.base, block.pointee.code)
      return true
    }

    // MARK: Translating

    /// Is there room for another block? If not, the owner of the blocks removes them all.
    var isFull: Bool {
      cursor + Self.blockByteLimit > rareStart
        || rareCursor + Self.blockByteLimit > buffer + (Self.bufferByteCount - TranslatorTables.byteCount)
    }

    private func translate(_ hart: Hart, _ block: Block) -> Bool {
      guard !isFull else { return false }
      // What accesses nothing, or looks nothing up, is as good as it gets.
      if block.pointee.context != .bare, !AccessGroups.accesses(of: block).isEmpty,
        let counter = tables.claimCounter()
      {
        block.pointee.translation.counter = counter
        startCounting(hart, block, runs: isHasty ? 2 : Self.plainRuns)
      }
      translate(block, .plain)
      return true
    }

    /// There must be room. Code that the block had leads to what it has now.
    func translate(_ block: Block, _ code: TranslationStage.Code, groups: AccessGroups? = nil) {
      let (old, hasOld) = (block.pointee.code, block.pointee.translation.code != .none)
      alignCursor()
      var translation = BlockTranslation(block, self, code, groups: groups)
      (cursor, rareCursor) = translation.emit()
      block.pointee.code = translation.entry
      block.pointee.translation.code = code
      if hasOld { redirect(old, block) }
    }

    private func redirect(_ old: UInt, _ block: Block) {
      for number in incoming[UInt(bitPattern: block)] ?? [] {
        Assembler.patch(sites[Int(number)].place, to: block.pointee.code)
      }
      // A block's code is longer than a jump.
      var assembler = Assembler(at: UnsafeMutablePointer(bitPattern: old)!)
      assembler.jump(to: block.pointee.code)
    }

    /// Each block begins at the same place in a cache line. Where it began used to be chance, which made the same loop up to 4 %
    /// slower from one build of the tool to the next. A block first takes its length off the budget, in ten bytes: behind them,
    /// at a multiple of 16, stands what the guest wants done. docs/performance.md has what other places cost.
    private func alignCursor() {
      while UInt(bitPattern: cursor) % Self.cacheLineByteCount != Self.blockOffset {
        cursor.pointee = 0xcc
        cursor += 1
      }
    }

    // MARK: Linking

    private func link(_ number: Int, to block: Block) {
      // Between leaving the site's block and here an interrupt may have led elsewhere.
      guard sites[number].target == block.pointee.address, sites[number].context == block.pointee.context
      else { return }
      Assembler.patch(sites[number].place, to: block.pointee.code)
      incoming[UInt(bitPattern: block), default: []].append(Int32(number))
    }

    /// `block` is no more: nothing leads to it from here on.
    func discard(_ block: Block) {
      for number in incoming.removeValue(forKey: UInt(bitPattern: block)) ?? [] {
        let site = sites[Int(number)]
        Assembler.patch(site.place, to: site.unlinked)
      }
      block.pointee.code = thunks.exitAtRAX
      block.pointee.translation = TranslationStage()
    }

    /// All blocks are gone. The caller sees to what harts know of sites.
    func discardAll() {
      cursor = blocksStart
      rareCursor = rareStart
      tables.removeAll()
      for index in cacheOwners.indices { cacheOwners[index] = nil }
      setCacheNumbers()
      sites.removeAll(keepingCapacity: true)
      incoming.removeAll(keepingCapacity: true)
    }
  }
#endif
