// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Emits the machine code of one block.
  ///
  /// Code is independent of the virtual address: pages may be mapped at several, so addresses are formed from
  /// `HartState.pageBase`, which is right whenever a block is entered.
  struct BlockTranslation {
    let block: Block
    let translator: Translator
    var assembler: Assembler
    /// Loads and stores look nothing up.
    let isBare: Bool
    /// Where they look up, in `TranslationCache`.
    let context: Int
    private let deadUpperHalves: DeadUpperHalves
    /// The instruction being emitted may leave its result without sign extension.
    var isUpperHalfDead = false
    /// Where the block is entered.
    private(set) var entry: UInt = 0
    /// What of the block is being made.
    let code: TranslationStage.Code
    /// The accesses with inline caches, in code that has any.
    let groups: AccessGroups?
    /// One bit a group: those of which it is known, where the next instruction is emitted, that their page is at hand.
    var established: UInt64 = 0
    /// Accesses that have been emitted with a look at what they do.
    var profiledAccesses: Int32 = 0

    /// Code that is needed rarely stands elsewhere, so that the processor's caches hold what is needed often.
    private enum Rest {
      /// Calls a thunk, and goes on at `resume` unless the block was left.
      case slow(
        from: HostPlace, instruction: UnsafePointer<DecodedInstruction>, thunk: UInt, resume: Resumption,
        vectors: VectorRegisterCache)
      /// Goes on where the instruction that left the block has led.
      case left(from: UnsafeMutablePointer<UInt8>)
      /// Goes to another place on this page through the loop, until it is linked.
      case unlinked(from: UnsafeMutablePointer<UInt8>, pageOffset: Int32)
      /// Has a thunk do the last instruction of the block.
      case last(from: UnsafeMutablePointer<UInt8>, instruction: UnsafePointer<DecodedInstruction>)
      /// Leaves the block by a branch that is written down.
      case noted(from: UnsafeMutablePointer<UInt8>, instruction: UnsafePointer<DecodedInstruction>)
      /// Leaves the block in its middle: gives back what was not executed, then goes on elsewhere.
      case branch(from: UnsafeMutablePointer<UInt8>, pageOffset: Int32, givingBack: Int32)
    }
    private var rest: [Rest] = []
    private enum Resumption {
      case at(UInt)
      /// At the next instruction, as at the start of a block.
      case anew
    }
    /// Jumps to `emitInSoftware`, by instruction.
    var abandoned: [Abandonment] = []
    var isInSoftware = false
    var floatingPoint = FloatingPointKnowledge()

    init(
      _ block: Block, _ translator: Translator, _ code: TranslationStage.Code, groups: AccessGroups? = nil
    ) {
      self.block = block
      self.translator = translator
      self.code = code
      self.groups = groups
      deadUpperHalves = DeadUpperHalves(block)
      isBare = block.pointee.context == .bare && translator.memory.isWithinDisplacements
      // What is bare and cannot be done so looks up in the context that it has.
      context =
        block.pointee.context == .bare ? TranslationCache.machine : Int(block.pointee.context.rawValue)
      assembler = Assembler(at: translator.cursor)
    }

    /// Answers where the code of what is usual ends, and where the rest does.
    mutating func emit() -> (usual: UnsafeMutablePointer<UInt8>, rare: UnsafeMutablePointer<UInt8>) {
      entry = assembler.address
      let count = Int32(block.pointee.count)
      var isDue: UnsafeMutablePointer<UInt8>?
      if block.pointee.translation.counter >= 0 && code != .cached {
        let counter = translator.tables.counter(block.pointee.translation.counter)
        assembler.memory(0xff, 1, at: UInt(bitPattern: counter), wide: false)  // dec
        isDue = assembler.jump(.negative)
      }
      assembler.arithmetic(.sub, .register(RegisterMap.budget), immediate: count)
      let outOfBudget = assembler.jump(.less)

      // What ends a block has gone elsewhere; else the `blockEnd` behind it goes on.
      let endsBlock = block.instructions[Int(count) - 1].opcode.endsBlock
      let length = Int(count) + (endsBlock ? 0 : 1)
      for index in 0..<length { emit(block.instructions + index) }
      let usualEnd = assembler.cursor

      assembler = Assembler(at: translator.rareCursor)
      emitInSoftware(upTo: block.instructions + length)

      assembler.patchHere(outOfBudget)
      assembler.arithmetic(.add, .register(RegisterMap.budget), immediate: count)
      if let isDue { assembler.patchHere(isDue) }
      leaveToLoop(at: firstPageOffset)
      emitRest()
      return (usualEnd, assembler.cursor)
    }

    /// rax = the virtual address of a place given by its distance from the start of this page.
    mutating func formAddress(_ pageOffset: Int32) {
      assembler.move(.rax, .memory(RegisterMap.pageBase))
      if pageOffset != 0 { assembler.arithmetic(.add, .register(.rax), immediate: pageOffset) }
    }

    /// Returns to the loop, which goes on at a place given by its distance from the start of this page.
    mutating func leaveToLoop(at pageOffset: Int32) {
      formAddress(pageOffset)
      assembler.jump(to: translator.thunks.exitAtRAX)
    }

    /// Tells from the instruction's place in the block.
    mutating func lookAtUpperHalf(_ op: UnsafePointer<DecodedInstruction>) {
      isUpperHalfDead = deadUpperHalves.contains(op - UnsafePointer(block.instructions))
    }

    // MARK: Going on

    /// Goes on at a place given by its distance from the start of this page.
    mutating func goTo(_ pageOffset: Int32) {
      if pageOffset == firstPageOffset {
        assembler.jump(to: entry)
      } else if isOnPage(pageOffset) {
        rest.append(.unlinked(from: assembler.jump(), pageOffset: pageOffset))
      } else {
        formAddress(pageOffset)
        goToRAX()
      }
    }

    /// The same when `condition` holds, with instructions of the block to give back that are not executed then.
    mutating func goTo(_ pageOffset: Int32, if condition: Condition, givingBack count: Int32) {
      if count == 0 && pageOffset == firstPageOffset {
        assembler.jump(condition, to: entry)
        return
      }
      let place = assembler.jump(condition)
      rest.append(
        count == 0 && isOnPage(pageOffset)
          ? .unlinked(from: place, pageOffset: pageOffset)
          : .branch(from: place, pageOffset: pageOffset, givingBack: count))
    }

    private func isOnPage(_ pageOffset: Int32) -> Bool { pageOffset >= 0 && pageOffset < 4096 }
    private var firstPageOffset: Int32 { Int32(block.pointee.address & 0xfff) }

    /// Goes on at the virtual address in rax, by the jump cache if it knows it. See `JumpCache`.
    mutating func goToRAX() {
      assembler.move(.rcx, .register(.rax), wide: false)
      assembler.shift(.left, .rcx, by: 4, wide: false)
      assembler.arithmetic(
        .and, .register(.rcx), immediate: Int32((JumpCache.entryCount - 1) * JumpCache.entryByteCount),
        wide: false)
      // An entry is good for this address, all of it, and for the current tag.
      let entry = { (field: PartialKeyPath<JumpCache.Entry>) in
        // Every stored property of a plain struct has an offset.
        Int32(Hart.jumpCacheOffset - RegisterMap.bias + MemoryLayout<JumpCache.Entry>.offset(of: field)!)
      }
      assembler.memory(
        0x3b, HostRegister.rax.rawValue, base: .rbp, index: .rcx, displacement: entry(\.pc), wide: true)
      assembler.jump(.notEqual, to: translator.thunks.exitAtRAX)
      assembler.move(.rdx, .memory(RegisterMap.jumpTag))
      assembler.memory(
        0x3b, HostRegister.rdx.rawValue, base: .rbp, index: .rcx, displacement: entry(\.tag), wide: true)
      assembler.jump(.notEqual, to: translator.thunks.exitAtRAX)
      assembler.move(.rdx, .register(.rax))
      assembler.arithmetic(.and, .register(.rdx), immediate: -4096)
      assembler.move(.memory(RegisterMap.pageBase), .rdx)
      // That of a block that is not translated is `exitAtRAX`.
      assembler.memory(0xff, 4, base: .rbp, index: .rcx, displacement: entry(\.code), wide: false)  // jmp
    }

    // MARK: Calling the interpreter

    /// Has a thunk do `instruction`; the rest of the block goes on behind it.
    mutating func callOut(_ instruction: UnsafePointer<DecodedInstruction>, _ thunk: UInt) {
      floatingPoint = FloatingPointKnowledge()
      established = 0
      assembler.moveImmediate(.rdx, UInt64(UInt(bitPattern: instruction)))
      assembler.call(thunk)
      assembler.test(.rax, .rax, wide: false)
      rest.append(.left(from: assembler.jump(.notEqual)))
    }

    /// Has a thunk do the last instruction of the block, after which the hart's pc says where to go on.
    mutating func callOutAtEnd(_ instruction: UnsafePointer<DecodedInstruction>) {
      assembler.moveImmediate(.rdx, UInt64(UInt(bitPattern: instruction)))
      assembler.call(translator.thunks.executeAtEnd)
      goOnAfterLeaving()
    }

    /// The same when `condition` holds.
    mutating func callOutAtEnd(_ instruction: UnsafePointer<DecodedInstruction>, if condition: Condition) {
      rest.append(.last(from: assembler.jump(condition), instruction: instruction))
    }

    /// When `condition` holds, writes down a branch, and goes where it leads.
    mutating func noteAndGo(_ instruction: UnsafePointer<DecodedInstruction>, if condition: Condition) {
      rest.append(.noted(from: assembler.jump(condition), instruction: instruction))
    }

    /// eax holds an outcome, which is not `goesOn`.
    private mutating func goOnAfterLeaving() {
      assembler.arithmetic(
        .cmp, .register(.rax), immediate: Int32(Thunks.Outcome.jumps.rawValue), wide: false)
      assembler.jump(.notEqual, to: translator.thunks.exit)
      assembler.move(.rax, .memory(RegisterMap.pc))
      goToRAX()
    }

    /// As `callOut`, but only if the jump at `place` is taken, with rax as it is there. To be called when all of the
    /// instruction has been emitted: afterwards the block goes on from here.
    mutating func callOut(
      from place: UnsafeMutablePointer<UInt8>, _ instruction: UnsafePointer<DecodedInstruction>, _ thunk: UInt
    ) {
      callOut(from: HostPlace(miss: place), instruction, thunk)
    }

    /// The same for all the jumps of `place`.
    mutating func callOut(
      from place: HostPlace, _ instruction: UnsafePointer<DecodedInstruction>, _ thunk: UInt
    ) {
      guard place.miss != nil else { return }
      rest.append(
        .slow(
          from: place, instruction: instruction, thunk: thunk,
          resume: mustLeave(after: instruction) ? .anew : .at(assembler.address),
          vectors: floatingPoint.vectors))
    }

    private mutating func emitRest() {
      // Pieces may add pieces of their own.
      var index = 0
      while index < rest.count {
        defer { index += 1 }
        switch rest[index] {
        case .left(let place):
          assembler.patchHere(place)
          goOnAfterLeaving()
        case .slow(let place, let instruction, let thunk, let resume, let vectors):
          emitMisses(place, instruction)
          callOut(instruction, thunk)
          switch resume {
          case .at(let resume):
            restore(vectors)
            assembler.jump(to: resume)
          case .anew:
            let (here, rest) = (instruction.pointee, Int32(instruction.pointee.remaining) - 1)
            assembler.arithmetic(.add, .register(RegisterMap.budget), immediate: rest)
            goTo(Int32(here.pageOffset) + Int32(here.length))
          }
        case .last(let place, let instruction):
          assembler.patchHere(place)
          callOutAtEnd(instruction)
        case .noted(let place, let instruction):
          assembler.patchHere(place)
          let left = Int32(instruction.pointee.remaining) - 1
          if left > 0 { assembler.arithmetic(.add, .register(RegisterMap.budget), immediate: left) }
          notedJump(instruction.pointee)
        case .branch(let place, let pageOffset, let count):
          assembler.patchHere(place)
          if count > 0 { assembler.arithmetic(.add, .register(RegisterMap.budget), immediate: count) }
          goTo(pageOffset)
        case .unlinked(let place, let pageOffset):
          assembler.patchHere(place)
          translator.sites.append(
            Translator.Site(
              place: place, unlinked: assembler.address,
              target: block.pointee.address & ~0xfff | UInt64(pageOffset), context: block.pointee.context))
          // Sites are numbered from 1; 0 says that there is nothing to link.
          assembler.instruction(
            0xc7, 0, .memory(RegisterMap.linkSite), wide: true)
          assembler.int32(Int32(translator.sites.count))
          leaveToLoop(at: pageOffset)
        }
      }
    }
  }
#endif
