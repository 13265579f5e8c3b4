// SPDX-License-Identifier: Apache-2.0

/// A condition that gdb has compiled to its agent bytecode ("Agent Expressions" in gdb's manual), so that a breakpoint
/// whose condition is false costs no exchange with gdb.
///
/// It comes from a client, so nothing about it is trusted: jumps stay inside, the stack and the number of steps
/// are bounded.
struct AgentExpression: Equatable, Sendable {
  enum Problem: Error, Equatable {
    case stackOverflow, stackUnderflow, endOfCode, divisionByZero, tooManySteps
    case unknownOperation(UInt8)
    case noRegister(Int)
    case noMemory(UInt64)
  }

  /// Where values come from.
  struct Context {
    /// A register by its number in the target description.
    var register: (Int) -> UInt64?
    /// Memory at an address, exactly so many bytes.
    var memory: (UInt64, Int) -> [UInt8]?
  }

  private static let stackLimit = 100
  private static let stepLimit = 10_000

  let code: [UInt8]

  init(_ code: some Sequence<UInt8>) { self.code = Array(code) }

  /// The value on top of the stack at the end.
  func evaluate(in context: Context) throws(Problem) -> UInt64 {
    var machine = StackMachine(code: code, context: context)
    for _ in 0..<Self.stepLimit {
      if try machine.step() { return try machine.pop() }
    }
    throw .tooManySteps
  }

  private struct StackMachine {
    let code: [UInt8]
    let context: Context
    var place = 0
    var stack: [UInt64] = []

    mutating func push(_ value: UInt64) throws(Problem) {
      guard stack.count < AgentExpression.stackLimit else { throw .stackOverflow }
      stack.append(value)
    }

    mutating func pop() throws(Problem) -> UInt64 {
      guard let value = stack.popLast() else { throw .stackUnderflow }
      return value
    }

    /// An operand in the code, most significant byte first.
    mutating func operand(_ byteCount: Int) throws(Problem) -> UInt64 {
      guard code.count - place >= byteCount else { throw .endOfCode }
      defer { place += byteCount }
      return code[place..<place + byteCount].reduce(0) { $0 << 8 | UInt64($1) }
    }

    mutating func binary(_ operation: (UInt64, UInt64) throws(Problem) -> UInt64) throws(Problem) {
      let right = try pop()
      let left = try pop()
      try push(try operation(left, right))
    }

    /// The value with its lowest `bits` kept.
    static func truncate(_ value: UInt64, _ bits: UInt64) -> UInt64 {
      bits >= 64 ? value : value & (1 << bits - 1)
    }

    static func extendSign(_ value: UInt64, _ bits: UInt64) -> UInt64 {
      guard bits > 0, bits < 64 else { return value }
      return UInt64(bitPattern: Int64(bitPattern: value << (64 - bits)) >> Int64(64 - bits))
    }

    static func divide(
      _ left: UInt64, _ right: UInt64, signed: (Int64, Int64) -> Int64
    ) throws(Problem) -> UInt64 {
      guard right != 0 else { throw .divisionByZero }
      return UInt64(bitPattern: signed(Int64(bitPattern: left), Int64(bitPattern: right)))
    }

    /// Executes one operation; true at the end.
    mutating func step() throws(Problem) -> Bool {
      guard place < code.count else { throw .endOfCode }
      let operation = code[place]
      place += 1
      switch operation {
      case 0x02: try binary { $0 &+ $1 }
      case 0x03: try binary { $0 &- $1 }
      case 0x04: try binary { $0 &* $1 }
      case 0x05:
        try binary { (left, right) throws(Problem) in
          try Self.divide(left, right) { $0.dividedReportingOverflow(by: $1).partialValue }
        }
      case 0x06:
        try binary { (left, right) throws(Problem) in
          guard right != 0 else { throw .divisionByZero }
          return left / right
        }
      case 0x07:
        try binary { (left, right) throws(Problem) in
          try Self.divide(left, right) { $0.remainderReportingOverflow(dividingBy: $1).partialValue }
        }
      case 0x08:
        try binary { (left, right) throws(Problem) in
          guard right != 0 else { throw .divisionByZero }
          return left % right
        }
      // Swift's shifts of 64 or more give what arithmetic says.
      case 0x09: try binary { $0 << $1 }
      case 0x0a: try binary { UInt64(bitPattern: Int64(bitPattern: $0) >> $1) }
      case 0x0b: try binary { $0 >> $1 }
      case 0x0e: try push(try pop() == 0 ? 1 : 0)
      case 0x0f: try binary { $0 & $1 }
      case 0x10: try binary { $0 | $1 }
      case 0x11: try binary { $0 ^ $1 }
      case 0x12: try push(~(try pop()))
      case 0x13: try binary { $0 == $1 ? 1 : 0 }
      case 0x14: try binary { Int64(bitPattern: $0) < Int64(bitPattern: $1) ? 1 : 0 }
      case 0x15: try binary { $0 < $1 ? 1 : 0 }
      case 0x16:
        let bits = try operand(1)
        try push(Self.extendSign(try pop(), bits))
      case 0x17...0x1a: try load(1 << Int(operation - 0x17))
      case 0x20:
        let target = try operand(2)
        if try pop() != 0 { place = Int(target) }
      case 0x21: place = Int(try operand(2))
      case 0x22...0x25: try push(try operand(1 << Int(operation - 0x22)))
      case 0x26:
        let number = Int(try operand(2))
        guard let value = context.register(number) else { throw .noRegister(number) }
        try push(value)
      case 0x27: return true
      case 0x28: try pick(0)
      case 0x29: _ = try pop()
      case 0x2a:
        let bits = try operand(1)
        try push(Self.truncate(try pop(), bits))
      case 0x2b:
        let (top, second) = (try pop(), try pop())
        try push(top)
        try push(second)
      case 0x32: try pick(Int(try operand(1)))
      case 0x33:
        // The top goes below the two under it.
        let (top, second, third) = (try pop(), try pop(), try pop())
        try push(top)
        try push(third)
        try push(second)
      default: throw .unknownOperation(operation)
      }
      return false
    }

    private mutating func load(_ byteCount: Int) throws(Problem) {
      let address = try pop()
      guard let bytes = context.memory(address, byteCount) else { throw .noMemory(address) }
      try push(bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) })
    }

    private mutating func pick(_ depth: Int) throws(Problem) {
      guard depth < stack.count else { throw .stackUnderflow }
      try push(stack[stack.count - 1 - depth])
    }
  }
}
