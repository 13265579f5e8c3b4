// SPDX-License-Identifier: Apache-2.0

/// How far a job is, in the figures that QEMU's `query-dump` and `info migrate` give. Sizes are bytes of guest
/// memory or of what is sent, times are nanoseconds.
public struct JobFigures: Equatable, Sendable {
  /// Bytes of guest memory that the job is about.
  public var total: UInt64 = 0
  /// Bytes of guest memory that are still to be taken care of. A migration's grow again when the guest writes.
  public var remaining: UInt64 = 0
  /// Bytes that went out, headers included; zero pages count only as what stands for them.
  public var transferred: UInt64 = 0
  /// Pages that were sent or written as they are.
  public var normalPages: UInt64 = 0
  /// Pages of zeros, of which only the fact was sent.
  public var zeroPages: UInt64 = 0
  /// Passes over the pages that the guest dirtied; 1 during the first one, over all memory.
  public var iterations: UInt64 = 0
  /// Pages that the guest dirtied a second, as of the last pass.
  public var dirtyPagesPerSecond: UInt64 = 0
  /// Percent of the time for which a migration has the guest stand still, because it writes too fast to be sent.
  public var throttlePercentage = 0
  /// The guest's position that a dump shows; nil before it is decided.
  public var position: UInt64?
  /// The guest's page tables say more than a dump takes in: some virtual addresses are missing.
  public var lacksMappings = false
  /// The limit on `transferred` a second; nil: none.
  public var bandwidthLimit: UInt64?

  /// From the start to the end, or to now.
  public var duration: UInt64 = 0
  /// Of that, the time until memory began to be taken.
  public var setupDuration: UInt64 = 0
  /// How long the guest stood still for the job.
  public var downtime: UInt64 = 0
  /// How long the guest would stand still if a migration ended now.
  public var expectedDowntime: UInt64 = 0

  public init() {}

  /// Bytes of guest memory that are done.
  public var completed: UInt64 { total - min(remaining, total) }

  /// Bytes a second over the whole duration.
  public var bytesPerSecond: UInt64 {
    guard duration > 0 else { return 0 }
    return UInt64(Double(transferred) * 1e9 / Double(duration))
  }
}
