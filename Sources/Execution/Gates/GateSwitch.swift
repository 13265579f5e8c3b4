// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A gate that leads to another one, which may be changed between two instructions: to the outside while a machine is recorded,
/// and to what was recorded of it while somebody goes back in that.
package final class GateSwitch: Gate {
  package var gate: any Gate

  package init(_ gate: any Gate) { self.gate = gate }

  package func readWallClock(at moment: Moment) -> UInt64 { gate.readWallClock(at: moment) }
  package func readEntropy(count: Int, at moment: Moment) -> [UInt8] {
    gate.readEntropy(count: count, at: moment)
  }
  package func nextPoll(after moment: Moment) -> UInt64 { gate.nextPoll(after: moment) }
  package func takeArrival(at moment: Moment) -> Arrival? { gate.takeArrival(at: moment) }
  package func idle(at moment: Moment, until deadline: UInt64?) -> IdleEnd {
    gate.idle(at: moment, until: deadline)
  }
  package func consoleOutput(_ byte: UInt8, at moment: Moment) { gate.consoleOutput(byte, at: moment) }
  package func blockRequest(_ request: BlockRequest, at moment: Moment) {
    gate.blockRequest(request, at: moment)
  }
  package func frameOutput(_ frame: NetworkFrame, at moment: Moment) { gate.frameOutput(frame, at: moment) }
  package func guestReset(at moment: Moment) { gate.guestReset(at: moment) }
}
