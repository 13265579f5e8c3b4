// SPDX-License-Identifier: Apache-2.0

/// What a search asks and tells while it is under way.
public struct SearchControl {
  /// Whether it is to end. Asked some ten times a second.
  public var isInterrupted: () -> Bool
  /// How many instructions have been looked at, of how many at most.
  public var progress: (_ done: UInt64, _ total: UInt64) -> Void

  public init(
    isInterrupted: @escaping () -> Bool = { false },
    progress: @escaping (_ done: UInt64, _ total: UInt64) -> Void = { _, _ in }
  ) {
    self.isInterrupted = isInterrupted
    self.progress = progress
  }
}
