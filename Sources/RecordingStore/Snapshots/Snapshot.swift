// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem

/// A named state of the whole machine in a recording.
public struct Snapshot: Equatable, Sendable {
  public var name: String
  /// Where in the run it was taken.
  public var moment: Moment
  /// When it was taken: seconds since 1970, UTC.
  public var created: UInt32
  /// Bytes of the state of harts and devices.
  public var stateSize: Int
  /// The one that the recording starts from, which cannot be deleted.
  public var isInitial: Bool
  /// Whether every drive that is written has it too.
  public var isComplete: Bool

  init(_ info: SnapshotInfo, isInitial: Bool, isComplete: Bool) {
    name = info.name
    moment = Moment(position: info.metadata.instructionCount ?? 0, time: info.metadata.vmClock)
    created = info.metadata.seconds
    stateSize = info.vmStateSize
    self.isInitial = isInitial
    self.isComplete = isComplete
  }
}

extension SnapshotMetadata {
  /// The host's time now, and the guest's.
  package init(at moment: Moment) {
    let now = HostClock.realTime()
    self.init(
      seconds: UInt32(truncatingIfNeeded: now / 1_000_000_000), nanoseconds: UInt32(now % 1_000_000_000),
      vmClock: moment.time, instructionCount: moment.position)
  }
}
