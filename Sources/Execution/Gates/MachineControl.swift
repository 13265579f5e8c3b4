// SPDX-License-Identifier: Apache-2.0

import Emulator

/// What a gate may ask of the machine that calls it. `Machine` is the only one outside of tests.
package protocol MachineControl: AnyObject {
  func requestStop()
  func programCounter(hart: Int) -> UInt64
  var currentHart: Int { get }
  /// Bytes of console input that the machine takes now; the rest has to wait outside.
  var consoleInputRoom: Int { get }
}

extension Machine: MachineControl {}
