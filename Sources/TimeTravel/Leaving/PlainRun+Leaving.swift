// SPDX-License-Identifier: Apache-2.0

import Execution
import HostSystem

extension PlainRun {
  /// A run that goes on where a replay was left. The recording stays as it is.
  public convenience init(
    leaving timeline: Timeline, networks: [NetworkOptions] = [], inbox: Inbox, console: any ConsoleOutput,
    control: RunControl? = nil
  ) throws(Failure) {
    let origin = try RunOrigin(leaving: timeline, networks: networks)
    self.init(
      drives: ScratchDrives(leaving: timeline, pending: origin.pending, inbox: inbox),
      wires: try origin.openWires(),
      facts: RunFacts(of: timeline.recording, kind: .plain, name: origin.name), start: nil, inbox: inbox,
      console: console, sleeps: origin.sleeps, control: control, answersToCome: origin.pending.count,
      makeMachine: origin.makeMachine)
    origin.offerAnswers(to: inbox)
  }
}
