// SPDX-License-Identifier: Apache-2.0

import CDwarf

/// Computes what an expression of call frame information says (DWARF 5, section 2.5): an address, or a value.
struct FrameMachine {
  /// Operations of one expression: they are few in earnest, and jumps go back.
  private static let stepLimit = 256

  let registers: StackUnwinder.Registers
  let read: (UInt64) -> UInt64?

  /// The value of a register, or of the canonical frame address; nil when it cannot be known.
  ///
  /// - Parameter frame: the canonical frame address, for the expressions of registers: they say where in memory one is, if not what it is.
  ///   Nil for the expression of that address itself.
  func value(of operations: [Dwarf_Op], frame: UInt64?) -> UInt64? {
    var stack: [UInt64] = []
    var isValue = frame == nil
    for operation in operations.prefix(Self.stepLimit) {
      switch Int(operation.atom) {
      case DW_OP_call_frame_cfa:
        guard let frame else { return nil }
        stack.append(frame)
      case DW_OP_stack_value: isValue = true
      case DW_OP_reg0...DW_OP_reg31:
        // A register that is in another one.
        return operations.count == 1 ? registers.value(Int(operation.atom) - DW_OP_reg0) : nil
      case DW_OP_regx: return operations.count == 1 ? registers.value(Int(clamping: operation.number)) : nil
      default: guard step(operation, &stack) else { return nil }
      }
    }
    guard operations.count <= Self.stepLimit, let result = stack.last else { return nil }
    return isValue ? result : read(result)
  }

  /// False for what compilers do not use here.
  private func step(_ operation: Dwarf_Op, _ stack: inout [UInt64]) -> Bool {
    func binary(_ compute: (UInt64, UInt64) -> UInt64) -> Bool {
      guard let second = stack.popLast(), let first = stack.popLast() else { return false }
      stack.append(compute(first, second))
      return true
    }
    switch Int(operation.atom) {
    case DW_OP_breg0...DW_OP_breg31:
      guard let value = registers.value(Int(operation.atom) - DW_OP_breg0) else { return false }
      stack.append(value &+ operation.number)
    case DW_OP_bregx:
      guard let value = registers.value(Int(clamping: operation.number)) else { return false }
      stack.append(value &+ operation.number2)
    case DW_OP_lit0...DW_OP_lit31: stack.append(UInt64(Int(operation.atom) - DW_OP_lit0))
    // libdw has extended their signs.
    case DW_OP_const1u, DW_OP_const1s, DW_OP_const2u, DW_OP_const2s, DW_OP_const4u, DW_OP_const4s,
      DW_OP_const8u,
      DW_OP_const8s, DW_OP_constu, DW_OP_consts:
      stack.append(operation.number)
    case DW_OP_deref:
      guard let address = stack.popLast(), let value = read(address) else { return false }
      stack.append(value)
    case DW_OP_dup:
      guard let top = stack.last else { return false }
      stack.append(top)
    case DW_OP_plus_uconst:
      guard let top = stack.popLast() else { return false }
      stack.append(top &+ operation.number)
    case DW_OP_plus: return binary(&+)
    case DW_OP_minus: return binary(&-)
    case DW_OP_and: return binary(&)
    case DW_OP_or: return binary(|)
    case DW_OP_shl: return binary { $1 < 64 ? $0 << $1 : 0 }
    case DW_OP_shr: return binary { $1 < 64 ? $0 >> $1 : 0 }
    default: return false
    }
    return true
  }
}
