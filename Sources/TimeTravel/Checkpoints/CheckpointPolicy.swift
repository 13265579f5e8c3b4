// SPDX-License-Identifier: Apache-2.0

/// Where a timeline takes checkpoints, and how much memory they may have.
///
/// A timeline that is on its way to a position stands checkpoints ever closer together on its last stretch, each at an
/// eighth of what is left. So the place where it arrives, and every place before it, has a checkpoint close
/// by: stepping back from there takes a short run forward from it.
public struct CheckpointPolicy: Equatable, Sendable {
  /// Bytes that checkpoints may take. The oldest and the closest ones go when there would be more.
  public var memoryLimit: Int
  /// Instructions between two checkpoints at least. The last step of a way back runs this far.
  public var nearSpacing: UInt64
  /// Instructions between two checkpoints at most, while there is memory.
  public var farSpacing: UInt64

  /// A gigabyte.
  public static let defaultMemoryLimit = 1 << 30
  /// What users may set. With less a guest that writes much has a checkpoint every few thousand instructions.
  public static let smallestMemoryLimit = 16 << 20

  public init(
    memoryLimit: Int = defaultMemoryLimit, nearSpacing: UInt64 = 500_000, farSpacing: UInt64 = 64_000_000
  ) {
    precondition(nearSpacing > 0 && farSpacing >= nearSpacing)
    self.memoryLimit = memoryLimit
    self.nearSpacing = nearSpacing
    self.farSpacing = farSpacing
  }

  /// How far after a checkpoint at `position` the next one is to stand on the way to `goal`.
  func spacing(at position: UInt64, towards goal: UInt64) -> UInt64 {
    let left = goal > position ? goal - position : 0
    return min(max(left / 8, nearSpacing), farSpacing)
  }
}
