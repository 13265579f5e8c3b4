// SPDX-License-Identifier: Apache-2.0

/// A set of pages of a memory, one bit each.
package struct PageSet: ~Copyable {
  package let pageCount: Int
  /// The lowest page of each is its lowest bit. Bits beyond the last page are never set.
  private let words: UnsafeMutablePointer<UInt64>
  let wordCount: Int

  package init(pageCount: Int) {
    self.pageCount = pageCount
    wordCount = (pageCount + 63) / 64
    words = .allocate(capacity: wordCount)
    words.initialize(repeating: 0, count: wordCount)
  }

  deinit { words.deallocate() }

  package func copy() -> PageSet {
    let copy = PageSet(pageCount: pageCount)
    copy.words.update(from: words, count: wordCount)
    return copy
  }

  /// Pages `64 * index` and up.
  func word(_ index: Int) -> UInt64 { words[index] }

  package func contains(_ page: Int) -> Bool { words[page >> 6] >> UInt64(page & 63) & 1 != 0 }

  /// False when it was in already.
  @discardableResult
  package mutating func insert(_ page: Int) -> Bool {
    let bit: UInt64 = 1 << UInt64(page & 63)
    let old = words[page >> 6]
    words[page >> 6] = old | bit
    return old & bit == 0
  }

  /// False when it was not in.
  @discardableResult
  package mutating func remove(_ page: Int) -> Bool {
    let bit: UInt64 = 1 << UInt64(page & 63)
    let old = words[page >> 6]
    words[page >> 6] = old & ~bit
    return old & bit != 0
  }

  package mutating func removeAll() { words.update(repeating: 0, count: wordCount) }

  /// All pages, ascending.
  package var pages: [Int] {
    var pages: [Int] = []
    for index in 0..<wordCount {
      var bits = words[index]
      while bits != 0 {
        pages.append(index << 6 + bits.trailingZeroBitCount)
        bits &= bits - 1
      }
    }
    return pages
  }

  /// The pages of all groups of `size` pages that have one of the set, ascending; neighbours are one range. The first group
  /// begins with page 0, and the last one may be shorter.
  package func ranges(inGroupsOf size: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    for index in 0..<wordCount {
      var bits = words[index]
      while bits != 0 {
        // A run of bits at a time: a memory that was written all over has few.
        let first = bits.trailingZeroBitCount
        let end = first + (~(bits >> UInt64(first))).trailingZeroBitCount
        bits &= end < 64 ? UInt64.max << UInt64(end) : 0
        let lower = (index << 6 + first) / size * size
        let upper = min((index << 6 + end + size - 1) / size * size, pageCount)
        if let last = ranges.last, last.upperBound >= lower {
          ranges[ranges.count - 1] = last.lowerBound..<max(last.upperBound, upper)
        } else {
          ranges.append(lower..<upper)
        }
      }
    }
    return ranges
  }
}
