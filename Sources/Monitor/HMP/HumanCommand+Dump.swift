// SPDX-License-Identifier: Apache-2.0

import Execution
import GuestJobs

/// Core dumps of the guest as it is.
extension HumanCommand {
  static let dump: [HumanCommand] = [
    HumanCommand(
      "dump-guest-memory|dump",
      [
        .flag("-p"), .flag("-d"), .flag("-z"), .flag("-R"), .required("FILE", .file),
        .optional("BEGIN", .word),
        .optional("LENGTH", .word),
      ],
      "write a core of the guest as it is: -p virtual addresses too, -d come back at once, -z in kdump format, "
        + "-R with -z: the same"
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
    }
  ]
}

extension InfoSubject {
  static let jobs: [InfoSubject] = [
    InfoSubject("dump", "how far the dump is") { monitor, _ in
      guard let status = monitor.target.lastDump else { return "Status: none\n" }
      let figures = status.figures
      let share = figures.total == 0 ? 0 : Double(figures.completed) / Double(figures.total) * 100
      var text = "Status: \(status.phase.word)\nFinished: \(tenths(share)) %\n"
      if let position = figures.position { text += "Instant: position \(position.grouped)\n" }
      text += "Written: \(figures.transferred.grouped) bytes, in \(milliseconds(figures.duration)) ms\n"
      text += "The guest stood still for \(milliseconds(figures.downtime)) ms\n"
      if figures.lacksMappings { text += "Note: \(DumpRequest.lackOfMappings)\n" }
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
