// SPDX-License-Identifier: Apache-2.0

/// The A extension. Harts run in turns on one host thread, so a read and a write next to each other are atomic.
extension Interpreter {
  /// True: the block was left.
  @inline(never)
  func executeAtomic(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    let opcode = instruction.pointee.opcode
    let address = hart.x[Int(instruction.pointee.source1)]
    let isDoubleword = opcode.rawValue >= Opcode.lrD.rawValue
    let size = isDoubleword ? 8 : 4
    let isLoad = opcode == .lrW || opcode == .lrD
    if address & UInt64(size - 1) != 0 {
      raise(
        hart, instruction,
        cause: isLoad
          ? ExceptionCause.loadAddressMisaligned : ExceptionCause.storeAddressMisaligned,
        value: address)
      return true
    }
    beginExactPosition(hart, instruction)
    mustLeaveBlock = false
    guard let host = atomicPointer(hart, instruction, address, size: size, isLoad ? .load : .store) else {
      return true
    }
    let old = Self.loadInteger(host, size)
    let result = isDoubleword ? old : UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: old)))
    let operand = hart.x[Int(instruction.pointee.source2)]
    let physical = memory.base &+ UInt64(host - memory.bytes)
    let destination = Int(instruction.pointee.destination)
    var stores = true
    switch opcode {
    case .lrW, .lrD:
      stores = false
      hart.state.pointee.reservationAddress = physical
      hart.state.pointee.reservationValue = result
      hart.x[destination] = result
    case .scW, .scD:
      // The reservation holds while the value does: no other hart has stored here, as none has had a turn since
      // (`Machine.chooseHart`). What is left are the hart's own stores and those of devices that it started.
      let holds =
        hart.state.pointee.reservationAddress == physical
        && hart.state.pointee.reservationValue == result
      hart.state.pointee.reservationAddress = ~0
      if holds { storeAtomic(host, physical, size, operand) }
      stores = holds
      hart.x[destination] = holds ? 0 : 1
    default:
      let new =
        isDoubleword
        ? Self.combine(opcode, old, operand)
        : Self.combineWords(opcode, UInt32(truncatingIfNeeded: old), UInt32(truncatingIfNeeded: operand))
      storeAtomic(host, physical, size, new)
      hart.x[destination] = result
    }
    if isWatched(hart) {
      let loads = opcode != .scW && opcode != .scD
      if let watchpoint = (loads ? stops.watchpoint(loading: address, size) : nil)
        ?? (stores ? stops.watchpoint(storing: address, size) : nil)
      {
        noteAccess(
          hart, instruction, watchpoint,
          WatchedAccess(
            kind: !stores ? .read : loads ? .access : .write, address: address, byteCount: size, old: old,
            new: Self.loadInteger(host, size)))
      }
    }
    if mustLeaveBlock {
      leaveBlock(hart, after: instruction)
      return true
    }
    endExactPosition(hart)
    return false
  }

  private func storeAtomic(_ host: UnsafeMutableRawPointer, _ physical: UInt64, _ size: Int, _ value: UInt64)
  {
    memory.prepareStore(at: physical, count: size)
    Self.storeInteger(host, size, value)
  }

  /// The host address for an atomic access; nil when it raised an exception. Atomics reach RAM only.
  func atomicPointer(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, _ address: UInt64, size: Int,
    _ access: AccessKind
  ) -> UnsafeMutableRawPointer? {
    let table = access == .load ? hart.state.pointee.loadTable : hart.state.pointee.storeTable
    if let host = TranslationCache.lookUp(table, address, size: UInt64(size)) { return host }
    switch physical(hart, address, size: size, access) {
    case .fault(let fault):
      raise(hart, instruction, cause: fault.cause, value: fault.value)
      return nil
    case .physical(let physical, let entry):
      // A reservation may be made wherever a load reads memory.
      let host =
        access == .load
        ? memory.readablePointer(at: physical, count: size) : memory.pointer(at: physical, count: size)
      guard let host else {
        raise(hart, instruction, cause: access.accessFault, value: address)
        return nil
      }
      if access == .load {
        insertForLoad(hart, address, physical: physical, entry: entry, host)
      } else {
        insertForStore(hart, address, physical: physical, entry: entry, host)
      }
      return host
    }
  }

  private static func combine(_ opcode: Opcode, _ old: UInt64, _ operand: UInt64) -> UInt64 {
    switch opcode {
    case .amoaddD: old &+ operand
    case .amoxorD: old ^ operand
    case .amoandD: old & operand
    case .amoorD: old | operand
    case .amominD: Int64(bitPattern: old) < Int64(bitPattern: operand) ? old : operand
    case .amomaxD: Int64(bitPattern: old) > Int64(bitPattern: operand) ? old : operand
    case .amominuD: min(old, operand)
    case .amomaxuD: max(old, operand)
    default: operand
    }
  }

  private static func combineWords(_ opcode: Opcode, _ old: UInt32, _ operand: UInt32) -> UInt64 {
    let new: UInt32 =
      switch opcode {
      case .amoaddW: old &+ operand
      case .amoxorW: old ^ operand
      case .amoandW: old & operand
      case .amoorW: old | operand
      case .amominW: Int32(bitPattern: old) < Int32(bitPattern: operand) ? old : operand
      case .amomaxW: Int32(bitPattern: old) > Int32(bitPattern: operand) ? old : operand
      case .amominuW: min(old, operand)
      case .amomaxuW: max(old, operand)
      default: operand
      }
    return UInt64(new)
  }
}
