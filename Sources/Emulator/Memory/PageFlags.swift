// SPDX-License-Identifier: Apache-2.0

/// What is known of a page of guest RAM.
///
/// A write TLB may hold a page only while none of the bits in `needsCare` is set. Setting one of them therefore
/// takes the page out of every write TLB first (`mayBeInWriteTLB` says whether there is anything to take out).
enum PageFlags {
  typealias Bits = UInt16

  /// Bits 0 to 7: hart n holds translations that were read from page-table entries on this page. A store to one of
  /// these entries drops that hart's translations, so that page tables always act as if they were walked for each access.
  static func pageTable(hart: Int) -> Bits { 1 &<< Bits(truncatingIfNeeded: hart) }
  static let pageTables: Bits = 0x00ff
  /// Decoded instructions exist for this page.
  static let code: Bits = 1 << 8
  /// A `PageKeeper` may not have seen it in its epoch: the first store must be preceded by that.
  static let toBeKept: Bits = 1 << 9
  /// Some hart's write TLB may hold this page.
  static let mayBeInWriteTLB: Bits = 1 << 10

  /// A word of the host-target interface is on this page.
  static let hostInterface: Bits = 1 << 11

  /// With `pageTables`: some of the entries used map large pages. Needs no care by itself.
  static let largePages: Bits = 1 << 12

  /// Stores to some of its bytes are noted; see `Machine.noteStores`.
  static let noted: Bits = 1 << 13

  static let needsCare: Bits = pageTables | code | toBeKept | hostInterface | noted
}

extension GuestMemory {
  /// Sees to everything the flags of `page` ask for before `count` bytes at `offset` in it are changed.
  ///
  /// `changesTranslations` is false only for the A and D bits that translation itself sets.
  func noteStore(page: Int, offset: Int, count: Int, changesTranslations: Bool = true) {
    let bits = flags[page]
    if bits & PageFlags.toBeKept != 0 { showToKeepers(page: page) }
    // Whoever looks after what is derived from memory: no other page has the flags that follow.
    observer?._withUnsafeGuaranteedRef { interpreter in
      if bits & PageFlags.pageTables != 0 && changesTranslations {
        interpreter.pageTableStore(
          page: page, offset: offset, count: count, harts: bits & PageFlags.pageTables)
      }
      if bits & PageFlags.code != 0 { interpreter.codeStore(page: page, offset: offset, count: count) }
      if bits & PageFlags.hostInterface != 0 {
        interpreter.hostInterfaceStore(page: page, offset: offset, count: count)
      }
      if bits & PageFlags.noted != 0 {
        interpreter.notedStore(page: page, offset: offset, count: count, isWalk: !changesTranslations)
      }
    }
  }

  /// Sets bits of `needsCare`, taking the page out of the write TLBs.
  func setCare(_ bits: PageFlags.Bits, page: Int) {
    if flags[page] & PageFlags.mayBeInWriteTLB != 0 {
      observer?._withUnsafeGuaranteedRef { $0.dropFromWriteTLBs(page: page) }
      flags[page] &= ~PageFlags.mayBeInWriteTLB
    }
    flags[page] |= bits
  }

  /// Sets bits of `needsCare` for every page, emptying the write TLBs.
  func setCareForAll(_ bits: PageFlags.Bits) {
    observer?._withUnsafeGuaranteedRef { $0.dropAllFromWriteTLBs() }
    // In local names, so that the loop becomes one of vectors: it runs at the speed of the host's memory.
    let (flags, count) = (flags, pageCount)
    for page in 0..<count { flags[page] = (flags[page] | bits) & ~PageFlags.mayBeInWriteTLB }
  }
}
