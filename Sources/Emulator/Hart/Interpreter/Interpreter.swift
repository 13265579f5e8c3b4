// SPDX-License-Identifier: Apache-2.0

/// The reference engine: executes pre-decoded blocks, one instruction after the other.
///
/// It is the one to trust: portable, without a clever line where a plain one does. All that is hot is raw memory
/// reached through handles; classes, arrays and protocols appear on slow paths only.
final class Interpreter {
  /// After this many stores to a hart's page tables its translations are flushed, used or not.
  static let pageTableStoreLimit = 4096

  let memory: GuestMemory
  let harts: [Hart]
  let protection: [PhysicalMemoryProtection]
  let blocks: BlockCache
  let stops = StopPointTable()
  let decoder: Decoder
  /// What the harts have.
  var extensions: ProcessorExtensions { decoder.extensions }
  /// The machine, which owns this object and so outlives it.
  private let machine: Unmanaged<Machine>

  /// Set when the rest of the current block may no longer be what should be executed next. Raw memory, because every slow
  /// store looks at it.
  var mustLeaveBlock: Bool {
    get { leaveFlag.pointee }
    set { leaveFlag.pointee = newValue }
  }
  private let leaveFlag: UnsafeMutablePointer<Bool>
  /// A block that is executed once: the last instructions of a turn, or one that cannot be cached.
  let scratchBlock: Block
  /// How new blocks are made: their length at most, and whether the translator takes them the first time they run.
  var blockLengthLimit = BlockCache.lengthLimit
  var translatesAtOnce = false {
    didSet {
      #if arch(x86_64)
        translator?.isHasty = translatesAtOnce
      #endif
    }
  }
  /// Which jumps are decoded as such that are told.
  private(set) var notes = ControlTransferNotes.nothing
  /// Whether a hart that waits for others ends its turn, when another can run.
  let endsTurnsThatWait: Bool
  /// Whether `ebreak` between two certain instructions is a call.
  var hasSemihosting = false
  #if arch(x86_64)
    /// Takes over hot blocks; nil when the interpreter does everything.
    let translator: Translator?
  #endif

  init(
    memory: GuestMemory, configuration: MachineConfiguration, machine: Machine, translates: Bool
  ) {
    let (hartCount, revision) = (configuration.hartCount, configuration.revision)
    endsTurnsThatWait = hartCount > 1 && revision.endsTurnsThatWait
    self.memory = memory
    decoder = Decoder(for: configuration.extensions)
    self.machine = .passUnretained(machine)
    harts = (0..<hartCount).map { Hart(index: $0, pageCount: memory.pageCount, revision: revision) }
    protection = (0..<hartCount).map { _ in PhysicalMemoryProtection(revision: revision) }
    blocks = BlockCache(memory: memory)
    leaveFlag = .allocate(capacity: 1)
    leaveFlag.initialize(to: false)
    let scratch = UnsafeMutableRawPointer.allocate(
      byteCount: BlockCache.blockByteLimit, alignment: 16)
    scratchBlock = scratch.bindMemory(to: BlockHeader.self, capacity: 1)
    scratchBlock.initialize(
      to: BlockHeader(address: 0, nextInBucket: nil, nextOnPage: nil, count: 0))
    #if arch(x86_64)
      translator = translates ? Translator(memory: memory, endsTurnsThatWait: endsTurnsThatWait) : nil
    #endif
    let reference = Unmanaged.passUnretained(self)
    let resetEnvironment =
      EnvironmentConfiguration.adue | (revision.startsWithMemoryTypes ? EnvironmentConfiguration.pbmte : 0)
    for hart in harts {
      hart.state.pointee.engine = UInt(bitPattern: reference.toOpaque())
      hart.state.pointee.resetEnvironment =
        resetEnvironment & EnvironmentConfiguration.machine(extensions)
    }
    memory.observer = reference
  }

  deinit {
    memory.observer = nil
    for hart in harts { hart.deallocate() }
    UnsafeMutableRawPointer(scratchBlock).deallocate()
    leaveFlag.deallocate()
  }

  /// What a slow path needs of the machine around the harts. No reference is counted.
  @inline(__always)
  func withMachine<Result>(_ body: (Machine) -> Result) -> Result {
    machine._withUnsafeGuaranteedRef(body)
  }

  /// To the state after power-on. RAM is the machine's to set.
  func reset() {
    for hart in harts {
      hart.reset()
      protection[hart.index].reset()
      protectionChanged(hart)
    }
  }

  /// Forgets all that was derived from registers; they have been replaced. What was derived from memory is true to it, since
  /// every store sees to that: decoded blocks stay.
  func registersReplaced() {
    for hart in harts {
      protectionChanged(hart)
      hart.contextChanged()
    }
  }

  func removeAllBlocks() {
    for page in 0..<memory.pageCount where blocks.hasCode(page: page) {
      memory.flags[page] &= ~PageFlags.code
    }
    blocks.removeAll()
    #if arch(x86_64)
      translator?.discardAll()
    #endif
    // In earnest: what an entry leads to, of whatever tag, is a block that exists.
    for hart in harts {
      hart.jumpCache.flush()
      // What an inline cache is good for depends on the code that it belongs to.
      hart.translationCache.removeInlineCaches()
      hart.state.pointee.linkSite = 0
    }
  }

  /// Decodes everything anew: jumps as such that are told, or as plain ones.
  func setNotes(_ wanted: ControlTransferNotes) {
    guard wanted != notes else { return }
    notes = wanted
    removeAllBlocks()
  }

  /// Nothing leads to `block` any more. It may be the one that is being executed.
  func blockRemoved(_ block: Block) {
    for hart in harts { hart.jumpCache.drop(block) }
    #if arch(x86_64)
      translator?.discard(block)
    #endif
  }

  // MARK: Leaving a block in its middle

  /// The address of an instruction of the current block.
  @inline(__always)
  func address(of instruction: UnsafePointer<DecodedInstruction>, _ hart: Hart) -> UInt64 {
    hart.state.pointee.pageBase &+ UInt64(instruction.pointee.pageOffset)
  }

  /// Makes the position and the pc exact while `instruction` is being executed.
  @inline(__always)
  func beginExactPosition(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    hart.state.pointee.unexecuted = Int64(instruction.pointee.remaining)
    hart.state.pointee.pc = address(of: instruction, hart)
  }

  @inline(__always)
  func endExactPosition(_ hart: Hart) { hart.state.pointee.unexecuted = 0 }

  /// Leaves the block after `instruction`, which is done.
  func leaveBlock(_ hart: Hart, after instruction: UnsafePointer<DecodedInstruction>) {
    let state = hart.state
    state.pointee.pc = address(of: instruction, hart) &+ UInt64(instruction.pointee.length)
    state.pointee.budget += Int64(instruction.pointee.remaining) - 1
    state.pointee.unexecuted = 0
  }

  /// Leaves the block because `instruction` raised an exception. It counts as executed, so that the position moves
  /// on even when a handler traps at once.
  func raise(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, cause: UInt64, value: UInt64
  ) {
    let state = hart.state
    state.pointee.pc = address(of: instruction, hart)
    state.pointee.budget += Int64(instruction.pointee.remaining) - 1
    state.pointee.unexecuted = 0
    enterTrap(hart, cause: cause, isInterrupt: false, value: value)
  }

  func raiseIllegal(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) {
    raise(
      hart, instruction, cause: ExceptionCause.illegalInstruction, value: UInt64(instruction.pointee.raw))
  }
}
