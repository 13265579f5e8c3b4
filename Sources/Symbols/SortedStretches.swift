// SPDX-License-Identifier: Apache-2.0

/// Values by the stretches of addresses that they are for, which may lie in each other.
struct SortedStretches<Value> {
  private let stretches: [(range: Range<UInt64>, value: Value)]
  /// The highest end of all stretches up to each.
  private let ends: [UInt64]

  init(_ found: [(Range<UInt64>, Value)]) {
    // Of two that begin at one place the longer is the outer one.
    stretches = found.map { (range: $0.0, value: $0.1) }.sorted {
      ($0.range.lowerBound, $1.range.upperBound) < ($1.range.lowerBound, $0.range.upperBound)
    }
    var end: UInt64 = 0
    ends = stretches.map { stretch in
      end = max(end, stretch.range.upperBound)
      return end
    }
  }

  /// All of them, by where their stretches begin.
  var values: [Value] { stretches.map(\.value) }

  /// Those around an address, the innermost last.
  func all(at address: UInt64) -> [(range: Range<UInt64>, value: Value)] {
    var low = 0
    var high = stretches.count
    while low < high {
      let middle = (low + high) / 2
      if stretches[middle].range.lowerBound <= address { low = middle + 1 } else { high = middle }
    }
    var found: [(range: Range<UInt64>, value: Value)] = []
    var index = low - 1
    while index >= 0, ends[index] > address {
      if stretches[index].range.contains(address) { found.append(stretches[index]) }
      index -= 1
    }
    return found.reversed()
  }
}
