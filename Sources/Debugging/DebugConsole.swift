// SPDX-License-Identifier: Apache-2.0

import Execution

/// The guest's console as a debugger shows it: what the guest writes while the user lets it run, and nothing of what is
/// run again to get somewhere.
package final class DebugConsole: ConsoleOutput {
  /// Where output goes; nil: nowhere.
  var show: (([UInt8]) -> Void)?

  package init() {}

  package func write(_ bytes: [UInt8]) { show?(bytes) }
}
