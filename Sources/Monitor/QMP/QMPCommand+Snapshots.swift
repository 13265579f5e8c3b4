// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem
import RecordingStore

/// Snapshots, and the jobs that they are.
extension QMPCommand {
  /// A snapshot here is of the whole machine, so what names its parts is taken and not needed.
  private static let parts: [Parameter] = [
    .optional("vmstate", .string), .optional("devices", .strings),
  ]
  private static let saving: [Parameter] = [.required("job-id", .string), .required("tag", .string)] + parts

  static let snapshots: [QMPCommand] = [
    QMPCommand("snapshot-save", saving) { (arguments, target) throws(MonitorError) in
      try target.startJob("snapshot-save", arguments) { (tag) throws(MonitorError) in
        try target.saveSnapshot(tag)
      }
    },
    QMPCommand("snapshot-load", saving) { (arguments, target) throws(MonitorError) in
      try target.startJob("snapshot-load", arguments) { (tag) throws(MonitorError) in
        try target.loadSnapshot(tag)
      }
    },
    QMPCommand("snapshot-delete", saving) { (arguments, target) throws(MonitorError) in
      try target.startJob("snapshot-delete", arguments) { (tag) throws(MonitorError) in
        try target.deleteSnapshot(tag)
      }
    },
    QMPCommand("query-jobs") { _, target in
      .array(
        target.jobs.all.map { job in
          var members: [JSONValue.Member] = [
            .init("id", .string(job.id)), .init("type", .string(job.kind)),
            .init("status", .string(job.status.rawValue)),
            .init("current-progress", job.status == .concluded ? 1 : 0), .init("total-progress", 1),
          ]
          if let problem = job.problem { members.append(.init("error", .string(problem))) }
          return .object(members)
        })
    },
    QMPCommand("job-dismiss", [.required("id", .string)]) { (arguments, target) throws(MonitorError) in
      try target.jobs.dismiss(arguments.string("id"))
      return nothing
    },
  ]
}

extension MonitorTarget {
  fileprivate func startJob(
    _ kind: String, _ arguments: Arguments, _ work: @escaping @Sendable (String) throws(MonitorError) -> Void
  ) throws(MonitorError) -> JSONValue {
    let id = arguments.string("job-id")
    guard let first = id.utf8.first, id.utf8.count <= 128, Self.isLetter(first),
      id.utf8.allSatisfy({ Self.isLetter($0) || (0x30...0x39).contains($0) || "-._".utf8.contains($0) })
    else { throw MonitorError("Invalid job ID '\(id)'") }
    let tag = arguments.string("tag")
    try jobs.start(id, kind: kind) { () throws(MonitorError) in try work(tag) }
    return QMPCommand.nothing
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  // MARK: What both monitors do with snapshots

  func listSnapshots() throws(MonitorError) -> [Snapshot] {
    try perform { (run) throws(Failure) in try run.listSnapshots() }
  }

  /// Comes back when the snapshot is written.
  func saveSnapshot(_ name: String) throws(MonitorError) {
    try withMonitorErrors { () throws(Failure) in try guestJobs.saveSnapshot(name) }
  }

  func loadSnapshot(_ name: String) throws(MonitorError) {
    try perform { (run) throws(Failure) in try run.loadSnapshot(name) }
  }

  func deleteSnapshot(_ name: String) throws(MonitorError) {
    try perform { (run) throws(Failure) in try run.deleteSnapshot(name) }
  }
}
