// SPDX-License-Identifier: Apache-2.0

/// Walks up a hart's stack, from what it executes to what called that.
///
/// Each step is made by the rules of a file's debugging information where there are some for the place (DWARF's call frame information), else
/// by the frame pointer, where that leads to a frame. Registers and memory are those of the guest; nothing in it is believed to be sound.
package struct StackUnwinder {
  /// A function that is being executed, or waits for one that it called.
  package struct Frame: Equatable, Sendable {
    package enum Finder: String, Sendable {
      /// The hart's registers.
      case registers
      /// Rules of call frame information.
      case rules = "call-frame-information"
      /// The frame pointer, by the calling convention's place for it.
      case framePointer = "frame-pointer"
      /// The return address in `ra`, at the start of a function without rules.
      case returnAddress = "return-address"
    }

    /// Of the instruction that is next, here or behind the call.
    package var programCounter: UInt64
    package var stackPointer: UInt64
    package var finder: Finder
    /// The instruction was interrupted, not left by a call: it belongs to what is at `programCounter` itself.
    package var isExact: Bool
  }

  /// Why there are no more frames.
  package enum End: String, Sendable {
    /// The rules say that nobody called this one.
    case outermost
    /// It returns to nowhere.
    case noCaller = "no-caller"
    /// Neither rules nor a frame pointer lead on.
    case unknown = "no-information"
    /// It is the way into traps: what was interrupted is not what called.
    case trapEntry = "trap-entry"
    /// The stack is where there is no memory.
    case unreadable = "unreadable-stack"
    /// It does not get higher: what is there is no stack.
    case circle = "stack-does-not-rise"
    /// As many as are shown.
    case limit
  }

  /// x0 to x31, and the pc.
  package struct Registers: Sendable {
    package var integers: [UInt64]
    package var programCounter: UInt64
    /// Registers whose values are not known behind a call.
    var unknown: Set<Int> = []

    package init(integers: [UInt64], programCounter: UInt64) {
      precondition(integers.count == 32, "x0 to x31")
      self.integers = integers
      self.programCounter = programCounter
    }

    func value(_ number: Int) -> UInt64? {
      (0..<32).contains(number) && !unknown.contains(number) ? integers[number] : nil
    }
  }

  /// Of calls of which each has to do something.
  private static let returnAddress = 1
  private static let stackPointer = 2
  private static let framePointer = 8

  private let files: [(file: DebugFile, displacement: UInt64)]
  private let trapVectors: [UInt64]
  private let function: (UInt64) -> String?
  private let read: (_ address: UInt64, _ count: Int) -> [UInt8]

  /// - Parameters:
  ///   - files: those with rules, and what is added to their addresses.
  ///   - trapVectors: where the hart goes when it traps.
  ///   - function: what symbols call the function around an address: one without a name was not called.
  ///   - read: bytes of the guest's memory, by virtual addresses: as many as there are.
  package init(
    files: [(file: DebugFile, displacement: UInt64)], trapVectors: [UInt64] = [],
    function: @escaping (UInt64) -> String?,
    read: @escaping (_ address: UInt64, _ count: Int) -> [UInt8]
  ) {
    self.files = files
    self.trapVectors = trapVectors
    self.function = function
    self.read = read
  }

  /// The frames, the innermost first, `limit` at most, and why there are no more.
  package func frames(from registers: Registers, limit: Int) -> (frames: [Frame], end: End) {
    var registers = registers
    var frames = [
      Frame(
        programCounter: registers.programCounter, stackPointer: registers.integers[Self.stackPointer],
        finder: .registers, isExact: true)
    ]
    while frames.count < limit {
      let last = frames[frames.count - 1]
      let step = caller(of: registers, isExact: last.isExact, isInnermost: frames.count == 1)
      switch step {
      case .end(let end): return (frames, end)
      case .caller(let next, let finder, let isExact):
        let pointer = next.integers[Self.stackPointer]
        // The innermost function may not have used the stack.
        guard pointer > last.stackPointer || frames.count == 1 && pointer == last.stackPointer else {
          return (frames, .circle)
        }
        guard next.programCounter != 0 else { return (frames, .noCaller) }
        registers = next
        frames.append(
          Frame(programCounter: next.programCounter, stackPointer: pointer, finder: finder, isExact: isExact))
      }
    }
    return (frames, .limit)
  }

  private enum Step {
    case caller(Registers, Frame.Finder, isExact: Bool)
    case end(End)
  }

  private func caller(of registers: Registers, isExact: Bool, isInnermost: Bool) -> Step {
    // Behind a call that ends its function lies another one.
    let place = registers.programCounter &- (isExact ? 0 : 1)
    for (file, displacement) in files {
      guard let rules = file.frameRules(at: place &- displacement) else { continue }
      return apply(rules, to: registers)
    }
    let name = function(place)
    for (file, displacement) in files where isExact {
      let rules = file.frameRules(behind: place &- displacement) { function($0 &+ displacement) == name }
      if let rules { return apply(rules, to: registers) }
    }
    // Its registers are still those of what was interrupted, or lead to what called that.
    if name != nil, trapVectors.contains(where: { function($0) == name }) { return .end(.trapEntry) }
    let pointed = byFramePointer(registers)
    // `ra` says more than a frame that may be the caller's, unless that has the same: then it was saved there.
    if isInnermost, let next = byReturnAddress(registers), next.programCounter != pointed?.programCounter {
      return .caller(next, .returnAddress, isExact: false)
    }
    return pointed.map { .caller($0, .framePointer, isExact: false) } ?? .end(.unknown)
  }

  private func apply(_ rules: FrameRules, to registers: Registers) -> Step {
    let machine = FrameMachine(registers: registers, read: word)
    guard let frame = machine.value(of: rules.canonicalAddress, frame: nil) else { return .end(.unreadable) }
    var next = registers
    next.integers[Self.stackPointer] = frame
    next.unknown.remove(Self.stackPointer)
    for (number, rule) in rules.registers where number != 0 {
      switch rule {
      case .same: break
      case .undefined: next.unknown.insert(number)
      case .expression(let operations):
        if let value = machine.value(of: operations, frame: frame) {
          next.integers[number] = value
          next.unknown.remove(number)
        } else {
          guard number != rules.returnColumn else { return .end(.unreadable) }
          next.unknown.insert(number)
        }
      }
    }
    guard let target = next.value(rules.returnColumn) else { return .end(.outermost) }
    guard target == 0 || rules.isSignal || function(target &- 1) != nil else { return .end(.unknown) }
    next.programCounter = target
    return .caller(next, .rules, isExact: rules.isSignal)
  }

  /// The calling convention's frame: below where `s0` points are the return address and the caller's `s0`.
  private func byFramePointer(_ registers: Registers) -> Registers? {
    guard let pointer = registers.value(Self.framePointer), let stack = registers.value(Self.stackPointer),
      pointer > stack, pointer % 8 == 0, pointer - stack < 1 << 20,
      let target = word(pointer &- 8), let outer = word(pointer &- 16), isReturnAddress(target)
    else { return nil }
    var next = registers
    next.integers[Self.stackPointer] = pointer
    next.integers[Self.framePointer] = outer
    next.integers[Self.returnAddress] = target
    next.programCounter = target
    return next
  }

  /// Of a function that has called nothing yet.
  private func byReturnAddress(_ registers: Registers) -> Registers? {
    // One that leads back into the function is of a call that is over.
    guard let target = registers.value(Self.returnAddress), isReturnAddress(target),
      function(target &- 1) != function(registers.programCounter)
    else { return nil }
    var next = registers
    next.programCounter = target
    return next
  }

  /// Whether an instruction that calls stands in front: what a guest has in a register or on its stack may be anything.
  private func isReturnAddress(_ address: UInt64) -> Bool {
    let bytes = read(address &- 4, 4)
    guard function(address &- 1) != nil, bytes.count == 4 else { return false }
    let instruction = bytes.reversed().reduce(0) { $0 << 8 | UInt32($1) }
    // `jal ra` and `jalr ra`.
    if [0xef, 0xe7].contains(instruction & 0xfff) { return true }
    // `c.jalr`; without a register it is `c.ebreak`.
    return instruction >> 16 & 0xf07f == 0x9002 && instruction >> 16 & 0xf80 != 0
  }

  private func word(_ address: UInt64) -> UInt64? {
    let bytes = read(address, 8)
    return bytes.count == 8 ? bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) } : nil
  }
}
