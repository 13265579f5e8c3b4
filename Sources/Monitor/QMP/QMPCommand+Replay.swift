// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

/// Commands about recording and replaying. `icount` is a position: instructions since the start.
extension QMPCommand {
  static let replay: [QMPCommand] = [
    QMPCommand("query-replay") { (_, target) throws(MonitorError) in
      let status = try target.replayStatus()
      var members: [JSONValue.Member] = [.init("mode", .string(status.mode))]
      if let path = status.path { members.append(.init("filename", .string(path))) }
      members.append(.init("icount", JSONValue(status.position)))
      return .object(members)
    },
    QMPCommand("replay-break", [.required("icount", .integer(.all))]) {
      (arguments, target) throws(MonitorError) in
      let position = arguments.number("icount")
      try target.performReplay { (replay) throws(Failure) in try replay.setBreak(at: position) }
      return nothing
    },
    QMPCommand("replay-delete-break") { (_, target) throws(MonitorError) in
      try target.performReplay { (replay) throws(Failure) in try replay.deleteBreak() }
      return nothing
    },
    QMPCommand("replay-seek", [.required("icount", .integer(.all))]) {
      (arguments, target) throws(MonitorError) in
      let position = arguments.number("icount")
      try target.performReplay { (replay) throws(Failure) in try replay.seek(to: position) }
      return nothing
    },
  ]
}

extension MonitorTarget {
  /// Where a run stands, and what it has to do with a recording.
  struct ReplayStatus: Sendable {
    /// QEMU's words: none, record, play.
    var mode: String
    /// The recording.
    var path: String?
    var position: UInt64
    /// Guest nanoseconds.
    var time: UInt64
    /// Of a replay: the last position, and where it will stop.
    var end: UInt64?
    var breakPosition: UInt64?
  }

  func replayStatus() throws(MonitorError) -> ReplayStatus {
    try perform { run in
      let now = run.machine.now
      var status = ReplayStatus(mode: "none", position: now.position, time: now.time)
      switch run.facts.kind {
      case .plain: break
      case .recording(let path): (status.mode, status.path) = ("record", path)
      case .replay(let path): (status.mode, status.path) = ("play", path)
      }
      status.end = run.replay?.endPosition
      status.breakPosition = run.replay?.breakPosition
      return status
    }
  }
}
