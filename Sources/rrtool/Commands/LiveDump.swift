// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import GuestJobs
import HostSystem
import Monitor
import Synchronization

/// A dump of a guest that another rrtool runs, through its monitor.
final class LiveDump {
  /// Microseconds between two looks at how far it is.
  private static let lookInterval: UInt32 = 50_000

  private let client: MonitorClient

  /// - Parameter socket: PATH or `unix:PATH`.
  init(through socket: String) throws(Failure) {
    client = try MonitorClient(socket)
  }

  /// Has the dump written and shows how far it is; with `detach` only has it begun. Ctrl-C cancels it.
  ///
  /// - Parameter limit: bytes a second. It holds for this dump alone, but for what is left of a detached one.
  func run(_ request: DumpRequest, limit: UInt64?, detach: Bool) throws(Failure) {
    var end: JSONValue?
    client.hear = { event in
      if event["event"]?.string == "DUMP_COMPLETED" { end = event["data"] }
    }
    let limitBefore = try limit.map { (limit) throws(Failure) in try setLimit(limit) }
    let cancellation = Cancellation()
    StopSignals.call { _ in cancellation.request() }
    var arguments: [JSONValue.Member] = [
      .init("paging", .bool(request.hasVirtualAddresses)),
      // The other rrtool may have been started in another folder.
      .init("protocol", .string("file:" + HostFiles.absolute(request.path))), .init("detach", true),
      .init("format", .string(request.format.rawValue)),
    ]
    if let begin = request.begin { arguments.append(.init("begin", JSONValue(begin))) }
    if let length = request.length { arguments.append(.init("length", JSONValue(length))) }
    _ = try client.execute("dump-guest-memory", .object(arguments))
    guard !detach else {
      return say("dumping \(request.path): 'rrtool monitor \(client.path) info dump' tells how far it is")
    }
    let status = try wait(cancellation)
    // The event comes a moment after.
    while end == nil, client.hearEvents() {}
    if let limitBefore { _ = try setLimit(limitBefore) }
    if let problem = end?["error"]?.string {
      throw Failure(.cancelled, request.path, problem, remedy: "nothing is left of it; start it again")
    }
    guard end != nil else {
      throw Failure(.file, client.path, "the monitor is gone", remedy: "see whether \(request.path) is there")
    }
    if status["__rrtool_lacks_mappings"]?.bool == true { say("note: \(DumpRequest.lackOfMappings)") }
    let position = status["__rrtool_position"]?.unsigned.map { ": the guest at position \($0.grouped)" }
    say("dumped \(request.path)\(position ?? "")")
  }

  /// The answer of `query-dump` when the dump is over.
  private func wait(_ cancellation: Cancellation) throws(Failure) -> JSONValue {
    var progress: Progress?
    defer { progress?.finish() }
    while true {
      let status = try client.execute("query-dump", [:])
      guard status["status"]?.string == "active" else { return status }
      let shown = progress ?? Progress("dumping", unit: .bytes, from: 0, to: status["total"]?.unsigned ?? 0)
      shown.show(status["completed"]?.unsigned ?? 0)
      progress = shown
      if cancellation.take() { _ = try client.execute("migrate_cancel", [:]) }
      usleep(Self.lookInterval)
    }
  }

  /// Sets the limit and answers what it was; 0: none.
  private func setLimit(_ limit: UInt64) throws(Failure) -> UInt64 {
    let before = try client.execute("query-migrate-parameters", [:])["max-bandwidth"]?.unsigned ?? 0
    _ = try client.execute("migrate-set-parameters", ["max-bandwidth": JSONValue(limit)])
    return before
  }
}

/// That somebody wants an end, as the thread that waits finds it.
private final class Cancellation: Sendable {
  private let isRequested = Mutex(false)
  func request() { isRequested.withLock { $0 = true } }

  /// Whether it was requested and nobody has taken it.
  func take() -> Bool {
    isRequested.withLock { isRequested in
      defer { isRequested = false }
      return isRequested
    }
  }
}
