// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Keeps what is derived from memory (translations, decoded blocks) true to memory.
///
/// Page tables act as if they were walked for each access, and code as if it were fetched for each instruction. It
/// costs a slow path for stores to such pages only, and it makes a run independent of when caches are filled: the two
/// engines agree, and a run that goes on from a snapshot, with empty caches, is the run that was recorded.
extension Interpreter {
  /// Notes that a translation of `hart` is about to depend on the entry at a physical address.
  ///
  /// `mark` is that of `hart`. Returns at once for a page that is marked already, which is the common case.
  @inline(__always)
  func markPageTable(_ address: UInt64, _ mark: PageFlags.Bits, hart: Hart) {
    let page = memory.page(of: address)
    guard memory.flags[page] & mark == 0 else { return }
    memory.setCare(mark, page: page)
    hart.pageTableUse.append(page: page)
  }

  /// Forgets the hart's translations, and with them which pages they depend on.
  func flushTranslations(_ hart: Hart) {
    hart.flushTranslations()
    let bit = PageFlags.pageTable(hart: hart.index)
    for page in hart.pageTableUse.pages {
      memory.flags[Int(page)] &= ~bit
      if memory.flags[Int(page)] & PageFlags.pageTables == 0 {
        memory.flags[Int(page)] &= ~PageFlags.largePages
      }
    }
    hart.pageTableUse.removeAll()
    mustLeaveBlock = true
  }

  /// `satp` has changed. Systems map themselves in the upper half of all their address spaces, by the same entries of
  /// different roots: what was translated there stays true.
  func rootChanged(_ hart: Hart, from old: UInt64) {
    guard let root = rootWithSameUpperHalf(hart, as: old) else { return flushTranslations(hart) }
    hart.flushLowerHalf()
    // From here on all that is kept depends on this root as well.
    markPageTable(root, PageFlags.pageTable(hart: hart.index), hart: hart)
  }

  /// The address of the hart's root page table, if an address in the upper half is translated as by way of the `satp` given.
  private func rootWithSameUpperHalf(_ hart: Hart, as old: UInt64) -> UInt64? {
    let state = hart.state.pointee
    // PMP may tell the roots apart. A leaf in a root is an entry that the translations from the other root do not know.
    guard state.satp >> 60 == old >> 60, old >> 60 != 0, state.isProtected == 0,
      state.supervisorUsesLowerHalf == 0,
      let oldRoot = memory.pointer(at: Self.rootAddress(old), count: GuestMemory.pageSize),
      let newRoot = memory.pointer(at: Self.rootAddress(state.satp), count: GuestMemory.pageSize),
      memory.flags[memory.page(of: Self.rootAddress(old))] & PageFlags.largePages
        == 0
    else { return nil }
    let half = GuestMemory.pageSize / 2
    return memcmp(oldRoot + half, newRoot + half, half) == 0 ? Self.rootAddress(state.satp) : nil
  }

  /// Of the root page table that a value of `satp` names (volume II, section 4.1.11).
  static func rootAddress(_ satp: UInt64) -> UInt64 { (satp & 0xfff_ffff_ffff) << 12 }

  /// Sets A or D in an entry. No translation that exists can be wrong after that, so none is dropped.
  func storePageTableEntry(_ entry: UInt64, at address: UInt64) {
    let page = memory.page(of: address)
    let offset = Int(address & 0xfff)
    memory.noteStore(page: page, offset: offset, count: 8, changesTranslations: false)
    memory.bytes.storeBytes(of: entry, toByteOffset: Int(address - memory.base), as: UInt64.self)
  }

  /// A page that a write TLB may hold is about to need care: take it out of every write TLB.
  func dropFromWriteTLBs(page: Int) {
    for hart in harts {
      hart.translationCache.dropStores(to: memory.bytes + page * GuestMemory.pageSize)
    }
  }

  /// Every write TLB is to be emptied.
  func dropAllFromWriteTLBs() {
    for hart in harts { hart.translationCache.flushStores() }
  }

  /// A store is about to change page-table entries that the harts in `affected` (bit n: hart n) have used.
  func pageTableStore(page: Int, offset: Int, count: Int, harts affected: PageFlags.Bits) {
    // `page` is one of RAM's, so that no sum here overflows: every page that a guest maps comes by.
    let pageStart = page &* GuestMemory.pageSize
    var entryOffset = pageStart &+ offset & ~7
    while entryOffset < pageStart &+ offset &+ count {
      let old = memory.bytes.load(fromByteOffset: entryOffset, as: UInt64.self)
      var left = affected
      while left != 0 {
        entryChanges(
          memory.base &+ UInt64(truncatingIfNeeded: entryOffset), old: old,
          hart: harts[left.trailingZeroBitCount],
          mayBeLarge: memory.flags[page] & PageFlags.largePages != 0)
        left &= left &- 1
      }
      entryOffset &+= 8
    }
  }

  /// A page-table entry on a page that the hart has used is about to change.
  private func entryChanges(_ address: UInt64, old: UInt64, hart: Hart, mayBeLarge: Bool) {
    let use = hart.pageTableUse
    use.stores &+= 1
    // A page that holds page tables no more would stay slow to write until the next flush; so there is one soon.
    guard use.stores <= Self.pageTableStoreLimit else { return flushTranslations(hart) }
    // Translations depend on valid entries only. An entry that is not valid yet is the common case: a page is mapped.
    guard PageTableEntry.isValid(old) else { return }
    // What lies below an entry that points to another table is not known one by one.
    guard PageTableEntry.isLeaf(old) else { return flushTranslations(hart) }
    hart.translationCache.drop(entry: address, mayBeLarge: mayBeLarge)
    if use.mayHaveFetched(entry: address) { hart.forgetBlocks() }
    mustLeaveBlock = true
  }

  /// A store is about to change decoded code.
  func codeStore(page: Int, offset: Int, count: Int) {
    guard blocks.invalidate(page: page, offset: offset, count: count, onRemoval: blockRemoved)
    else { return }
    if !blocks.hasCode(page: page) { memory.flags[page] &= ~PageFlags.code }
    mustLeaveBlock = true
  }

  /// A store is about to change a page that the host watches.
  @inline(never)
  func hostInterfaceStore(page: Int, offset: Int, count: Int) {
    let address = memory.base + UInt64(page * GuestMemory.pageSize + offset)
    withMachine { $0.hostInterfaceStored(address: address, count: count) }
    mustLeaveBlock = true
  }

  /// A bank of flash does not read as an array any more: no access may take it for one.
  func forgetFlash() {
    for hart in harts {
      hart.translationCache.flushAll()
      hart.forgetBlocks()
    }
    mustLeaveBlock = true
  }
}
