/// Keeps what is derived from memory (translations, decoded blocks) true to memory.
///
/// Page tables act as if they were walked for each access, and code as if it were fetched for each instruction. It
/// costs a slow path for stores to such pages only, and it makes a run independent of when caches are filled: the two
/// engines agree, and a run that goes on from a snapshot, with empty caches, is the run that was recorded.
extension Interpreter: GuestMemoryObserver {
  /// Notes that a translation of `hart` is about to depend on the entry at a physical address.
  func markPageTable(_ address: UInt64, hart: Hart) {
    let page = Int((address - memory.base) >> GuestMemory.pageShift)
    let bit = PageFlags.pageTable(hart: hart.index)
    guard memory.flags[page] & bit == 0 else { return }
    memory.setCare(bit, page: page)
    pageTablePages[hart.index].append(Int32(truncatingIfNeeded: page))
  }

  /// Forgets the hart's translations, and with them which pages they depend on.
  func flushTranslations(_ hart: Hart) {
    hart.flushTranslations()
    let bit = PageFlags.pageTable(hart: hart.index)
    for page in pageTablePages[hart.index] { memory.flags[Int(page)] &= ~bit }
    pageTablePages[hart.index].removeAll(keepingCapacity: true)
    pageTableStores[hart.index] = 0
    mustLeaveBlock = true
  }

  /// Sets A or D in an entry. No translation that exists can be wrong after that, so none is dropped.
  func storePageTableEntry(_ entry: UInt64, at address: UInt64) {
    let page = Int((address - memory.base) >> GuestMemory.pageShift)
    let offset = Int(address & 0xfff)
    memory.noteStore(page: page, offset: offset, count: 8, changesTranslations: false)
    memory.bytes.storeBytes(of: entry, toByteOffset: Int(address - memory.base), as: UInt64.self)
  }

  func dropFromWriteTLBs(page: Int) {
    for hart in harts {
      hart.translationCache.dropStores(to: memory.bytes + page * GuestMemory.pageSize)
    }
  }

  func dropAllFromWriteTLBs() {
    for hart in harts { hart.translationCache.flushStores() }
  }

  func pageTableStore(page: Int, offset: Int, count: Int, harts affected: PageFlags.Bits) {
    // Translations depend on valid entries only. An entry that is not valid yet is the common case: a page is mapped.
    var isUsed = false
    var entryOffset = offset & ~7
    while entryOffset < offset + count {
      let byteOffset = page * GuestMemory.pageSize + entryOffset
      isUsed = isUsed || memory.bytes.load(fromByteOffset: byteOffset, as: UInt64.self) & 1 != 0
      entryOffset += 8
    }
    for hart in harts where affected & PageFlags.pageTable(hart: hart.index) != 0 {
      pageTableStores[hart.index] += 1
      // A page that holds page tables no more would stay slow to write until the next flush; so there is one soon.
      if isUsed || pageTableStores[hart.index] > Self.pageTableStoreLimit { flushTranslations(hart) }
    }
  }

  func codeStore(page: Int, offset: Int, count: Int) {
    guard blocks.invalidate(page: page, offset: offset, count: count, onRemoval: blockRemoved)
    else { return }
    if !blocks.hasCode(page: page) { memory.flags[page] &= ~PageFlags.code }
    for hart in harts { hart.forgetBlocks() }
    mustLeaveBlock = true
  }

  func hostInterfaceStore() {
    environment.hostInterfaceStored()
    mustLeaveBlock = true
  }
}
