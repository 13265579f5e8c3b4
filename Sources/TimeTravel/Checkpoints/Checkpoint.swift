// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import Execution

/// Everything of a replayed machine but its RAM, at one position, before what arrives there.
struct Checkpoint {
  var position: UInt64
  /// `Machine.saveState()`.
  var machine: [UInt8]
  var gate: ReplayGate.State
  /// What was written to each drive; nil for one that is only read.
  var drives: [ScratchOverlay.Contents?]
  /// Bytes of memory that it takes and the checkpoint before it does not, about.
  var byteCount: Int
}
