// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Commands about the monitor itself, and about the run as a whole.
extension HumanCommand {
  static let general: [HumanCommand] = [
    HumanCommand(
      "help|?", [.optional("COMMAND", .command)], "show what commands there are, or how one is used"
    ) {
      (arguments, _) throws(MonitorError) in
      guard let name = arguments.optional("COMMAND") else {
        return all.map { "\($0.usage) -- \($0.summary)\n" }.joined()
      }
      if name == "info" { return InfoSubject.all.map { "info \($0.usage) -- \($0.summary)\n" }.joined() }
      guard let command = find(name) else { throw MonitorError("unknown command: '\(name)'") }
      return "\(command.usage) -- \(command.summary)\n"
    },
    HumanCommand(
      "info", [.flag("-a"), .flag("-f"), .optional("SUBJECT", .subject)],
      "show the state of a part; 'help info' lists them"
    ) { (arguments, monitor) throws(MonitorError) in
      guard let name = arguments.optional("SUBJECT") else {
        return InfoSubject.all.map { "info \($0.usage) -- \($0.summary)\n" }.joined()
      }
      guard let subject = InfoSubject.all.first(where: { $0.name == name }) else {
        throw MonitorError("unknown subject: '\(name)'; 'help info' lists them")
      }
      return try subject.body(monitor, arguments.has("-a") || arguments.has("-f"))
    },
    HumanCommand("cpu", [.required("HART", .word)], "choose the hart that x, p and info registers mean") {
      (arguments, monitor) throws(MonitorError) in
      guard let hart = Int(arguments["HART"]), hart >= 0 else {
        throw MonitorError("'\(arguments["HART"])' is not the number of a hart")
      }
      try monitor.choose(hart: hart)
      return ""
    },
  ]

  static let run: [HumanCommand] = [
    HumanCommand("stop|s", [], "pause the guest") { (_, monitor) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try monitor.target.control.pause() }
      return ""
    },
    HumanCommand("cont|c", [], "have the guest go on") { (_, monitor) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try monitor.target.control.resume() }
      return ""
    },
    HumanCommand("system_reset", [], "press the reset button") { (_, monitor) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try monitor.target.control.reset() }
      return ""
    },
    HumanCommand("system_powerdown", [], "press the power button") { (_, monitor) throws(MonitorError) in
      try withMonitorErrors { () throws(Failure) in try monitor.target.control.powerDown() }
      return ""
    },
    HumanCommand(
      "set_link", [.required("NAME", .word), .required("on|off", .word)],
      "put the cable of a network card in, or pull it out"
    ) { (arguments, monitor) throws(MonitorError) in
      let isUp: Bool
      switch arguments["on|off"] {
      case "on": isUp = true
      case "off": isUp = false
      case let other: throw MonitorError("a link is on or off, not '\(other)'")
      }
      let name = arguments["NAME"]
      try withMonitorErrors { () throws(Failure) in try monitor.target.control.setLink(name, isUp: isUp) }
      return ""
    },
    HumanCommand("quit|q", [], "end the run") { _, monitor in
      monitor.target.control.quit()
      return ""
    },
  ]
}
