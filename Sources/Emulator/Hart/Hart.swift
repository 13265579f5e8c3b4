// SPDX-License-Identifier: Apache-2.0

/// A handle on the raw memory of one hart. Copying it copies a pointer.
///
/// Layout, from the base: 33 integer registers, 32 floating-point registers, `HartState`, the jump cache, the
/// translation cache, and what that depends on. The interpreter owns the memory and outlives every handle.
struct Hart {
  static let floatingPointOffset = 33 * 8
  static let stateOffset = floatingPointOffset + 32 * 8
  static let jumpCacheOffset = 4096
  static let translationCacheOffset = jumpCacheOffset + JumpCache.byteCount
  static let pageTableUseOffset = translationCacheOffset + TranslationCache.byteCount

  let base: UnsafeMutableRawPointer

  /// - Parameter pageCount: of RAM.
  init(index: Int, pageCount: Int, revision: MachineRevision) {
    precondition(Self.stateOffset + MemoryLayout<HartState>.size <= Self.jumpCacheOffset)
    let byteCount = Self.pageTableUseOffset + PageTableUse.byteCount(pageCount: pageCount)
    base = .allocate(byteCount: byteCount, alignment: 4096)
    base.initializeMemory(as: UInt64.self, repeating: 0, count: Self.pageTableUseOffset / 8)
    (base + Self.stateOffset).bindMemory(to: HartState.self, capacity: 1)
      .initialize(to: HartState(index: index, uncountedAtTrap: revision.retiresTrapping ? 0 : 1))
    pageTableUse.removeAll()
    for context in 0..<TranslationCache.contextCount { translationCache.inlineCaches(context).reset() }
    reset()
  }

  /// The hart whose memory begins at `base`.
  init(base: UnsafeMutableRawPointer) { self.base = base }

  func deallocate() { base.deallocate() }

  /// The integer registers; index 32 takes what is written to x0, which itself is never written.
  var x: UnsafeMutablePointer<UInt64> { base.assumingMemoryBound(to: UInt64.self) }
  /// The floating-point registers; a single-precision value is NaN-boxed.
  var f: UnsafeMutablePointer<UInt64> {
    (base + Self.floatingPointOffset).assumingMemoryBound(to: UInt64.self)
  }
  var state: UnsafeMutablePointer<HartState> {
    (base + Self.stateOffset).assumingMemoryBound(to: HartState.self)
  }
  var jumpCache: JumpCache { JumpCache(base: base + Self.jumpCacheOffset) }
  var translationCache: TranslationCache { TranslationCache(base: base + Self.translationCacheOffset) }
  var pageTableUse: PageTableUse { PageTableUse(base: base + Self.pageTableUseOffset) }
  var index: Int { state.pointee.index }

  /// To the state after power-on (volume II, section 3.4), with registers zeroed as well.
  func reset() {
    for register in 0..<65 { x[register] = 0 }
    // Counters of instructions are the machine's, not the program's: they go on over a reset.
    let executed = state.pointee.executedBeforeTurn
    let isWatched = state.pointee.isWatched
    let engine = state.pointee.engine
    let environment = state.pointee.resetEnvironment
    let transfers = (state.pointee.transferCursor, state.pointee.transferLimit)
    state.pointee = HartState(index: index, uncountedAtTrap: state.pointee.uncountedAtTrap)
    state.pointee.engine = engine
    state.pointee.executedBeforeTurn = executed
    state.pointee.isWatched = isWatched
    (state.pointee.transferCursor, state.pointee.transferLimit) = transfers
    state.pointee.mstatus = Status.lengths
    state.pointee.resetEnvironment = environment
    state.pointee.menvcfg = environment
    flushTranslations()
    translationCache.flushAll()
    jumpCache.flush()
    contextChanged()
  }

  /// Instructions this hart has executed before the current one.
  var executed: UInt64 {
    let state = state.pointee
    return state.executedBeforeTurn
      &+ UInt64(bitPattern: state.turnBudget &- state.budget &- state.unexecuted)
  }

  var pendingInterrupts: UInt64 { state.pointee.mipSoftware | state.pointee.interruptLines }

  // MARK: Translation contexts

  /// The context that instruction fetches use: it depends on the privilege alone.
  var fetchContext: Int {
    switch state.pointee.privilege {
    case Privilege.user: TranslationCache.user
    case Privilege.supervisor: TranslationCache.supervisor
    default: TranslationCache.machine
    }
  }

  /// The privilege that loads and stores act with: `mstatus.MPRV` lends them that of `MPP`.
  var dataPrivilege: UInt64 {
    let state = state.pointee
    return state.mstatus & Status.mprv != 0
      ? state.mstatus >> Status.mppShift & 3 : state.privilege
  }

  var dataContext: Int {
    switch dataPrivilege {
    case Privilege.user: TranslationCache.user
    case Privilege.supervisor:
      state.pointee.mstatus & Status.sum != 0
        ? TranslationCache.supervisorUserMemory : TranslationCache.supervisor
    default: TranslationCache.machine
    }
  }

  /// Do loads and stores use physical addresses, with nothing that could refuse them? Blocks that run so are translated
  /// to code of their own, which looks nothing up (`BlockTranslation+BareMemory`).
  var isBare: Bool {
    state.pointee.privilege == Privilege.machine && dataPrivilege == Privilege.machine
      && state.pointee.isMachineModeProtected == 0 && state.pointee.isWatched == 0
  }

  /// What blocks are made for: code knows where its translations stand.
  var blockContext: BlockContext {
    isBare ? .bare : BlockContext(rawValue: UInt8(truncatingIfNeeded: dataContext))
  }

  /// Must follow every change of privilege and of `mstatus`.
  func contextChanged() {
    let context = dataContext
    state.pointee.loadTable = UInt(bitPattern: translationCache.table(context, .load))
    state.pointee.storeTable = UInt(bitPattern: translationCache.table(context, .store))
    updateJumpTag()
  }

  private func updateJumpTag() {
    let context = fetchContext
    // Neither counter goes back, so no sum of the two comes again.
    let generation =
      state.pointee.fetchGeneration
      &+ (context == TranslationCache.user ? state.pointee.userFetchGeneration : 0)
    state.pointee.jumpTag = JumpCache.tag(generation: generation, fetching: context, blockContext)
  }

  /// Lets the translation cache have a page of RAM; `entry` as in `TranslationCache.insert`.
  func insertTranslation(
    _ context: Int, _ table: TranslationCache.Table, address: UInt64, host: UnsafeMutableRawPointer,
    entry: UInt64
  ) {
    if context == TranslationCache.supervisor && address >> 63 == 0 {
      state.pointee.supervisorUsesLowerHalf = 1
    }
    translationCache.insert(context, table, address: address, host: host, entry: entry)
  }

  /// Forgets every translation that went through page tables, and where blocks begin.
  func flushTranslations() {
    translationCache.flushTranslated()
    state.pointee.supervisorUsesLowerHalf = 0
    forgetBlocks()
  }

  /// Forgets every translation of an address in the lower half, while S mode has none of its own there
  /// (`supervisorUsesLowerHalf`).
  func flushLowerHalf() {
    translationCache.flushUserMemory()
    state.pointee.userFetchGeneration &+= 1
    updateJumpTag()
  }

  /// Makes every entry of the jump cache unusable.
  func forgetBlocks() {
    state.pointee.fetchGeneration &+= 1
    updateJumpTag()
  }
}
