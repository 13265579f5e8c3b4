/// A set of pages of a memory, one bit each.
struct PageSet: ~Copyable {
  private let words: UnsafeMutablePointer<UInt64>
  private let wordCount: Int

  init(pageCount: Int) {
    wordCount = (pageCount + 63) / 64
    words = .allocate(capacity: wordCount)
    words.initialize(repeating: 0, count: wordCount)
  }

  deinit { words.deallocate() }

  func contains(_ page: Int32) -> Bool { words[Int(page) >> 6] >> UInt64(page & 63) & 1 != 0 }

  /// False when it was in already.
  @inline(__always)
  mutating func insert(_ page: Int32) -> Bool {
    let bit: UInt64 = 1 << UInt64(page & 63)
    let old = words[Int(page) >> 6]
    words[Int(page) >> 6] = old | bit
    return old & bit == 0
  }

  /// False when it was not in.
  @inline(__always)
  mutating func remove(_ page: Int32) -> Bool {
    let bit: UInt64 = 1 << UInt64(page & 63)
    let old = words[Int(page) >> 6]
    words[Int(page) >> 6] = old & ~bit
    return old & bit != 0
  }

  mutating func removeAll() { words.update(repeating: 0, count: wordCount) }
}
