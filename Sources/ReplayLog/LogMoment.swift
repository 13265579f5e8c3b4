// SPDX-License-Identifier: Apache-2.0

/// A place in a recorded run: how many instructions came before it, and what the guest's clock says there.
///
/// It mirrors the emulator's `Moment`; this module knows no emulator.
public struct LogMoment: Sendable, Hashable, Comparable {
  /// Instructions executed since the machine started, over all harts.
  public var position: UInt64
  /// Guest nanoseconds since the machine started: `position << shift` plus the time skipped while idle.
  public var time: UInt64

  public init(position: UInt64, time: UInt64) {
    self.position = position
    self.time = time
  }

  public static let start = LogMoment(position: 0, time: 0)

  public static func < (left: LogMoment, right: LogMoment) -> Bool {
    (left.position, left.time) < (right.position, right.time)
  }

  /// The time skipped while idle before this moment; nil when there is no such number: the position is too large
  /// for a 64-bit clock, or the clock is behind the position.
  func idleTime(shift: Int) -> UInt64? {
    guard position <= UInt64.max >> UInt64(shift) else { return nil }
    let (idle, isBehind) = time.subtractingReportingOverflow(position << UInt64(shift))
    return isBehind ? nil : idle
  }
}
