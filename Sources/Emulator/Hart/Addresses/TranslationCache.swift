// SPDX-License-Identifier: Apache-2.0

/// The TLB of one hart, in raw memory: plain entries that machine code can look up inline.
///
/// An entry maps a virtual page to host memory, for RAM only and only where protection is the same for the whole
/// page; everything else takes the slow path each time. It is a cache and nothing more: page tables always act as if they were
/// walked for each access (`PageFlags.pageTable`), so that two runs agree no matter when entries came and went. That is
/// why snapshots do not contain it.
struct TranslationCache {
  struct Entry {
    /// Virtual address of the page; `noPage` in an empty entry.
    var tag: UInt64
    /// Host address less virtual address, modulo 2^64.
    var offset: UInt64
  }

  enum Table: Int {
    case load, store, fetch
  }

  // Contexts: each has tables of its own, so that changing privilege drops nothing.
  static let user = 0
  static let supervisor = 1
  /// S mode with `mstatus.SUM`.
  static let supervisorUserMemory = 2
  /// M mode: physical addresses.
  static let machine = 3
  static let contextCount = 4

  static let entryCount = 1024
  static let tableByteCount = entryCount * 16
  /// Behind the tables: for each entry the physical address of the page-table entry that it came from (`origin`).
  static let originsOffset = 3 * tableByteCount
  /// Behind them: what translated code keeps of the tables (`InlineCaches`).
  static let inlineCachesOffset = originsOffset + 3 * entryCount * 8
  static let contextByteCount = inlineCachesOffset + InlineCaches.byteCount
  static let byteCount = contextCount * contextByteCount
  static let pageMask: UInt64 = 0xfff
  /// No page's address: its low bits are not zero.
  static let noPage: UInt64 = ~0

  let base: UnsafeMutableRawPointer

  func table(_ context: Int, _ table: Table) -> UnsafeMutableRawPointer {
    base + context * Self.contextByteCount + table.rawValue * Self.tableByteCount
  }

  func inlineCaches(_ context: Int) -> InlineCaches {
    InlineCaches(base: base + context * Self.contextByteCount + Self.inlineCachesOffset)
  }

  /// The host address of `size` bytes at `address`, if the table has its page and they do not cross its end.
  ///
  /// One comparison does both: the entry is found by the first byte and compared by the last. An entry at this place never holds
  /// the following page, whose place is another.
  @inline(__always)
  static func lookUp(_ table: UInt, _ address: UInt64, size: UInt64) -> UnsafeMutableRawPointer? {
    let place = UInt(truncatingIfNeeded: address >> 8) & UInt((entryCount - 1) * 16)
    // Every table lies within the hart's memory, and `place` within the table.
    let entry = UnsafePointer<Entry>(bitPattern: table &+ place).unsafelyUnwrapped
    guard entry.pointee.tag == (address &+ (size &- 1)) & ~pageMask else { return nil }
    return UnsafeMutableRawPointer(bitPattern: UInt(truncatingIfNeeded: address &+ entry.pointee.offset))
  }

  /// `entry` is the physical address of the page-table entry that decided, 0 where there is none.
  func insert(
    _ context: Int, _ table: Table, address: UInt64, host: UnsafeMutableRawPointer, entry: UInt64
  ) {
    let page = address & ~Self.pageMask
    let place = Int(truncatingIfNeeded: address >> 12) & (Self.entryCount - 1)
    entries(context, table)[place] = Entry(
      tag: page, offset: UInt64(UInt(bitPattern: host)) &- address)
    origins(context)[Self.origin(table.rawValue, place)] = entry
  }

  /// Where the origin of the entry at `place` in a table stands. All that one page-table entry for a page of 4 KiB can
  /// have led to in a context lies together: such are looked through at each store to one.
  private static func origin(_ table: Int, _ place: Int) -> Int {
    (place & (entriesPerPage - 1)) * placesPerEntry + table * tableSpan + place / entriesPerPage
  }

  /// Page-table entries on a page, and the places in a table that one of them may lead to.
  private static let entriesPerPage = 512
  private static let tableSpan = entryCount / entriesPerPage
  private static let placesPerEntry = 3 * tableSpan

  /// Takes out what came from the page-table entry at a physical address.
  ///
  /// The entry of a page of 4 KiB stands in its table where the low bits of the page number say, which are also the low
  /// bits of the place here; only one that maps a large page can have led to any place.
  func drop(entry: UInt64, mayBeLarge: Bool) {
    let first = Int(entry >> 3) & (Self.entriesPerPage - 1)
    let candidates = mayBeLarge ? 0..<Self.entriesPerPage : first..<first + 1
    for context in 0..<Self.machine {
      inlineCaches(context).drop(entry: entry, mayBeLarge: mayBeLarge)
      let origins = origins(context)
      // The three tables of a context stand behind each other.
      let entries = entries(context, .load)
      for index in candidates.lowerBound * Self.placesPerEntry..<candidates.upperBound * Self.placesPerEntry
      where origins[index] == entry {
        let (low, span) = index.quotientAndRemainder(dividingBy: Self.placesPerEntry)
        entries[span * Self.entriesPerPage + low].tag = Self.noPage
      }
    }
  }

  /// Empties the contexts that go through page tables.
  func flushTranslated() {
    for context in 0..<Self.machine { flush(context) }
  }

  /// Empties the contexts that reach U mode's memory.
  func flushUserMemory() {
    flush(Self.user)
    flush(Self.supervisorUserMemory)
  }

  func flushAll() {
    for context in 0..<Self.contextCount { flush(context) }
  }

  func removeInlineCaches() {
    for context in 0..<Self.contextCount { inlineCaches(context).removeAll() }
  }

  func flushStores() {
    for context in 0..<Self.contextCount {
      clear(table(context, .store), Self.tableByteCount)
      inlineCaches(context).removeStores()
    }
  }

  /// Takes every entry out that lets a store reach the page at `host`.
  func dropStores(to host: UnsafeMutableRawPointer) {
    let target = UInt64(UInt(bitPattern: host))
    for context in 0..<Self.contextCount {
      inlineCaches(context).removeStores()
      let entries = entries(context, .store)
      for place in 0..<Self.entryCount where entries[place].tag &+ entries[place].offset == target {
        entries[place].tag = Self.noPage
      }
    }
  }

  private func entries(_ context: Int, _ table: Table) -> UnsafeMutablePointer<Entry> {
    self.table(context, table).assumingMemoryBound(to: Entry.self)
  }

  private func origins(_ context: Int) -> UnsafeMutablePointer<UInt64> {
    (table(context, .load) + Self.originsOffset).assumingMemoryBound(to: UInt64.self)
  }

  private func flush(_ context: Int) {
    // The three tables and the origins.
    clear(table(context, .load), Self.inlineCachesOffset)
    inlineCaches(context).removeAll()
  }

  private func clear(_ start: UnsafeMutableRawPointer, _ count: Int) {
    UnsafeMutableRawBufferPointer(start: start, count: count).initializeMemory(
      as: UInt8.self, repeating: 0xff)
  }
}
