// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// The pieces of machine code that all blocks share.
  struct Thunks {
    /// As a C function of a hart's memory and the address of translated code: runs it until it returns.
    let enter: UInt
    /// Jumped to: puts the registers away and returns from `enter`.
    let exit: UInt
    /// The same, with the guest's pc in `rax`.
    let exitAtRAX: UInt
    /// The same, where there is no room for another jump (`ControlTransferLog`).
    let exitToHandTransfers: UInt
    /// Called with a decoded instruction's address in `rdx` and an operand in `rax`; afterwards `eax` holds an `Outcome`.
    let load: UInt
    let store: UInt
    let execute: UInt
    /// The same for an instruction that ends its block, which is left in any case.
    let executeAtEnd: UInt
    /// `HostStatus.guestFlags`, and behind them a byte: not 0 once some code does arithmetic on the host's unit. Reading the
    /// unit's status costs more than all else that happens on the way into and out of translated code.
    private let flagTable: UInt

    enum Outcome: UInt32 {
      /// The block goes on behind the instruction.
      case goesOn = 0
      /// The block was left: the hart's pc and budget are set, and the loop must look around.
      case returns = 1
      /// The block was left, and nothing keeps the hart from going on at its pc at once.
      case jumps = 2
    }

    init(_ assembler: inout Assembler) {
      let callee: [HostRegister] = [.rbx, .rbp, .r12, .r13, .r14, .r15]
      func align() { while assembler.address & 15 != 0 { assembler.byte(0xcc) } }

      flagTable = assembler.address
      for flags in HostStatus.guestFlags { assembler.byte(flags) }
      assembler.byte(0)
      align()
      enter = assembler.address
      for register in callee { Self.push(register, &assembler) }
      assembler.arithmetic(.sub, .register(.rsp), immediate: 8)  // so that the stack is aligned for calls
      assembler.loadAddress(.rbp, .rdi, Int32(RegisterMap.bias))
      assembler.move(.rax, .register(.rsi))
      Self.fillRegisters(&assembler, flagTable)
      assembler.byte(0xff)  // jmp rax
      assembler.byte(0xe0)

      align()
      exitToHandTransfers = assembler.address
      assembler.instruction(0x83, 1, .memory(RegisterMap.attention), wide: true)  // or
      assembler.byte(UInt8(Attention.transfers))
      exitAtRAX = assembler.address
      assembler.move(.memory(RegisterMap.pc), .rax)
      exit = assembler.address
      Self.spillRegisters(&assembler, flagTable)
      assembler.arithmetic(.add, .register(.rsp), immediate: 8)
      for register in callee.reversed() { Self.pop(register, &assembler) }
      assembler.byte(0xc3)

      align()
      load = Self.helper(loadHelper, &assembler, flagTable)
      align()
      store = Self.helper(storeHelper, &assembler, flagTable)
      align()
      execute = Self.helper(executeHelper, &assembler, flagTable)
      align()
      executeAtEnd = Self.helper(executeAtEndHelper, &assembler, flagTable)
      align()
    }

    private static func helper(_ function: Helper, _ assembler: inout Assembler, _ flagTable: UInt) -> UInt {
      let start = assembler.address
      assembler.arithmetic(.sub, .register(.rsp), immediate: 8)
      spillRegisters(&assembler, flagTable)
      assembler.loadAddress(.rdi, .rbp, Int32(-RegisterMap.bias))
      assembler.move(.rsi, .register(.rdx))
      assembler.move(.rdx, .register(.rax))
      assembler.moveImmediate(.rax, UInt64(unsafeBitCast(function, to: UInt.self)))
      assembler.byte(0xff)  // call rax
      assembler.byte(0xd0)
      fillRegisters(&assembler, flagTable)
      assembler.arithmetic(.add, .register(.rsp), immediate: 8)
      assembler.byte(0xc3)
      return start
    }

    /// From here on the host's flags are collected. To be called before the first code runs that raises any.
    func noteArithmetic() {
      // Memory of the translator's, which nothing else points to.
      UnsafeMutablePointer<UInt8>(bitPattern: flagTable + UInt(HostStatus.guestFlags.count))!.pointee = 1
    }

    /// A jump that is taken while no code does arithmetic. rsi = the table.
    private static func skipWithoutArithmetic(
      _ assembler: inout Assembler, _ flagTable: UInt
    ) -> UnsafeMutablePointer<UInt8> {
      assembler.moveImmediate(.rsi, UInt64(flagTable))
      assembler.memory(
        0x80, Arithmetic.cmp.rawValue, base: .rsi, displacement: Int32(HostStatus.guestFlags.count),
        wide: false)
      assembler.byte(0)
      return assembler.jump(.equal)
    }

    /// Leaves rax and rdx alone. What translated code has raised on the host's unit since `fillRegisters` becomes the guest's.
    private static func spillRegisters(_ assembler: inout Assembler, _ flagTable: UInt) {
      for (guest, host) in RegisterMap.mapped { assembler.move(RegisterMap.place(ofGuest: guest), host) }
      assembler.move(.memory(RegisterMap.budgetField), RegisterMap.budget)
      let nothingDone = skipWithoutArithmetic(&assembler, flagTable)
      assembler.instruction(0x0fae, 3, .memory(RegisterMap.hostStatus), wide: false)  // stmxcsr
      assembler.move(.rcx, .memory(RegisterMap.hostStatus), wide: false)
      assembler.arithmetic(.and, .register(.rcx), immediate: HostStatus.flags, wide: false)
      let nothingRaised = assembler.jump(.equal)
      assembler.shift(.right, .rcx, by: HostStatus.flagShift, wide: false)
      assembler.arithmetic(.add, .rsi, .register(.rcx))
      assembler.memory(0x0fb6, HostRegister.rcx.rawValue, base: .rsi, displacement: 0, wide: false)
      assembler.instruction(0x09, HostRegister.rcx.rawValue, .memory(RegisterMap.fflags), wide: true)  // or
      assembler.patchHere(nothingRaised)
      assembler.patchHere(nothingDone)
    }

    /// Leaves rax alone. The host's flags are clear afterwards, as far as they are collected.
    private static func fillRegisters(_ assembler: inout Assembler, _ flagTable: UInt) {
      let nothingDone = skipWithoutArithmetic(&assembler, flagTable)
      assembler.instruction(0x0fae, 3, .memory(RegisterMap.hostStatus), wide: false)  // stmxcsr
      assembler.instruction(0xf7, 0, .memory(RegisterMap.hostStatus), wide: false)  // test
      assembler.int32(HostStatus.flags)
      let nothingRaised = assembler.jump(.equal)
      assembler.instruction(0xc7, 0, .memory(RegisterMap.hostStatus), wide: false)  // mov
      assembler.int32(HostStatus.initial)
      assembler.instruction(0x0fae, 2, .memory(RegisterMap.hostStatus), wide: false)  // ldmxcsr
      assembler.patchHere(nothingRaised)
      assembler.patchHere(nothingDone)
      for (guest, host) in RegisterMap.mapped { assembler.move(host, RegisterMap.place(ofGuest: guest)) }
      assembler.move(RegisterMap.budget, .memory(RegisterMap.budgetField))
    }

    private static func push(_ register: HostRegister, _ assembler: inout Assembler) {
      if register.rawValue >= 8 { assembler.byte(0x41) }
      assembler.byte(0x50 | register.rawValue & 7)
    }

    private static func pop(_ register: HostRegister, _ assembler: inout Assembler) {
      if register.rawValue >= 8 { assembler.byte(0x41) }
      assembler.byte(0x58 | register.rawValue & 7)
    }
  }

  /// The host's floating-point status register, `MXCSR` (Intel 64 and IA-32 manual, volume 1, section 10.2.3).
  private enum HostStatus {
    /// Everything masked, to nearest, no flag raised: what a process starts with.
    static let initial: Int32 = 0x1f80
    /// Divide by zero, overflow, underflow and inexact. Invalid is not among them: where it may be raised, the result is
    /// a NaN or does not fit, and software does the instruction.
    static let flags: Int32 = 0x3c
    static let flagShift: UInt8 = 2
    /// For each combination of these four, from the lowest bit up, the flags of RISC-V, which stand the other way round.
    static let guestFlags: [UInt8] = (0..<16).map { (host: UInt8) in
      (host & 1) << 3 | (host & 2) << 1 | (host & 4) >> 1 | host >> 3
    }
  }

  // MARK: What translated code calls

  /// Of the hart's memory, a decoded instruction, and an operand.
  private typealias Helper =
    @convention(c) (UnsafeMutableRawPointer, UnsafeRawPointer, UInt64) -> UInt32

  private let loadHelper: Helper = { base, instruction, address in
    interpret(base, instruction) { interpreter, hart, op in
      interpreter.loadSlowly(hart, op, address, size: op.pointee.opcode.accessSize)
    }
  }

  private let storeHelper: Helper = { base, instruction, address in
    interpret(base, instruction) { interpreter, hart, op in
      let value = hart.x[Int(op.pointee.source2)]
      return interpreter.storeSlowly(hart, op, address, size: op.pointee.opcode.accessSize, value)
    }
  }

  private let executeHelper: Helper = { base, instruction, _ in
    interpret(base, instruction) { interpreter, hart, op in
      let opcode = op.pointee.opcode
      if opcode.isAtomic { return interpreter.executeAtomic(hart, op) }
      if opcode.isLater { return interpreter.executeLater(hart, op) }
      return interpreter.executeFloatingPoint(hart, op)
    }
  }

  private let executeAtEndHelper: Helper = { base, instruction, _ in
    interpret(base, instruction) { interpreter, hart, op in
      interpreter.executeSystem(hart, op)
      return true
    }
  }

  /// Has the interpreter do an instruction; `body` answers whether the block was left. No reference is counted: the
  /// interpreter owns the code that calls.
  @inline(__always)
  private func interpret(
    _ base: UnsafeMutableRawPointer, _ instruction: UnsafeRawPointer,
    _ body: (Interpreter, Hart, UnsafePointer<DecodedInstruction>) -> Bool
  ) -> UInt32 {
    let hart = Hart(base: base)
    let op = instruction.assumingMemoryBound(to: DecodedInstruction.self)
    // Set to the interpreter's address when the hart was made.
    let engine = UnsafeRawPointer(bitPattern: hart.state.pointee.engine).unsafelyUnwrapped
    let isLeft = Unmanaged<Interpreter>.fromOpaque(engine)._withUnsafeGuaranteedRef { body($0, hart, op) }
    return (isLeft ? outcome(hart) : Thunks.Outcome.goesOn).rawValue
  }

  /// After a block was left: what the interpreter's loop does between two blocks.
  private func outcome(_ hart: Hart) -> Thunks.Outcome {
    let state = hart.state
    if state.pointee.attention & Attention.leave != 0 { return .returns }
    if state.pointee.attention != 0 {
      if hart.interruptToTake() != nil { return .returns }
      state.pointee.attention = 0
    }
    return .jumps
  }

  extension Opcode {
    /// Bytes that an integer load or store moves.
    var accessSize: Int {
      switch self {
      case .lb, .lbu, .sb: 1
      case .lh, .lhu, .sh: 2
      case .lw, .lwu, .sw: 4
      default: 8
      }
    }

    var isAtomic: Bool { rawValue >= Opcode.lrW.rawValue && rawValue <= Opcode.amomaxuD.rawValue }
  }
#endif
