// SPDX-License-Identifier: Apache-2.0

import HostSystem
import RecordingStore

/// Commands about recording, replaying and snapshots. Positions may be written in every form that rrtool knows.
extension HumanCommand {
  static let replay: [HumanCommand] = [
    HumanCommand(
      "replay_seek", [.required("POSITION", .position)],
      "go to a position of the recording, forward or back, and stop there"
    ) { (arguments, monitor) throws(MonitorError) in
      let expression = try monitor.position(arguments["POSITION"])
      try monitor.target.performReplay { (replay) throws(Failure) in
        try replay.seek(to: replay.resolve(expression))
      }
      return ""
    },
    HumanCommand(
      "replay_break", [.required("POSITION", .position)], "have the replay stop at a position ahead"
    ) { (arguments, monitor) throws(MonitorError) in
      let expression = try monitor.position(arguments["POSITION"])
      try monitor.target.performReplay { (replay) throws(Failure) in
        try replay.setBreak(at: replay.resolve(expression))
      }
      return ""
    },
    HumanCommand("replay_delete_break", [], "forget the position at which the replay was to stop") {
      (_, monitor) throws(MonitorError) in
      try monitor.target.performReplay { (replay) throws(Failure) in try replay.deleteBreak() }
      return ""
    },
  ]

  static let snapshots: [HumanCommand] = [
    HumanCommand(
      "savevm", [.required("NAME", .word)], "save a snapshot of the whole machine in the recording"
    ) {
      (arguments, monitor) throws(MonitorError) in
      try monitor.target.saveSnapshot(arguments["NAME"])
      return ""
    },
    HumanCommand(
      "loadvm", [.required("NAME", .snapshot)], "go to a snapshot of the recording that is replayed"
    ) {
      (arguments, monitor) throws(MonitorError) in
      try monitor.target.loadSnapshot(arguments["NAME"])
      return ""
    },
    HumanCommand("delvm", [.required("NAME", .snapshot)], "delete a snapshot of the recording") {
      (arguments, monitor) throws(MonitorError) in
      try monitor.target.deleteSnapshot(arguments["NAME"])
      return ""
    },
  ]
}

extension HumanMonitor {
  fileprivate func position(_ text: String) throws(MonitorError) -> PositionExpression {
    guard let expression = PositionExpression(text) else {
      throw MonitorError(
        "'\(text)' is not a position: positions are N, +N, -N, N%, event:N, start, end or a snapshot's name")
    }
    return expression
  }
}
