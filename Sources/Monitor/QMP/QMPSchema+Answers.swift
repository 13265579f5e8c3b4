// SPDX-License-Identifier: Apache-2.0

import GuestJobs

/// What commands answer, of those that answer something, and what events say.
extension QMPSchema {
  static let results: [String: QMPType] = [
    "query-version": .object([
      .required(
        "qemu",
        .object([.required("major", .integer), .required("minor", .integer), .required("micro", .integer)])),
      .required("package", .string),
    ]),
    "query-commands": .array(.object([.required("name", .string)])),
    // Entries differ by their kind; QEMU describes them as variants.
    "query-qmp-schema": .array(.any),
    "query-status": .object([.required("status", .string), .required("running", .boolean)]),
    "query-name": .object([.optional("name", .string)]),
    "query-kvm": .object([.required("enabled", .boolean), .required("present", .boolean)]),
    "human-monitor-command": .string,
    "__rrtool_complete": .object([.required("start", .integer), .required("candidates", .array(.string))]),
    "query-cpus-fast": .array(
      .object([
        .required("cpu-index", .integer), .required("qom-path", .string), .required("thread-id", .integer),
        .required("target", .string), .optional("props", .object([.optional("core-id", .integer)])),
      ])),
    "query-target": .object([.required("arch", .string)]),
    "query-memory-size-summary": .object([.required("base-memory", .integer)]),
    "query-block": .array(drive),
    "query-replay": .object([
      .required("mode", .choice(["none", "record", "play"])), .optional("filename", .string),
      .required("icount", .integer),
    ]),
    "query-jobs": .array(
      .object([
        .required("id", .string), .required("type", .string), .required("status", .string),
        .required("current-progress", .integer), .required("total-progress", .integer),
        .optional("error", .string),
      ])),
    "query-dump": dump,
    "query-dump-guest-memory-capability": .object([
      .required("formats", .array(.choice(DumpRequest.Format.allCases.map(\.rawValue))))
    ]),
    "query-migrate-parameters": .object([
      .optional("max-bandwidth", .integer), .optional("downtime-limit", .integer),
    ]),
    "query-migrate": .object([
      .optional("status", .string), .optional("total-time", .integer), .optional("setup-time", .integer),
      .optional("ram", transfer), .optional("cpu-throttle-percentage", .integer),
      .optional("downtime", .integer), .optional("error-desc", .string),
      .optional("expected-downtime", .integer),
    ]),
  ]

  static let events: [String: QMPType] = [
    "STOP": .nothing, "RESUME": .nothing, "POWERDOWN": .nothing,
    "RESET": .object([.required("guest", .boolean), .required("reason", .string)]),
    "SHUTDOWN": .object([.required("guest", .boolean), .required("reason", .string)]),
    "MIGRATION": .object([.required("status", .string)]),
    "DUMP_COMPLETED": .object([.required("result", dump), .optional("error", .string)]),
    "JOB_STATUS_CHANGE": .object([.required("id", .string), .required("status", .string)]),
  ]

  private static let dump: QMPType = .object([
    .required("status", .choice(["none", "active", "completed", "failed"])), .required("completed", .integer),
    .required("total", .integer), .optional("__rrtool_position", .integer),
    .optional("__rrtool_lacks_mappings", .boolean),
  ])

  private static let transfer: QMPType = .object(
    [
      "total", "remaining", "transferred", "normal", "normal-bytes", "duplicate", "skipped", "page-size",
      "dirty-sync-count", "dirty-pages-rate", "multifd-bytes", "pages-per-second", "precopy-bytes",
      "downtime-bytes", "postcopy-bytes", "postcopy-requests", "dirty-sync-missed-zero-copy",
    ].map { .required($0, .integer) } + [.required("mbps", .number)])

  private static let drive: QMPType = {
    let image: QMPType = .object([
      .required("filename", .string), .required("format", .string), .required("virtual-size", .integer),
      .optional("backing-filename", .string),
    ])
    let cache: QMPType = .object(
      ["writeback", "direct", "no-flush"].map { .required($0, .boolean) })
    let limits = ["bps", "bps_rd", "bps_wr", "iops", "iops_rd", "iops_wr", "write_threshold"]
    let inserted: QMPType = .object(
      [
        .required("file", .string), .required("drv", .string), .required("ro", .boolean),
        .required("encrypted", .boolean), .required("backing_file_depth", .integer),
        .required("detect_zeroes", .string), .required("cache", cache), .required("image", image),
      ] + limits.map { .required($0, .integer) })
    return .object([
      .required("device", .string), .optional("qdev", .string), .required("type", .string),
      .required("locked", .boolean), .required("removable", .boolean), .optional("inserted", inserted),
    ])
  }()
}
