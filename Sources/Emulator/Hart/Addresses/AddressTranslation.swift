// SPDX-License-Identifier: Apache-2.0

/// What an access does, with what it needs from PMP and what it raises when it fails.
enum AccessKind {
  case load, store, fetch

  var permission: UInt8 {
    switch self {
    case .load: PhysicalMemoryProtection.Permission.read
    case .store: PhysicalMemoryProtection.Permission.write
    case .fetch: PhysicalMemoryProtection.Permission.execute
    }
  }

  var accessFault: UInt64 {
    switch self {
    case .load: ExceptionCause.loadAccessFault
    case .store: ExceptionCause.storeAccessFault
    case .fetch: ExceptionCause.instructionAccessFault
    }
  }

  var pageFault: UInt64 {
    switch self {
    case .load: ExceptionCause.loadPageFault
    case .store: ExceptionCause.storePageFault
    case .fetch: ExceptionCause.instructionPageFault
    }
  }
}

/// The outcome of a translation.
enum Translation {
  /// With the physical address of the page-table entry that decided; 0 where there is no page table.
  case physical(UInt64, entry: UInt64)
  /// The exception to raise.
  case fault(cause: UInt64)
}

/// A page-table entry (volume II, section 4.4.1).
enum PageTableEntry {
  static let valid: UInt64 = 1
  static let read: UInt64 = 2
  static let write: UInt64 = 4
  static let execute: UInt64 = 8
  static let user: UInt64 = 16
  static let accessed: UInt64 = 64
  static let dirty: UInt64 = 128
  /// It is one of sixteen that map 64 KiB together (Svnapot).
  static let contiguous: UInt64 = 1 << 63
  /// Nothing here is cached, so the memory type is only checked (Svpbmt).
  static let memoryType: UInt64 = 3 << 61
  /// Contiguous, memory type and reserved: in entries that point to tables, and without the extensions.
  static let mustBeZero: UInt64 = 0x3ff << 54

  static func frame(_ entry: UInt64) -> UInt64 { ((entry & ~mustBeZero) >> 10) << 12 }

  static func isValid(_ entry: UInt64) -> Bool { entry & valid != 0 }
  static func isLeaf(_ entry: UInt64) -> Bool { entry & (read | execute) != 0 }
}

/// Walks page tables (volume II, section 4.3.2).
extension Interpreter {
  /// The physical address that `address` stands for, with A and D bits brought up to date.
  ///
  /// `privilege` is the effective one. The pages that hold the entries used are marked, so that a store to them
  /// drops what is derived from them.
  func translate(_ hart: Hart, _ address: UInt64, _ access: AccessKind, privilege: UInt64) -> Translation {
    let satp = hart.state.pointee.satp
    let mode = satp >> 60
    if privilege == Privilege.machine || mode == 0 { return .physical(address, entry: 0) }
    let levels = mode == 8 ? 3 : 4
    // The bits above the virtual address must all equal its top bit.
    let unused = UInt64(64 - (12 + 9 * levels))
    guard UInt64(bitPattern: Int64(bitPattern: address << unused) >> Int64(unused)) == address else {
      return .fault(cause: access.pageFault)
    }
    var table = Self.rootAddress(satp)
    var level = levels - 1
    // Shifts by what is known to be below 64, and sums that cannot overflow, here and in `leaf`: a page walk is hot.
    var shift = UInt64(truncatingIfNeeded: 12 &+ 9 &* level)
    let mark = PageFlags.pageTable(hart: hart.index)
    let isProtected = hart.state.pointee.isProtected != 0
    while true {
      let entryAddress = table &+ (address &>> shift & 0x1ff) << 3
      guard let host = memory.pointer(at: entryAddress, count: 8),
        !isProtected
          || protection[hart.index].allows(
            entryAddress, size: 8, PhysicalMemoryProtection.Permission.read, privilege: Privilege.supervisor)
      else { return .fault(cause: access.accessFault) }
      markPageTable(entryAddress, mark, hart: hart)
      let entry = host.load(as: UInt64.self)
      if entry & PageTableEntry.valid == 0
        || entry & (PageTableEntry.read | PageTableEntry.write) == PageTableEntry.write
        || (entry & PageTableEntry.mustBeZero != 0 && !hasGoodHighBits(hart, entry, level: level))
      {
        return .fault(cause: access.pageFault)
      }
      let frame = PageTableEntry.frame(entry)
      if entry & (PageTableEntry.read | PageTableEntry.execute) != 0 {
        return leaf(
          hart, address, access, privilege, entry: entry, at: entryAddress, frame: frame, level: level,
          shift: shift)
      }
      let reserved = PageTableEntry.user | PageTableEntry.accessed | PageTableEntry.dirty
      guard entry & reserved == 0, level > 0 else { return .fault(cause: access.pageFault) }
      table = frame
      level &-= 1
      shift &-= 9
    }
  }

  /// Are the high bits of an entry, some of which are set, as the harts' extensions have them? (Volume II, chapters on
  /// Svnapot and Svpbmt.)
  @inline(never)
  func hasGoodHighBits(_ hart: Hart, _ entry: UInt64, level: Int) -> Bool {
    var allowed: UInt64 = 0
    if hart.state.pointee.menvcfg & EnvironmentConfiguration.pbmte != 0 {
      allowed |= PageTableEntry.memoryType
    }
    if extensions.contains(.svnapot) { allowed |= PageTableEntry.contiguous }
    guard PageTableEntry.isLeaf(entry), entry & PageTableEntry.mustBeZero & ~allowed == 0,
      entry & PageTableEntry.memoryType != PageTableEntry.memoryType
    else { return false }
    // The only size that there is: 64 KiB, told by the lowest bits of the page number.
    return entry & PageTableEntry.contiguous == 0 || (level == 0 && entry >> 10 & 15 == 8)
  }

  private func leaf(
    _ hart: Hart, _ address: UInt64, _ access: AccessKind, _ privilege: UInt64, entry: UInt64,
    at entryAddress: UInt64, frame: UInt64, level: Int, shift: UInt64
  ) -> Translation {
    let status = hart.state.pointee.mstatus
    let isUserPage = entry & PageTableEntry.user != 0
    let maySee =
      privilege == Privilege.user
      ? isUserPage : !isUserPage || (access != .fetch && status & Status.sum != 0)
    let mayDo: Bool
    switch access {
    case .load:
      mayDo =
        entry & PageTableEntry.read != 0
        || (status & Status.mxr != 0 && entry & PageTableEntry.execute != 0)
    case .store: mayDo = entry & PageTableEntry.write != 0
    case .fetch: mayDo = entry & PageTableEntry.execute != 0
    }
    let within = UInt64(1) &<< shift &- 1
    guard maySee, mayDo, frame & within == 0 else { return .fault(cause: access.pageFault) }

    let wanted =
      entry | PageTableEntry.accessed | (access == .store ? PageTableEntry.dirty : 0)
    if wanted != entry {
      guard hart.state.pointee.menvcfg & EnvironmentConfiguration.adue != 0 else {
        return .fault(cause: access.pageFault)
      }
      guard
        allows(
          hart, entryAddress, size: 8, PhysicalMemoryProtection.Permission.write,
          privilege: Privilege.supervisor)
      else { return .fault(cause: access.accessFault) }
      storePageTableEntry(wanted, at: entryAddress)
    }
    if level > 0 {
      let page = memory.page(of: entryAddress)
      if memory.flags[page] & PageFlags.largePages == 0 { memory.flags[page] |= PageFlags.largePages }
    }
    if entry & PageTableEntry.contiguous != 0 {
      return .physical(frame & ~0xffff | address & 0xffff, entry: entryAddress)
    }
    return .physical(frame | address & within, entry: entryAddress)
  }
}
