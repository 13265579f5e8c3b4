// SPDX-License-Identifier: Apache-2.0

/// Migration, and what can be done with every job that goes on.
extension HumanCommand {
  static let migration: [HumanCommand] = [
    HumanCommand(
      "migrate", [.flag("-d"), .required("WHERE", .file)],
      "send the guest to file:PATH, exec:COMMAND, unix:PATH or tcp:[HOST]:PORT; -d comes back at once"
    ) { (arguments, monitor) throws(MonitorError) in
      try monitor.target.migrate(to: arguments["WHERE"], detach: arguments.has("-d"))
      return ""
    },
    HumanCommand("migrate_cancel", [], "cancel the dump or migration that goes on") { _, monitor in
      monitor.target.control.job.cancel()
      return ""
    },
    HumanCommand(
      "migrate_set_parameter", [.required("NAME", .parameter), .required("VALUE", .word)],
      "set max-bandwidth, in bytes a second (K, M and G may follow, 0 is no limit), or downtime-limit, in milliseconds"
    ) { (arguments, monitor) throws(MonitorError) in
      guard let value = byteCount(arguments["VALUE"]) else {
        throw MonitorError("'\(arguments["VALUE"])' is not a size: give one such as 32M")
      }
      switch arguments["NAME"] {
      case "max-bandwidth": monitor.target.control.job.bandwidthLimit = value == 0 ? nil : value
      case "downtime-limit" where value <= 2_000_000: monitor.target.downtimeLimit = value * 1_000_000
      case "downtime-limit": throw MonitorError("downtime-limit is at most 2000000 ms")
      default:
        throw MonitorError(
          "unknown parameter: '\(arguments["NAME"])'; there are max-bandwidth and downtime-limit")
      }
      return ""
    },
  ]

  /// A number of bytes with K, M or G behind it.
  static func byteCount(_ text: String) -> UInt64? {
    let shifts: [Character: UInt64] = ["K": 10, "M": 20, "G": 30]
    let shift = text.last.flatMap { shifts[Character($0.uppercased())] }
    let digits = shift == nil ? text[...] : text.dropLast()
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = UInt64(digits),
      number <= UInt64.max >> (shift ?? 0)
    else { return nil }
    return number << (shift ?? 0)
  }
}

extension InfoSubject {
  static let migration: [InfoSubject] = [
    InfoSubject("migrate", "how far the migration is") { monitor, _ in
      guard let status = monitor.target.lastMigration else { return "Status: none\n" }
      let figures = status.figures
      var text = "Status: \(status.phase.word)\n"
      if case .failed(let failure) = status.phase { text += "Reason: \(failure.description)\n" }
      text +=
        "Time: \(milliseconds(figures.duration)) ms, of it setup \(milliseconds(figures.setupDuration)) ms\n"
      text +=
        status.phase == .completed
        ? "Downtime: \(milliseconds(figures.downtime)) ms\n"
        : "Expected downtime: \(milliseconds(figures.expectedDowntime)) ms\n"
      text +=
        "Transferred: \(figures.transferred.grouped) bytes, \(figures.bytesPerSecond.grouped) a second\n"
      text += "Memory: \(figures.remaining.grouped) of \(figures.total.grouped) bytes remaining\n"
      text += "Pages: \(figures.normalPages.grouped) normal, \(figures.zeroPages.grouped) zero\n"
      text +=
        "Iterations: \(figures.iterations), \(figures.dirtyPagesPerSecond.grouped) pages dirtied a second\n"
      if figures.throttlePercentage > 0 {
        text += "Throttled: the guest stands still for \(figures.throttlePercentage) % of the time\n"
      }
      return text
    },
    InfoSubject("migrate_parameters", "the limits of migrations and dumps") { monitor, _ in
      let limit =
        monitor.target.control.job.bandwidthLimit.map { "\($0.grouped) bytes a second" } ?? "no limit"
      return "max-bandwidth: \(limit)\ndowntime-limit: \(monitor.target.downtimeLimit / 1_000_000) ms\n"
    },
  ]
}
