/// What is known of a page of guest RAM.
///
/// A write TLB may hold a page only while none of the bits in `needsCare` is set. Setting one of them therefore
/// takes the page out of every write TLB first (`mayBeInWriteTLB` says whether there is anything to take out).
enum PageFlags {
  typealias Bits = UInt16

  /// Bits 0 to 7: hart n holds translations that were read from page-table entries on this page. A store to one of
  /// these entries drops that hart's translations, so that page tables always act as if they were walked for each access.
  static func pageTable(hart: Int) -> Bits { 1 << Bits(hart) }
  static let pageTables: Bits = 0x00ff
  /// Decoded instructions exist for this page.
  static let code: Bits = 1 << 8
  /// Not written in this dirty epoch: the first store must be noted.
  static let clean: Bits = 1 << 9
  /// Some hart's write TLB may hold this page.
  static let mayBeInWriteTLB: Bits = 1 << 10

  /// The word `tohost` of the host-target interface is on this page.
  static let hostInterface: Bits = 1 << 11

  /// With `pageTables`: some of the entries used map large pages. Needs no care by itself.
  static let largePages: Bits = 1 << 12

  /// A `PageKeeper` may not have seen it in its epoch: the first store must be preceded by that.
  static let toBeKept: Bits = 1 << 13

  /// Stores to some of its bytes are noted; see `Machine.noteStores`.
  static let noted: Bits = 1 << 14

  static let needsCare: Bits = pageTables | code | clean | hostInterface | toBeKept | noted
}

/// Who looks after translations and decoded code. Implemented by `Machine`.
protocol GuestMemoryObserver: AnyObject {
  /// A page that a write TLB may hold is about to need care: take it out of every write TLB.
  func dropFromWriteTLBs(page: Int)
  /// Every write TLB is to be emptied.
  func dropAllFromWriteTLBs()
  /// A store is about to change page-table entries that the harts in `harts` (bit n: hart n) have used.
  func pageTableStore(page: Int, offset: Int, count: Int, harts: PageFlags.Bits)
  /// A store is about to change decoded code.
  func codeStore(page: Int, offset: Int, count: Int)
  /// A store is about to change a page that the host watches.
  func hostInterfaceStore()
  /// A store is about to change a page of which stores are noted. `isWalk`: it is translation that sets A or D bits.
  func notedStore(page: Int, offset: Int, count: Int, isWalk: Bool)
}

extension GuestMemory {
  /// Sees to everything the flags of `page` ask for before `count` bytes at `offset` in it are changed.
  ///
  /// `changesTranslations` is false only for the A and D bits that translation itself sets.
  func noteStore(page: Int, offset: Int, count: Int, changesTranslations: Bool = true) {
    let bits = flags[page]
    if bits & PageFlags.toBeKept != 0 { showToKeepers(page: page) }
    if bits & PageFlags.clean != 0 {
      flags[page] &= ~PageFlags.clean
      appendDirty(page)
    }
    if bits & PageFlags.pageTables != 0 && changesTranslations {
      observer.pageTableStore(
        page: page, offset: offset, count: count, harts: bits & PageFlags.pageTables)
    }
    if bits & PageFlags.code != 0 {
      observer.codeStore(page: page, offset: offset, count: count)
    }
    if bits & PageFlags.hostInterface != 0 { observer.hostInterfaceStore() }
    if bits & PageFlags.noted != 0 {
      observer.notedStore(page: page, offset: offset, count: count, isWalk: !changesTranslations)
    }
  }

  /// Sets bits of `needsCare`, taking the page out of the write TLBs.
  func setCare(_ bits: PageFlags.Bits, page: Int) {
    if flags[page] & PageFlags.mayBeInWriteTLB != 0 {
      observer.dropFromWriteTLBs(page: page)
      flags[page] &= ~PageFlags.mayBeInWriteTLB
    }
    flags[page] |= bits
  }

  /// Starts noting first stores anew: every page is clean, and `dirtyPages` is empty.
  package func beginDirtyEpoch() {
    setCareForAll(PageFlags.clean)
    removeAllDirty()
  }

  /// Sets bits of `needsCare` for every page, emptying the write TLBs.
  func setCareForAll(_ bits: PageFlags.Bits) {
    observer.dropAllFromWriteTLBs()
    // In local names, so that the loop becomes one of vectors: it runs at the speed of the host's memory.
    let (flags, count) = (flags, pageCount)
    for page in 0..<count { flags[page] = (flags[page] | bits) & ~PageFlags.mayBeInWriteTLB }
  }
}

/// For memory that no hart uses: nothing is derived from it.
final class NoObserver: GuestMemoryObserver {
  nonisolated(unsafe) static let shared = NoObserver()  // without state, so safe to share
  func dropFromWriteTLBs(page: Int) {}
  func dropAllFromWriteTLBs() {}
  func pageTableStore(page: Int, offset: Int, count: Int, harts: PageFlags.Bits) {}
  func codeStore(page: Int, offset: Int, count: Int) {}
  func hostInterfaceStore() {}
  func notedStore(page: Int, offset: Int, count: Int, isWalk: Bool) {}
}
