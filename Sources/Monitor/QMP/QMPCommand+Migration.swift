// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import GuestJobs
import HostSystem

/// Migration, and what concerns every job that leaves the guest.
extension QMPCommand {
  static let migration: [QMPCommand] = [
    // As in QEMU, whether it succeeds shows in query-migrate and in the events.
    QMPCommand("migrate", [.required("uri", .string), .optional("detach", .bool)]) {
      (arguments, target) throws(MonitorError) in
      try target.migrate(to: arguments.string("uri"), detach: true)
      return nothing
    },
    QMPCommand("migrate_cancel") { _, target in
      target.control.job.cancel()
      return nothing
    },
    QMPCommand(
      "migrate-set-parameters",
      [.optional("max-bandwidth", .integer(.all)), .optional("downtime-limit", .integer(0...2_000_000))]
    ) { (arguments, target) throws(MonitorError) in
      if let limit = arguments.optionalNumber("max-bandwidth") {
        target.control.job.bandwidthLimit = limit == 0 ? nil : limit
      }
      if let limit = arguments.optionalNumber("downtime-limit") { target.downtimeLimit = limit * 1_000_000 }
      return nothing
    },
    QMPCommand("query-migrate-parameters") { _, target in
      [
        "max-bandwidth": JSONValue(target.control.job.bandwidthLimit ?? 0),
        "downtime-limit": JSONValue(target.downtimeLimit / 1_000_000),
      ]
    },
    QMPCommand("query-migrate") { _, target in
      guard let status = target.lastMigration else { return nothing }
      let figures = status.figures
      var members: [JSONValue.Member] = [
        .init("status", .string(status.phase.name)), .init("total-time", milliseconds(figures.duration)),
        .init("setup-time", milliseconds(figures.setupDuration)),
        .init(
          "ram",
          [
            "total": JSONValue(figures.total), "remaining": JSONValue(figures.remaining),
            "transferred": JSONValue(figures.transferred), "normal": JSONValue(figures.normalPages),
            "normal-bytes": JSONValue(figures.normalPages * 4096), "duplicate": JSONValue(figures.zeroPages),
            "skipped": 0, "mbps": .double(Double(figures.bytesPerSecond) * 8 / 1e6), "page-size": 4096,
            "dirty-sync-count": JSONValue(figures.iterations),
            "dirty-pages-rate": JSONValue(figures.dirtyPagesPerSecond), "multifd-bytes": 0,
            "pages-per-second": JSONValue(figures.bytesPerSecond / 4096),
            "precopy-bytes": JSONValue(figures.transferred), "downtime-bytes": 0, "postcopy-bytes": 0,
            "postcopy-requests": 0, "dirty-sync-missed-zero-copy": 0,
          ]),
      ]
      if figures.throttlePercentage > 0 {
        members.append(.init("cpu-throttle-percentage", JSONValue(figures.throttlePercentage)))
      }
      switch status.phase {
      case .completed: members.append(.init("downtime", milliseconds(figures.downtime)))
      case .failed(let failure): members.append(.init("error-desc", .string(failure.description)))
      default: members.append(.init("expected-downtime", milliseconds(figures.expectedDowntime)))
      }
      return .object(members)
    },
  ]

  private static func milliseconds(_ nanoseconds: UInt64) -> JSONValue { JSONValue(nanoseconds / 1_000_000) }
}

extension MonitorTarget {
  /// Comes back when the other place has the guest; with `detach` at once.
  func migrate(to address: String, detach: Bool) throws(MonitorError) {
    try withMonitorErrors { () throws(Failure) in
      try guestJobs.migrate(
        to: MigrationAddress(parsing: address), downtimeLimit: downtimeLimit, detach: detach)
    }
  }

  /// The migration that goes on, or the last one; nil when there was none, or another job after it.
  var lastMigration: MigrationState.Status? {
    let status = control.job.status
    return status.kind == .migration ? status : nil
  }
}
