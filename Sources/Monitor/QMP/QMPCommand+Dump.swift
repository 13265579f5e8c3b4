// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import GuestJobs
import HostSystem

/// Core dumps of the guest as it is.
extension QMPCommand {
  static let dump: [QMPCommand] = [
    QMPCommand(
      "dump-guest-memory",
      [
        .required("paging", .bool), .required("protocol", .string), .optional("detach", .bool),
        .optional("begin", .integer(.all)), .optional("length", .integer(.all)),
        .optional("format", .choice(DumpRequest.Format.allCases.map(\.rawValue) + DumpRequest.Format.others)),
      ],
      forClient: { (arguments, target, descriptors) throws(MonitorError) in
        if let format = arguments.optionalString("format"), DumpRequest.Format.others.contains(format) {
          throw MonitorError("the format \(format) is not available: there are \(DumpRequest.Format.list)")
        }
        let destination = arguments.string("protocol")
        let isPassed = destination.hasPrefix("fd:")
        guard isPassed || destination.hasPrefix("file:") && destination.utf8.count > 5 else {
          throw MonitorError("Parameter 'protocol' expects file:PATH or fd:NAME")
        }
        let request = DumpRequest(
          path: isPassed ? destination : String(destination.dropFirst(5)),
          descriptor: isPassed ? try descriptors.take(String(destination.dropFirst(3))) : nil,
          format: arguments.optionalString("format").flatMap(DumpRequest.Format.init) ?? .elf,
          hasVirtualAddresses: arguments.flag("paging"), begin: arguments.optionalNumber("begin"),
          length: arguments.optionalNumber("length"))
        try target.dump(request, detach: arguments.flag("detach"))
        return nothing
      }),
    QMPCommand("query-dump") { _, target in DumpReport.json(of: target.lastDump) },
    QMPCommand("query-dump-guest-memory-capability") { _, _ in
      ["formats": .array(DumpRequest.Format.allCases.map { .string($0.rawValue) })]
    },
  ]
}

extension MonitorTarget {
  func dump(_ request: DumpRequest, detach: Bool) throws(MonitorError) {
    try withMonitorErrors { () throws(Failure) in
      _ = try guestJobs.dump(request, detach: detach)
    }
  }

  /// The dump that goes on, or the last one; nil when there was none, or another job after it.
  var lastDump: MigrationState.Status? {
    let status = control.job.status
    return status.kind == .dump ? status : nil
  }
}
