// SPDX-License-Identifier: Apache-2.0

/// Pages as they were at a checkpoint: those that may have changed between it and the next one. No page is in it twice.
struct PageDelta {
  private(set) var pages: [Int32] = []
  private(set) var slots: [PagePool.Slot] = []

  var count: Int { pages.count }
  /// Bytes of memory that it takes, the pages themselves aside.
  var byteCount: Int { pages.count * (MemoryLayout<Int32>.size + MemoryLayout<PagePool.Slot>.size) }

  mutating func append(_ page: Int32, _ slot: PagePool.Slot) {
    pages.append(page)
    slots.append(slot)
  }

  func giveBack(to pool: PagePool) {
    for slot in slots { pool.giveBack(slot) }
  }
}
