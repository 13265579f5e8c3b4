// SPDX-License-Identifier: Apache-2.0

/// A run cut into parts of equal numbers of instructions, but for one more or less.
struct RunParts {
  /// In order, without gaps; never empty.
  let positions: [ClosedRange<UInt64>]
  /// The part that the last position asked for is in.
  private(set) var current = 0

  /// `count` parts of the positions from `first` to `last`; fewer when there are fewer instructions.
  init(from first: UInt64, to last: UInt64, count: Int) {
    let span = last - first
    let parts = min(UInt64(count), max(1, span))
    // Positions before the one with this share of the run, computed without overflow.
    func boundary(_ part: UInt64) -> UInt64 {
      first + parts.dividingFullWidth(span.multipliedFullWidth(by: part)).quotient
    }
    positions = (0..<parts).map { part in
      boundary(part)...(part == parts - 1 ? last : boundary(part + 1) - 1)
    }
  }

  /// The number of the part that has `position`, which is not before the one asked for last.
  mutating func index(of position: UInt64) -> Int {
    while current + 1 < positions.count && position > positions[current].upperBound { current += 1 }
    return current
  }
}
