// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Extensions that came after RV64GC and are rare: all of them out of line.
extension Interpreter {
  /// Bytes of a block of a cache. There are no caches; `cbo.zero` clears so many.
  static let cacheBlockSize = 64

  /// True: the block was left.
  @inline(never)
  func executeLater(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    let rd = Int(instruction.pointee.destination)
    let (first, second) = (hart.x[Int(instruction.pointee.source1)], hart.x[Int(instruction.pointee.source2)])
    switch instruction.pointee.opcode {
    case .clmul: hart.x[rd] = Self.carrylessProduct(first, second).low
    case .clmulh: hart.x[rd] = Self.carrylessProduct(first, second).high
    case .clmulr:
      let product = Self.carrylessProduct(first, second)
      hart.x[rd] = product.high << 1 | product.low >> 63
    case .czeroEqz: hart.x[rd] = second == 0 ? 0 : first
    case .czeroNez: hart.x[rd] = second != 0 ? 0 : first
    case .mop: hart.x[rd] = 0
    // A wait may end at any time: these end at once, or when the others have had their turns.
    case .pause, .wrsSto: return giveTurnAway(hart, instruction)
    case .wrsNto:
      guard
        hart.state.pointee.privilege == Privilege.machine || hart.state.pointee.mstatus & Status.tw == 0
      else {
        raiseIllegal(hart, instruction)
        return true
      }
      return giveTurnAway(hart, instruction)
    case .cacheBlock: return executeCacheBlock(hart, instruction)
    default: return executeLaterAtomic(hart, instruction)
    }
    return false
  }

  /// A product of polynomials over two elements (volume I, chapter on Zbc).
  private static func carrylessProduct(_ left: UInt64, _ right: UInt64) -> (high: UInt64, low: UInt64) {
    var low = right & 1 != 0 ? left : 0
    var high: UInt64 = 0
    for bit in UInt64(1)..<64 where right >> bit & 1 != 0 {
      low ^= left << bit
      high ^= left >> (64 - bit)
    }
    return (high, low)
  }

  // MARK: Blocks of a cache

  private func executeCacheBlock(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>) -> Bool {
    // The decoder makes no other number.
    let operation = CacheBlockOperation(rawValue: instruction.pointee.immediate).unsafelyUnwrapped
    guard mayManage(hart, operation) else {
      raiseIllegal(hart, instruction)
      return true
    }
    let address = hart.x[Int(instruction.pointee.source1)] & ~UInt64(Self.cacheBlockSize - 1)
    beginExactPosition(hart, instruction)
    mustLeaveBlock = false
    let fault = operation == .zero ? clear(hart, instruction, block: address) : probe(hart, block: address)
    if let fault {
      raise(hart, instruction, cause: fault.cause, value: fault.value)
      return true
    }
    if mustLeaveBlock {
      leaveBlock(hart, after: instruction)
      return true
    }
    endExactPosition(hart)
    return false
  }

  /// `menvcfg` says for modes below M, and `senvcfg` too for U (volume II, section 3.1.18).
  private func mayManage(_ hart: Hart, _ operation: CacheBlockOperation) -> Bool {
    let state = hart.state.pointee
    let field =
      switch operation {
      case .inval: EnvironmentConfiguration.cbie
      case .clean, .flush: EnvironmentConfiguration.cbcfe
      case .zero: EnvironmentConfiguration.cbze
      }
    switch state.privilege {
    case Privilege.machine: return true
    case Privilege.supervisor: return state.menvcfg & field != 0
    default: return state.menvcfg & field != 0 && state.senvcfg & field != 0
    }
  }

  /// Management of a block is allowed where a load or a store is, and makes no access.
  private func probe(_ hart: Hart, block address: UInt64) -> Fault? {
    if case .physical = physical(hart, address, size: Self.cacheBlockSize, .load) { return nil }
    if case .fault(let fault) = physical(hart, address, size: Self.cacheBlockSize, .store) { return fault }
    return nil
  }

  private func clear(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, block address: UInt64
  ) -> Fault? {
    let size = Self.cacheBlockSize
    if let host = TranslationCache.lookUp(hart.state.pointee.storeTable, address, size: UInt64(size)) {
      memset(host, 0, size)
      return nil
    }
    switch physical(hart, address, size: size, .store) {
    case .fault(let fault): return fault
    case .physical(let physical, let entry):
      guard let host = memory.pointer(at: physical, count: size) else {
        return Fault(cause: ExceptionCause.storeAccessFault, value: address)
      }
      let watched = isWatched(hart) ? watchedStore(hart, address, count: size) : nil
      let page = memory.page(of: physical)
      // As for other stores: see `writeWithinPage`.
      let isPageTable = memory.flags[page] & PageFlags.pageTables != 0
      memory.prepareStore(at: physical, count: size)
      if !isPageTable { insertForStore(hart, address, physical: physical, entry: entry, host) }
      memset(host, 0, size)
      if let (watchpoint, access) = watched { noteAccess(hart, instruction, watchpoint, access) }
      return nil
    }
  }

  /// The watched word among `count` bytes that are about to be cleared.
  private func watchedStore(
    _ hart: Hart, _ address: UInt64, count: Int
  ) -> (StopPoints.Watchpoint, WatchedAccess)? {
    for offset in stride(from: UInt64(0), to: UInt64(count), by: 8) {
      guard let watchpoint = stops.watchpoint(storing: address &+ offset, 8) else { continue }
      let old = inspect(hart, address &+ offset, size: 8)
      return (
        watchpoint, WatchedAccess(kind: .write, address: address &+ offset, byteCount: 8, old: old, new: 0)
      )
    }
    return nil
  }
}
