// SPDX-License-Identifier: Apache-2.0

/// What the translations of one hart depend on. Raw memory, because every page walk and every store to a page table asks it.
///
/// Layout: two counters, the filter, a list of pages.
struct PageTableUse {
  private struct Counters {
    var pages = 0
    var stores = 0
  }

  private static let filterOffset = MemoryLayout<Counters>.stride
  private static let filterBitCount = 1 << 16
  private static let pagesOffset = filterOffset + filterBitCount / 8

  /// - Parameter pageCount: of RAM.
  static func byteCount(pageCount: Int) -> Int { pagesOffset + pageCount * MemoryLayout<Int32>.stride }

  let base: UnsafeMutableRawPointer

  private var counters: UnsafeMutablePointer<Counters> { base.assumingMemoryBound(to: Counters.self) }
  private var filter: UnsafeMutablePointer<UInt64> {
    (base + Self.filterOffset).assumingMemoryBound(to: UInt64.self)
  }
  private var list: UnsafeMutablePointer<Int32> {
    (base + Self.pagesOffset).assumingMemoryBound(to: Int32.self)
  }

  /// Also before first use.
  func removeAll() {
    counters.initialize(to: Counters())
    filter.initialize(repeating: 0, count: Self.filterBitCount / 64)
  }

  // MARK: Pages

  /// The pages that are marked with the hart's `PageFlags.pageTable`.
  var pages: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(start: list, count: counters.pointee.pages) }

  /// Adds a page that is not among `pages`. There is room for all of RAM.
  func append(page: Int) {
    (list + counters.pointee.pages).initialize(to: Int32(truncatingIfNeeded: page))
    counters.pointee.pages &+= 1
  }

  // MARK: Stores

  /// Stores to marked pages since `removeAll`.
  var stores: Int {
    get { counters.pointee.stores }
    nonmutating set { counters.pointee.stores = newValue }
  }

  // MARK: Entries that fetches used

  /// Notes that the jump cache may depend on the page-table entry at a physical address.
  func noteFetch(entry: UInt64) {
    let bit = Self.bit(entry)
    filter[bit >> 6] |= 1 << UInt64(truncatingIfNeeded: bit & 63)
  }

  /// False: no fetch has used the entry. True: one has, or has used one with the same bit of the filter.
  func mayHaveFetched(entry: UInt64) -> Bool {
    let bit = Self.bit(entry)
    return filter[bit >> 6] >> UInt64(truncatingIfNeeded: bit & 63) & 1 != 0
  }

  private static func bit(_ entry: UInt64) -> Int {
    Int(truncatingIfNeeded: ((entry >> 3) &* 0x9e37_79b9_7f4a_7c15) >> 48)
  }
}
