// SPDX-License-Identifier: Apache-2.0

import Execution

/// The guest's console as a debugger shows it: what the guest writes while the user lets it run, and nothing of what is
/// run again to get somewhere.
final class DebugConsole: ConsoleOutput {
  /// Where output goes; nil: nowhere.
  var show: (([UInt8]) -> Void)?

  func write(_ bytes: [UInt8]) { show?(bytes) }
}
