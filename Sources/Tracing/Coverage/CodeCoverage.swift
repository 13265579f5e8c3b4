// SPDX-License-Identifier: Apache-2.0

/// Which code was executed, and how often.
package struct CodeCoverage: Sendable {
  /// A stretch of code whose instructions were all executed equally often.
  package struct Segment: Sendable, Equatable {
    package var start: UInt64
    /// Behind its last byte.
    package var end: UInt64
    package var count: UInt64
  }

  /// Ascending, none overlapping another; only what was executed.
  package let segments: [Segment]

  init(_ ranges: [CodeRange: UInt64]) {
    var changes: [UInt64: UInt64] = [:]
    for (range, count) in ranges {
      changes[range.start, default: 0] &+= count
      changes[range.end, default: 0] &-= count
    }
    var segments: [Segment] = []
    var (start, count): (UInt64, UInt64) = (0, 0)
    for address in changes.keys.sorted() where changes[address] != 0 {
      if count > 0 { segments.append(Segment(start: start, end: address, count: count)) }
      count &+= changes[address]!
      start = address
    }
    self.segments = segments
  }

  /// How often the instruction at an address was executed.
  package func count(at address: UInt64) -> UInt64 {
    let index = firstSegment(behind: address)
    guard index > 0 else { return 0 }
    let segment = segments[index - 1]
    return address < segment.end ? segment.count : 0
  }

  /// Bytes of some code that were executed.
  package func coveredByteCount(_ code: Range<UInt64>) -> UInt64 {
    var index = max(firstSegment(behind: code.lowerBound), 1) - 1
    var covered: UInt64 = 0
    while index < segments.count, segments[index].start < code.upperBound {
      let (start, end) = (
        max(segments[index].start, code.lowerBound), min(segments[index].end, code.upperBound)
      )
      if start < end { covered += end - start }
      index += 1
    }
    return covered
  }

  /// The number of the first segment that begins behind an address.
  private func firstSegment(behind address: UInt64) -> Int {
    var (low, high) = (0, segments.count)
    while low < high {
      let middle = (low + high) / 2
      if segments[middle].start <= address { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
