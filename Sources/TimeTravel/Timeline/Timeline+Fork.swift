// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// What if: changing the machine.
extension Timeline {
  /// Changes registers or memory. The machine is a fork from here on: it is not compared with the recording, but is given
  /// what the recording has for it as long as it asks for that where the recorded guest did. The next `seek` discards it.
  package func change(_ body: (Machine) throws(Failure) -> Void) throws(Failure) {
    guard ended == nil else {
      throw Failure(
        .usage, "position \(position.grouped)", "the run is over here, so that a change would have no effect",
        remedy: "seek to an earlier position first")
    }
    try session.gate.fork()
    try body(session.machine)
  }
}
