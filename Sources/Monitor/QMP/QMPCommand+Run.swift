// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import HostSystem

/// Commands about the run as a whole.
extension QMPCommand {
  static let run: [QMPCommand] = [
    QMPCommand("query-version") { _, _ in ToolIdentity.json },
    QMPCommand("query-commands") { _, _ in
      .array(
        (all.keys + ["qmp_capabilities"]).sorted().map { ["name": .string($0)] })
    },
    QMPCommand("query-qmp-schema") { _, _ in QMPSchema.json },
    QMPCommand("query-status") { (_, target) throws(MonitorError) in
      let state = target.control.state
      return ["status": .string(state.rawValue), "running": .bool(state.isRunning)]
    },
    QMPCommand("query-name") { (_, target) throws(MonitorError) in
      ["name": .string(try target.facts().name)]
    },
    QMPCommand("query-kvm") { _, _ in ["enabled": false, "present": false] },
    QMPCommand("stop") { (_, target) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try target.control.pause() }
      return nothing
    },
    QMPCommand("cont") { (_, target) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try target.control.resume() }
      return nothing
    },
    QMPCommand("system_reset") { (_, target) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try target.control.reset() }
      return nothing
    },
    QMPCommand("system_powerdown") { (_, target) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try target.control.powerDown() }
      return nothing
    },
    QMPCommand("set_link", [.required("name", .string), .required("up", .bool)]) {
      (arguments, target) throws(MonitorError) in
      let (name, isUp) = (arguments.string("name"), arguments.flag("up"))
      try withMonitorErrors { () throws(Failure) in try target.control.setLink(name, isUp: isUp) }
      return nothing
    },
    QMPCommand("quit") { _, target in
      target.control.quit()
      return nothing
    },
    QMPCommand(
      "human-monitor-command",
      [.required("command-line", .string), .optional("cpu-index", .integer(0...1023))]
    ) { (arguments, target) throws(MonitorError) in
      let monitor = HumanMonitor(target)
      if let cpu = arguments.optionalNumber("cpu-index") { try monitor.choose(hart: Int(cpu)) }
      // Lines end here as they do on a terminal.
      return .string(
        monitor.carryOut(arguments.string("command-line")).split(
          separator: "\n", omittingEmptySubsequences: false
        ).joined(separator: "\r\n"))
    },
    // Not one of QEMU's: how a line of the human monitor may go on.
    QMPCommand("__rrtool_complete", [.required("line", .string)]) {
      (arguments, target) throws(MonitorError) in
      let completion = HumanMonitor(target).complete(arguments.string("line"))
      return [
        "start": JSONValue(completion.start), "candidates": .array(completion.candidates.map { .string($0) }),
      ]
    },
  ]
}

extension MonitorTarget {
  func facts() throws(MonitorError) -> RunFacts { try perform { run in run.facts } }
}
