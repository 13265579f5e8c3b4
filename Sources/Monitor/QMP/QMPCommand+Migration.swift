import RecordReplay

/// What concerns every job that leaves the guest.
extension QMPCommand {
  static let migration: [QMPCommand] = [
    QMPCommand("migrate_cancel") { _, target in
      target.control.job.cancel()
      return nothing
    },
    QMPCommand("migrate-set-parameters", [.optional("max-bandwidth", .integer(.all))]) { arguments, target in
      if let limit = arguments.optionalNumber("max-bandwidth") {
        target.control.job.bandwidthLimit = limit == 0 ? nil : limit
      }
      return nothing
    },
    QMPCommand("query-migrate-parameters") { _, target in
      ["max-bandwidth": JSONValue(target.control.job.bandwidthLimit ?? 0)]
    },
  ]
}
