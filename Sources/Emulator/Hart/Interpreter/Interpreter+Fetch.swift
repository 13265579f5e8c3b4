// SPDX-License-Identifier: Apache-2.0

/// From a program counter to a decoded block.
extension Interpreter {
  /// The block at the hart's pc, or nil when fetching it raised an exception, which then has been entered, or when
  /// the hart stops here.
  func fetchBlock(_ hart: Hart) -> Block? {
    let pc = hart.state.pointee.pc
    let hasBreakpoints = stops.hasBreakpoints
    if hasBreakpoints, stops.isBreakpoint(pc, hart: hart.index), stopsBefore(hart, pc) { return nil }
    guard let host = fetchPointer(hart, pc) else { return nil }
    guard let host = host.page else { return fetchSingle(hart) }
    let physical = memory.base &+ UInt64(host - UnsafeMutableRawPointer(memory.bytes))
    let isSplit = hasBreakpoints && isSplit(pc, page: memory.page(of: physical))
    let block: Block
    let context = hart.blockContext
    let entry = hart.jumpCache.entry(for: pc)
    if entry.pointee.pc == pc, let known = entry.pointee.block,
      known.pointee.address == physical && known.pointee.context == context
    {
      // The usual case behind a flush: what was forgotten is true again.
      block = known
    } else if let known = blocks.find(physical, context) {
      block = known
    } else {
      // An instruction that begins on this page and ends on the next belongs to two translations: it is never cached.
      if pc & 0xfff == 0xffe && host.load(as: UInt16.self) & 3 == 3 { return fetchSingle(hart) }
      if mustMakeRoom { removeAllBlocks() }
      block = decodeBlock(at: physical, host, context)
    }
    // What begins at a split must be asked for each time.
    if isSplit { return block }
    entry.pointee = JumpCache.Entry(
      pc: pc, tag: hart.state.pointee.jumpTag, code: block.pointee.code, block: block)
    return block
  }

  private var mustMakeRoom: Bool {
    #if arch(x86_64)
      blocks.isFull || translator?.isFull == true
    #else
      blocks.isFull
    #endif
  }

  /// The first `count` instructions of `block`, as a block of their own.
  func shorten(_ block: Block, to count: Int) -> Block {
    let target = scratchBlock.instructions
    for index in 0..<count {
      target[index] = block.instructions[index]
      target[index].remaining = UInt8(count - index)
    }
    // Where the next instruction begins is where this one ends.
    finishBlock(scratchBlock, count: count)
    return scratchBlock
  }

  /// The host address of the instruction at `pc`. `page` in the answer is nil when the page cannot be used as a whole
  /// (it is not memory, or PMP divides it); the answer is nil when an exception was raised.
  private func fetchPointer(_ hart: Hart, _ pc: UInt64) -> (page: UnsafeMutableRawPointer?, Void)? {
    let context = hart.fetchContext
    let table = UInt(bitPattern: hart.translationCache.table(context, .fetch))
    if let host = TranslationCache.lookUp(table, pc, size: 1) { return (host, ()) }
    let physical: UInt64
    let entry: UInt64
    switch translate(hart, pc, .fetch, privilege: hart.state.pointee.privilege) {
    case .physical(let address, let leaf): (physical, entry) = (address, leaf)
    case .fault(let cause):
      raiseFetch(hart, cause: cause, value: pc)
      return nil
    }
    guard let host = memory.readablePointer(at: physical, count: 2),
      isUniform(hart, page: physical)
    else { return (nil, ()) }
    guard
      allows(hart, physical, size: 2, AccessKind.fetch.permission, privilege: hart.state.pointee.privilege)
    else {
      raiseFetch(hart, cause: ExceptionCause.instructionAccessFault, value: pc)
      return nil
    }
    hart.insertTranslation(context, .fetch, address: pc, host: host, entry: entry)
    hart.pageTableUse.noteFetch(entry: entry)
    return (host, ())
  }

  private func raiseFetch(_ hart: Hart, cause: UInt64, value: UInt64) {
    // What could not be fetched counts as an instruction too; see `raise`.
    hart.state.pointee.budget -= 1
    enterTrap(hart, cause: cause, isInterrupt: false, value: value)
  }

  private func decodeBlock(at physical: UInt64, _ host: UnsafeMutableRawPointer, _ context: BlockContext)
    -> Block
  {
    let page = memory.page(of: physical)
    if memory.flags[page] & PageFlags.code == 0 { memory.setCare(PageFlags.code, page: page) }
    let block = blocks.next()
    let start = Int(physical & 0xfff)
    let pageBytes = host - start
    var (first, end) = (start, start)
    /// The first byte that decided anything.
    var firstSeen = start
    var offset = start
    var count = 0
    var continuations = 0
    let splits = stops.hasBreakpoints ? stops.splits(ofPage: page) : nil
    while count < blockLengthLimit && offset < 4096 {
      if count > 0, let splits, splits.contains(offset) { break }
      var word = UInt32((pageBytes + offset).load(as: UInt16.self))
      if word & 3 == 3 {
        if offset == 4094 { break }
        word |= UInt32((pageBytes + offset + 2).load(as: UInt16.self)) << 16
      }
      var instruction = decoder.decode(word, pageOffset: UInt16(offset))
      if endsTurnsThatWait, let loop = WaitingLoop(closedBy: instruction) {
        if loop.onlyWaits(pageBytes, decoder) { instruction = loop.branch }
        // A store to any part of the loop, which may have begun before this block, can make it another one.
        firstSeen = min(firstSeen, loop.start)
      }
      block.instructions[count] = noted(instruction)
      count += 1
      first = min(first, offset)
      offset += Int(instruction.length)
      end = max(end, offset)
      if instruction.opcode.isBranch {
        // One that leads back ends a loop, and what is behind it is rarely reached.
        continuations += 1
        if instruction.immediate < 0 || continuations > BlockCache.continuationLimit { break }
      } else if instruction.opcode == .jal, notes == .nothing {
        continuations += 1
        let target = offset - Int(instruction.length) + Int(instruction.immediate)
        // Not into this block: that would unroll a loop.
        guard continuations <= BlockCache.continuationLimit, target >= 0 && target < 4096,
          target < first || target >= end
        else { break }
        offset = target
      } else if instruction.opcode.endsBlock || instruction.opcode == .waitingBranch {
        break
      }
    }
    for index in 0..<count { block.instructions[index].remaining = UInt8(count - index) }
    block.pointee.address = physical
    (block.pointee.firstOffset, block.pointee.endOffset) = (Int32(min(first, firstSeen)), Int32(end))
    block.pointee.heat = 0
    block.pointee.context = context
    block.pointee.translation = TranslationStage()
    #if arch(x86_64)
      if translatesAtOnce { block.pointee.heat = Translator.heatThreshold }
      // Translated code would go on from block to block without asking.
      block.pointee.code = splits?.contains(start) == true ? 0 : translator?.thunks.exitAtRAX ?? 0
    #endif
    finishBlock(block, count: count)
    blocks.commit(block)
    return block
  }

  /// Sets the length and the final `blockEnd` of a block whose instructions are in place.
  private func finishBlock(_ block: Block, count: Int) {
    let instructions = block.instructions
    let end = instructions[count - 1].pageOffset + UInt16(instructions[count - 1].length)
    instructions[count] = DecodedInstruction(
      opcode: .blockEnd, destination: 0, source1: 0, source2: 0, pageOffset: end, remaining: 0,
      length: 0, immediate: 0, raw: 0)
    block.pointee.count = Int32(count)
  }

  // MARK: Instructions that cannot be cached

  private func fetchSingle(_ hart: Hart) -> Block? {
    let pc = hart.state.pointee.pc
    guard let low = fetchHalf(hart, pc) else { return nil }
    var word = UInt32(low)
    if word & 3 == 3 {
      guard let high = fetchHalf(hart, pc &+ 2) else { return nil }
      word |= UInt32(high) << 16
    }
    var instruction = decoder.decode(word, pageOffset: UInt16(pc & 0xfff))
    instruction.remaining = 1
    scratchBlock.instructions[0] = noted(instruction)
    finishBlock(scratchBlock, count: 1)
    return scratchBlock
  }

  private func fetchHalf(_ hart: Hart, _ address: UInt64) -> UInt16? {
    let privilege = hart.state.pointee.privilege
    switch translate(hart, address, .fetch, privilege: privilege) {
    case .fault(let cause):
      raiseFetch(hart, cause: cause, value: address)
      return nil
    case .physical(let physical, _):
      if allows(hart, physical, size: 2, AccessKind.fetch.permission, privilege: privilege) {
        if let host = memory.readablePointer(at: physical, count: 2) { return host.load(as: UInt16.self) }
        if let value = withMachine({ $0.readBus(physical, size: 2) }) {
          return UInt16(truncatingIfNeeded: value)
        }
      }
      raiseFetch(hart, cause: ExceptionCause.instructionAccessFault, value: address)
      return nil
    }
  }
}
