import ByteCoding

/// The digest of all RAM: the wrapping sum over all pages that are not all zero of `Digest.of(page, seed: index)`.
///
/// A sum can be brought up to date from the pages that changed, whatever their number and order.
final class MemoryDigest {
  private let memory: GuestMemory
  /// What each page contributes to the sum.
  private let contributions: UnsafeMutablePointer<UInt64>
  private var sum: UInt64 = 0
  /// One bit a page, in words of 64: changed since `forgetChangedPages`.
  private(set) var changedPages: [UInt64]

  init(memory: GuestMemory) {
    self.memory = memory
    contributions = .allocate(capacity: memory.pageCount)
    contributions.initialize(repeating: 0, count: memory.pageCount)
    changedPages = [UInt64](repeating: 0, count: (memory.pageCount + 63) / 64)
  }

  deinit { contributions.deallocate() }

  /// The digest of RAM as it is; begins a new dirty epoch.
  func update() -> UInt64 {
    for index in memory.dirtyPages {
      let page = Int(index)
      let bytes = UnsafeRawBufferPointer(
        start: memory.bytes + page * GuestMemory.pageSize, count: GuestMemory.pageSize)
      let contribution = GuestMemory.isZero(bytes) ? 0 : Digest.of(bytes, seed: UInt64(page))
      sum = sum &- contributions[page] &+ contribution
      contributions[page] = contribution
      changedPages[page >> 6] |= 1 << UInt64(page & 63)
    }
    memory.beginDirtyEpoch()
    return sum
  }

  func forgetChangedPages() {
    for index in changedPages.indices { changedPages[index] = 0 }
  }
}
