// SPDX-License-Identifier: Apache-2.0

/// A place in a run: how far the machine has come, and what its clock says there.
///
/// Between two idle gaps the one follows from the other; while every hart waits for an interrupt the position
/// stands still and time passes.
public struct Moment: Sendable, Hashable, Comparable {
  /// Instructions executed since the machine started, over all harts. An instruction that traps counts.
  public var position: UInt64
  /// Guest time in nanoseconds since the machine started: `position << shift` plus the time skipped while idle.
  public var time: UInt64

  public init(position: UInt64, time: UInt64) {
    self.position = position
    self.time = time
  }

  public static let start = Moment(position: 0, time: 0)

  public static func < (left: Moment, right: Moment) -> Bool {
    (left.position, left.time) < (right.position, right.time)
  }
}
