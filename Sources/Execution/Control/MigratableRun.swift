// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator

/// How a run was started: what both ends of a migration must have been given.
package struct RunStart: Sendable {
  package let guest: Guest
  package let plan: BootPlan
}

/// A run whose guest can go on elsewhere.
package protocol MigratableRun: AnyObject {
  /// Nil when it was not started from its options.
  var start: RunStart? { get }
  /// Calls `body` once for each drive, on that drive's thread, when all requests made so far are carried out. It may look
  /// at what was written to the drive.
  func visitDrives(_ body: @escaping @Sendable (_ index: Int, _ drive: ScratchOverlay) -> Void)
  /// What has arrived for the guest and is still to be delivered.
  var pendingArrivals: [Arrival] { get }
}
