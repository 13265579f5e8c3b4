// SPDX-License-Identifier: Apache-2.0

/// The slow path of loads and stores: translation, devices, page crossings, pages that need care.
extension Interpreter {
  /// Does a load for which the translation cache had no answer. True: the block was left.
  @inline(never)
  func loadSlowly(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, _ address: UInt64, size: Int
  ) -> Bool {
    beginExactPosition(hart, instruction)
    mustLeaveBlock = false
    switch read(hart, address, size: size) {
    case .fault(let cause):
      raise(hart, instruction, cause: cause.cause, value: cause.value)
      return true
    case .value(let value, let isDevice):
      setLoaded(hart, instruction, value)
      if isWatched(hart), let watchpoint = stops.watchpoint(loading: address, size) {
        noteAccess(
          hart, instruction, watchpoint,
          WatchedAccess(kind: .read, address: address, byteCount: size, old: value, new: value))
      }
      // Reading a device may raise or lower interrupts: they are looked at before the next instruction. And a load can change
      // code: the A bit that translation set may stand in what comes next.
      if mustLeaveBlock || isDevice && hart.state.pointee.attention != 0 {
        leaveBlock(hart, after: instruction)
        return true
      }
      endExactPosition(hart)
      return false
    }
  }

  /// Does a store for which the translation cache had no answer. True: the block was left.
  @inline(never)
  func storeSlowly(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, _ address: UInt64, size: Int,
    _ value: UInt64
  ) -> Bool {
    beginExactPosition(hart, instruction)
    mustLeaveBlock = false
    let watchpoint = isWatched(hart) ? stops.watchpoint(storing: address, size) : nil
    let old = watchpoint == nil ? 0 : inspect(hart, address, size: size)
    if let fault = write(hart, address, size: size, value) {
      raise(hart, instruction, cause: fault.cause, value: fault.value)
      return true
    }
    if let watchpoint {
      let new = size == 8 ? value : value & (1 << UInt64(size * 8) - 1)
      noteAccess(
        hart, instruction, watchpoint,
        WatchedAccess(kind: .write, address: address, byteCount: size, old: old, new: new))
    }
    if mustLeaveBlock {
      leaveBlock(hart, after: instruction)
      return true
    }
    endExactPosition(hart)
    return false
  }

  /// Are there watchpoints?
  @inline(__always)
  func isWatched(_ hart: Hart) -> Bool { hart.state.pointee.isWatched != 0 }

  struct Fault: Error {
    var cause: UInt64
    var value: UInt64
  }

  enum ReadOutcome {
    case value(UInt64, isDevice: Bool)
    case fault(Fault)
  }

  private func setLoaded(_ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, _ value: UInt64) {
    let destination = Int(instruction.pointee.destination)
    switch instruction.pointee.opcode {
    case .lb: hart.x[destination] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: value)))
    case .lh: hart.x[destination] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: value)))
    case .lw: hart.x[destination] = UInt64(bitPattern: Int64(Int32(truncatingIfNeeded: value)))
    case .flw:
      hart.f[destination] = value | 0xffff_ffff_0000_0000
      hart.state.pointee.mstatus |= Status.fs
    case .flh:
      hart.f[destination] = NaNBoxing.box16(UInt16(truncatingIfNeeded: value))
      hart.state.pointee.mstatus |= Status.fs
    case .fld:
      hart.f[destination] = value
      hart.state.pointee.mstatus |= Status.fs
    default: hart.x[destination] = value  // ld, lbu, lhu, lwu: `value` has no bits above the size
    }
  }

  /// Reads `size` bytes at a virtual address.
  func read(_ hart: Hart, _ address: UInt64, size: Int) -> ReadOutcome {
    guard crossesPage(address, size) else { return readWithinPage(hart, address, size: size) }
    // Each page is translated before any is read, so that a fault comes with nothing done.
    let firstCount = 4096 - Int(address & 0xfff)
    do throws(Fault) {
      let first = try part(hart, address, count: firstCount, .load)
      let second = try part(hart, address &+ UInt64(firstCount), count: size - firstCount, .load)
      var value: UInt64 = 0
      for byte in 0..<size {
        let host = byte < firstCount ? first + byte : second + (byte - firstCount)
        value |= UInt64(host.load(as: UInt8.self)) << UInt64(byte * 8)
      }
      return .value(value, isDevice: false)
    } catch { return .fault(error) }
  }

  private func readWithinPage(_ hart: Hart, _ address: UInt64, size: Int) -> ReadOutcome {
    switch physical(hart, address, size: size, .load) {
    case .fault(let fault): return .fault(fault)
    case .physical(let physical, let entry):
      if let host = memory.readablePointer(at: physical, count: size) {
        insertForLoad(hart, address, physical: physical, entry: entry, host)
        return .value(Self.loadInteger(host, size), isDevice: false)
      }
      guard physical & UInt64(size - 1) == 0,
        let value = withMachine({ $0.readBus(physical, size: size) })
      else { return .fault(Fault(cause: ExceptionCause.loadAccessFault, value: address)) }
      withMachine { machine in
        guard machine.observer != nil else { return }
        machine.tell(.load(address: physical, size: size, value: value), of: hart, hasEnded: false)
      }
      return .value(value, isDevice: true)
    }
  }

  /// Writes the low `size` bytes of `value` at a virtual address; answers the fault, if one came.
  @inline(__always)
  func write(_ hart: Hart, _ address: UInt64, size: Int, _ value: UInt64) -> Fault? {
    crossesPage(address, size)
      ? writeAcrossPages(hart, address, size: size, value) : writeWithinPage(hart, address, size: size, value)
  }

  @inline(never)
  private func writeAcrossPages(_ hart: Hart, _ address: UInt64, size: Int, _ value: UInt64) -> Fault? {
    let firstCount = 4096 - Int(address & 0xfff)
    do throws(Fault) {
      let first = try part(hart, address, count: firstCount, .store)
      let second = try part(hart, address &+ UInt64(firstCount), count: size - firstCount, .store)
      storePart(first, count: firstCount, value)
      storePart(second, count: size - firstCount, value >> UInt64(firstCount * 8))
      return nil
    } catch { return error }
  }

  /// The host address of the part of an access on one of the two pages that it touches. Only memory can be accessed so.
  private func part(
    _ hart: Hart, _ address: UInt64, count: Int, _ access: AccessKind
  ) throws(Fault) -> UnsafeMutableRawPointer {
    switch physical(hart, address, size: count, access) {
    case .fault(let fault): throw fault
    case .physical(let physical, _):
      let host =
        access == .load
        ? memory.readablePointer(at: physical, count: count) : memory.pointer(at: physical, count: count)
      guard let host else {
        throw Fault(cause: access.accessFault, value: address)
      }
      return host
    }
  }

  private func storePart(_ host: UnsafeMutableRawPointer, count: Int, _ value: UInt64) {
    memory.prepareStore(at: memory.base &+ UInt64(host - memory.bytes), count: count)
    for byte in 0..<count {
      host.storeBytes(
        of: UInt8(truncatingIfNeeded: value >> UInt64(byte * 8)), toByteOffset: byte, as: UInt8.self)
    }
  }

  private func writeWithinPage(_ hart: Hart, _ address: UInt64, size: Int, _ value: UInt64) -> Fault? {
    switch physical(hart, address, size: size, .store) {
    case .fault(let fault): return fault
    case .physical(let physical, let entry):
      if let host = memory.pointer(at: physical, count: size) {
        let page = memory.page(of: physical)
        let flags = memory.flags[page]
        if flags & PageFlags.needsCare != 0 {
          memory.noteStore(page: page, offset: Int(truncatingIfNeeded: physical & 0xfff), count: size)
        }
        // A store to page tables may have dropped the hart's translations. The one that this store came by would then
        // stand in the cache without a mark on the tables it follows from, and the store may have changed it, too.
        if flags & PageFlags.pageTables == 0 {
          insertForStore(hart, address, physical: physical, entry: entry, host)
        }
        Self.storeInteger(host, size, value)
        return nil
      }
      guard physical & UInt64(size - 1) == 0,
        withMachine({ $0.writeBus(physical, size: size, value: value) })
      else { return Fault(cause: ExceptionCause.storeAccessFault, value: address) }
      withMachine { machine in
        guard machine.observer != nil else { return }
        let stored = size == 8 ? value : value & (1 << UInt64(size * 8) - 1)
        machine.tell(.store(address: physical, size: size, value: stored), of: hart, hasEnded: false)
      }
      // Interrupts that it raised or lowered are looked at before the next instruction.
      if hart.state.pointee.attention != 0 { mustLeaveBlock = true }
      return nil
    }
  }

  /// Lets the translation cache have a page for loads.
  func insertForLoad(
    _ hart: Hart, _ address: UInt64, physical: UInt64, entry: UInt64, _ host: UnsafeMutableRawPointer
  ) {
    guard isUniform(hart, page: physical), !(isWatched(hart) && stops.barsLoads(page: address)) else {
      return
    }
    hart.insertTranslation(hart.dataContext, .load, address: address, host: host, entry: entry)
  }

  /// Lets the translation cache have a page for stores, unless it needs care: then `GuestMemory.prepareStore` sees to
  /// each store.
  func insertForStore(
    _ hart: Hart, _ address: UInt64, physical: UInt64, entry: UInt64, _ host: UnsafeMutableRawPointer
  ) {
    let page = memory.page(of: physical)
    guard memory.flags[page] & PageFlags.needsCare == 0, isUniform(hart, page: physical),
      !(isWatched(hart) && stops.barsStores(page: address))
    else { return }
    memory.flags[page] |= PageFlags.mayBeInWriteTLB
    hart.insertTranslation(hart.dataContext, .store, address: address, host: host, entry: entry)
  }

  enum PhysicalOutcome {
    case physical(UInt64, entry: UInt64)
    case fault(Fault)
  }

  /// Translates and checks the protection of `size` bytes within one page.
  @inline(__always)
  func physical(_ hart: Hart, _ address: UInt64, size: Int, _ access: AccessKind) -> PhysicalOutcome {
    let privilege = hart.dataPrivilege
    switch translate(hart, address, access, privilege: privilege) {
    case .fault(let cause): return .fault(Fault(cause: cause, value: address))
    case .physical(let physical, let entry):
      guard
        allows(hart, physical, size: UInt64(size), access.permission, privilege: privilege)
      else { return .fault(Fault(cause: access.accessFault, value: address)) }
      return .physical(physical, entry: entry)
    }
  }

  @inline(__always)
  private func crossesPage(_ address: UInt64, _ size: Int) -> Bool {
    Int(address & 0xfff) + size > 4096
  }

  static func loadInteger(_ host: UnsafeMutableRawPointer, _ size: Int) -> UInt64 {
    switch size {
    case 1: UInt64(host.load(as: UInt8.self))
    case 2: UInt64(host.loadUnaligned(as: UInt16.self))
    case 4: UInt64(host.loadUnaligned(as: UInt32.self))
    default: host.loadUnaligned(as: UInt64.self)
    }
  }

  static func storeInteger(_ host: UnsafeMutableRawPointer, _ size: Int, _ value: UInt64) {
    switch size {
    case 1: host.storeBytes(of: UInt8(truncatingIfNeeded: value), as: UInt8.self)
    case 2: host.storeBytes(of: UInt16(truncatingIfNeeded: value), as: UInt16.self)
    case 4: host.storeBytes(of: UInt32(truncatingIfNeeded: value), as: UInt32.self)
    default: host.storeBytes(of: value, as: UInt64.self)
    }
  }
}
