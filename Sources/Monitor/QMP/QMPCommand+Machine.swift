// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import Glibc

/// Commands that look at the machine.
extension QMPCommand {
  static let machine: [QMPCommand] = [
    QMPCommand("query-cpus-fast") { (_, target) throws(MonitorError) in
      let count = try target.perform { run in run.machine.configuration.hartCount }
      return .array(
        (0..<count).map { hart in
          [
            "cpu-index": JSONValue(hart), "qom-path": .string("/machine/harts/hart[\(hart)]"),
            // All harts run on the machine's one thread.
            "thread-id": JSONValue(Int(getpid())), "target": "riscv64",
            "props": ["core-id": JSONValue(hart)],
          ]
        })
    },
    QMPCommand("query-target") { _, _ in ["arch": "riscv64"] },
    QMPCommand(
      "pmemsave",
      [.required("val", .integer(.all)), .required("size", .integer(.all)), .required("filename", .string)]
    ) { (arguments, target) throws(MonitorError) in
      try target.saveMemory(
        at: arguments.number("val"), count: arguments.number("size"), to: arguments.string("filename"),
        hart: nil)
      return nothing
    },
    QMPCommand(
      "memsave",
      [
        .required("val", .integer(.all)), .required("size", .integer(.all)), .required("filename", .string),
        .optional("cpu-index", .integer(.all)),
      ]
    ) { (arguments, target) throws(MonitorError) in
      let count = try target.perform { run in run.machine.configuration.hartCount }
      let hart = arguments.optionalNumber("cpu-index") ?? 0
      guard hart < UInt64(count) else {
        throw MonitorError("Parameter 'cpu-index' expects a CPU number")
      }
      try target.saveMemory(
        at: arguments.number("val"), count: arguments.number("size"), to: arguments.string("filename"),
        hart: Int(hart))
      return nothing
    },
    QMPCommand("query-memory-size-summary") { (_, target) throws(MonitorError) in
      ["base-memory": JSONValue(try target.perform { run in run.machine.configuration.memorySize })]
    },
    QMPCommand("query-block") { (_, target) throws(MonitorError) in
      .array(try target.facts().drives.enumerated().map { describe(drive: $1, number: $0) })
    },
  ]

  private static func describe(drive: RunFacts.Drive, number: Int) -> JSONValue {
    let file = drive.overlay ?? drive.image ?? "blank"
    var image: [JSONValue.Member] = [
      .init("filename", .string(file)), .init("format", .string(drive.format)),
      .init("virtual-size", JSONValue(drive.byteCount)),
    ]
    if drive.overlay != nil, let base = drive.image { image.append(.init("backing-filename", .string(base))) }
    let inserted: JSONValue = [
      "file": .string(file), "drv": .string(drive.format), "ro": .bool(drive.isReadOnly), "encrypted": false,
      "backing_file_depth": drive.overlay != nil && drive.image != nil ? 1 : 0, "detect_zeroes": "off",
      "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 0, "iops_rd": 0, "iops_wr": 0, "write_threshold": 0,
      "cache": ["writeback": true, "direct": false, "no-flush": false], "image": .object(image),
    ]
    return [
      "device": .string("drive\(number)"), "qdev": .string("virtio-blk-\(number)"), "type": "unknown",
      "locked": false, "removable": false, "inserted": inserted,
    ]
  }
}
