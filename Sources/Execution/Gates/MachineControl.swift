// SPDX-License-Identifier: Apache-2.0

import Emulator

/// What a gate may ask of the machine that calls it. `Machine` is the only one outside of tests.
package protocol MachineControl: AnyObject {
  func requestStop()
  func programCounter(hart: Int) -> UInt64
  var currentHart: Int { get }
  /// Bytes of console input that the machine takes now; the rest has to wait outside.
  var consoleInputRoom: Int { get }
  /// What becomes of a frame that is brought to a network card now.
  func frameRoom(interface: Int) -> FrameRoom
}

extension Machine: MachineControl {}
