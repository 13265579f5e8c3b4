import RecordReplay

/// Core dumps, and what can be done with a job that goes on.
extension HumanCommand {
  static let dump: [HumanCommand] = [
    HumanCommand(
      "dump-guest-memory|dump",
      [
        .flag("-p"), .flag("-d"), .flag("-z"), .required("FILE", .file), .optional("BEGIN", .word),
        .optional("LENGTH", .word),
      ],
      "write a core of the guest as it is: -p virtual addresses too, -d come back at once, -z in kdump format"
    ) { (arguments, monitor) throws(MonitorError) in
      let request = DumpRequest(
        path: arguments["FILE"], format: arguments.has("-z") ? .kdumpZlib : .elf,
        hasVirtualAddresses: arguments.has("-p"),
        begin: try arguments.optional("BEGIN").map { (text) throws(MonitorError) in try monitor.evaluate(text)
        },
        length: try arguments.optional("LENGTH").map { (text) throws(MonitorError) in
          try monitor.evaluate(text)
        })
      try monitor.target.dump(request, detach: arguments.has("-d"))
      return ""
    },
    HumanCommand("migrate_cancel", [], "cancel the dump or migration that goes on") { _, monitor in
      monitor.target.control.job.cancel()
      return ""
    },
    HumanCommand(
      "migrate_set_parameter", [.required("NAME", .parameter), .required("VALUE", .word)],
      "set max-bandwidth, in bytes a second; K, M and G may follow, 0 is no limit"
    ) { (arguments, monitor) throws(MonitorError) in
      guard arguments["NAME"] == "max-bandwidth" else {
        throw MonitorError("unknown parameter: '\(arguments["NAME"])'; there is max-bandwidth")
      }
      guard let size = byteCount(arguments["VALUE"]) else {
        throw MonitorError("'\(arguments["VALUE"])' is not a size: give one such as 32M")
      }
      monitor.target.control.job.bandwidthLimit = size == 0 ? nil : size
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
  static let jobs: [InfoSubject] = [
    InfoSubject("dump", "how far the dump is") { monitor, _ in
      guard let status = monitor.target.lastDump else { return "Status: none\n" }
      let figures = status.figures
      let share = figures.total == 0 ? 0 : Double(figures.completed) / Double(figures.total) * 100
      var text = "Status: \(status.phase.word)\nFinished: \(tenths(share)) %\n"
      text += "Written: \(figures.transferred.grouped) bytes, in \(milliseconds(figures.duration)) ms\n"
      text += "The guest stood still for \(milliseconds(figures.downtime)) ms\n"
      if case .failed(let failure) = status.phase { text += "Reason: \(failure.description)\n" }
      return text
    }
  ]

  static func milliseconds(_ nanoseconds: UInt64) -> String {
    "\(nanoseconds / 1_000_000)." + (nanoseconds / 1000 % 1000).padded(radix: 10, digits: 3)
  }

  private static func tenths(_ value: Double) -> String { "\(Double(Int(value * 10)) / 10)" }
}

extension MigrationState.Phase {
  /// In a word for people.
  var word: String { self == .completing ? "completing" : name }
}
