// SPDX-License-Identifier: Apache-2.0

import CoreDump
import HostSystem

/// Where a dump is written: nothing stands under its name before it is complete.
package protocol DumpDestination: CoreOutput {
  /// What is written is on the disk. Must precede `commit`.
  func synchronize() throws(OutputError)
  /// Puts it under its name.
  func commit() throws(OutputError)
  /// Removes what was written. Also after a failed `commit`.
  func discard()
}

extension OutputFile: DumpDestination {}
