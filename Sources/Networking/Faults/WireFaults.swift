// SPDX-License-Identifier: Apache-2.0

/// What a wire does to the frames that go over it, in both directions.
public struct WireFaults: Equatable, Sendable {
  /// Share of the frames that are lost, 0 to 1.
  public var loss = 0.0
  /// Guest nanoseconds that each frame takes, and by how many one may take more or less.
  public var delay: UInt64 = 0
  public var jitter: UInt64 = 0
  /// Share of the frames that pass those on their way: they are not delayed.
  public var reorder = 0.0
  /// What the wire's choices follow from.
  public var seed: UInt64 = 0

  public init() {}

  public var isNone: Bool { loss == 0 && delay == 0 && jitter == 0 && reorder == 0 }
}

/// A wire's choices, one after the other: the same for the same seed and the same frames. It does no more than choose.
package struct FaultChoices {
  private let faults: WireFaults
  private var state: UInt64

  package init(_ faults: WireFaults) {
    self.faults = faults
    state = faults.seed
  }

  /// For how many guest nanoseconds the next frame is on its way; nil: it is lost.
  package mutating func next() -> UInt64? {
    // All three are drawn for each frame, so that one choice does not change the next.
    let (isLost, passes, share) = (draw() < faults.loss, draw() < faults.reorder, draw())
    if isLost { return nil }
    if passes { return 0 }
    let longest = faults.delay + faults.jitter
    let shortest = faults.delay - min(faults.jitter, faults.delay)
    return shortest + UInt64(Double(longest - shortest) * share)
  }

  /// A number from 0 to below 1: splitmix64.
  private mutating func draw() -> Double {
    state &+= 0x9e37_79b9_7f4a_7c15
    var value = state
    value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
    return Double((value ^ value >> 31) >> 11) / Double(1 << 53)
  }
}
