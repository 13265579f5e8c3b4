// SPDX-License-Identifier: Apache-2.0

/// Zacas and Zabha: comparing and swapping, and atomic operations on bytes and halfwords.
extension Interpreter {
  /// True: the block was left.
  func executeLaterAtomic(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    let raw = instruction.pointee.raw
    let size = 1 << Int(raw >> 12 & 7)
    let address = hart.x[Int(instruction.pointee.source1)]
    guard address & UInt64(size - 1) == 0 else {
      raise(hart, instruction, cause: ExceptionCause.storeAddressMisaligned, value: address)
      return true
    }
    beginExactPosition(hart, instruction)
    mustLeaveBlock = false
    guard let host = atomicPointer(hart, instruction, address, size: size, .store) else { return true }
    let physical = memory.base &+ UInt64(host - memory.bytes)
    let pair = AtomicPair(hart, instruction.pointee, host, size: size)
    let stores = pair.stores
    if stores {
      memory.prepareStore(at: physical, count: size)
      Self.storeInteger(host, min(size, 8), pair.new.low)
      if size == 16 { Self.storeInteger(host + 8, 8, pair.new.high) }
    }
    pair.writeBack(hart, instruction.pointee, size: size)
    if isWatched(hart) {
      // Of a pair, the half that is watched.
      for half in 0..<max(1, size / 8) {
        let place = address &+ UInt64(8 * half)
        let count = min(size, 8)
        guard
          let watchpoint = stops.watchpoint(loading: place, count)
            ?? (stores ? stops.watchpoint(storing: place, count) : nil)
        else { continue }
        noteAccess(
          hart, instruction, watchpoint,
          WatchedAccess(
            kind: stores ? .access : .read, address: place, byteCount: count,
            old: half == 0 ? pair.old.low : pair.old.high, new: Self.loadInteger(host + 8 * half, count)))
        break
      }
    }
    if mustLeaveBlock {
      leaveBlock(hart, after: instruction)
      return true
    }
    endExactPosition(hart)
    return false
  }
}

/// What an atomic instruction found and makes of it. All but 16 bytes have no upper half.
private struct AtomicPair {
  var old: (low: UInt64, high: UInt64)
  var new: (low: UInt64, high: UInt64)
  /// Equal is what was compared.
  var stores: Bool

  init(_ hart: Hart, _ instruction: DecodedInstruction, _ host: UnsafeMutableRawPointer, size: Int) {
    let mask = size < 8 ? 1 << UInt64(8 * size) - 1 : ~UInt64(0)
    old = (Interpreter.loadInteger(host, min(size, 8)), size == 16 ? Interpreter.loadInteger(host + 8, 8) : 0)
    let operand = Self.pair(hart, Int(instruction.source2), size)
    if instruction.raw >> 27 == 0x05 {
      let destination = Int(instruction.raw >> 7 & 31)
      let expected = Self.pair(hart, destination, size)
      stores = expected.low & mask == old.low && expected.high == old.high
      new = operand
    } else {
      stores = true
      new = (Self.combine(instruction.raw >> 27, old.low, operand.low & mask, bits: UInt64(8 * size)), 0)
    }
  }

  /// x0 stands for two zeros.
  private static func pair(_ hart: Hart, _ register: Int, _ size: Int) -> (low: UInt64, high: UInt64) {
    (hart.x[register], size == 16 && register != 0 ? hart.x[register + 1] : 0)
  }

  func writeBack(_ hart: Hart, _ instruction: DecodedInstruction, size: Int) {
    let unused = size < 8 ? Int64(64 - 8 * size) : 0
    hart.x[Int(instruction.destination)] = UInt64(
      bitPattern: Int64(bitPattern: old.low << UInt64(unused)) >> unused)
    if size == 16, instruction.destination != DecodedInstruction.bin {
      hart.x[Int(instruction.destination) + 1] = old.high
    }
  }

  /// Both numbers have zeros above their `bits`.
  private static func combine(_ function: UInt32, _ old: UInt64, _ operand: UInt64, bits: UInt64) -> UInt64 {
    // The sign at the top: so they compare as numbers with one.
    let isLess = Int64(bitPattern: old << (64 - bits)) < Int64(bitPattern: operand << (64 - bits))
    return switch function {
    case 0x00: old &+ operand
    case 0x04: old ^ operand
    case 0x0c: old & operand
    case 0x08: old | operand
    case 0x10: isLess ? old : operand
    case 0x14: isLess ? operand : old
    case 0x18: min(old, operand)
    case 0x1c: max(old, operand)
    default: operand
    }
  }
}
