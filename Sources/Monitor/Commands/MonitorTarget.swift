// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Execution
import GuestJobs
import HostSystem
import Synchronization

/// What monitors are about: a run with its controls, the jobs that were started on it, and who wants to hear of it. All
/// monitors of a run share one.
public final class MonitorTarget: Sendable {
  public let control: RunControl
  let jobs = JobList()
  let guestJobs: GuestJobs
  private let downtime = Mutex(GuestJobs.defaultDowntimeLimit)
  private let listeners = Mutex<(next: Int, all: [(token: Int, hear: @Sendable (MonitorEvent) -> Void)])>(
    (0, []))

  public init(_ control: RunControl) {
    self.control = control
    guestJobs = GuestJobs(control)
    control.job.observe { [weak self] status in
      if let event = MonitorEvent(status) { self?.tell(event) }
    }
    control.observe { [weak self] event in self?.tell(MonitorEvent(event)) }
    jobs.observe { [weak self] id, status in
      self?.tell(MonitorEvent("JOB_STATUS_CHANGE", ["status": .string(status.rawValue), "id": .string(id)]))
    }
  }

  /// Nanoseconds for which a migration may have the guest stand still.
  var downtimeLimit: UInt64 {
    get { downtime.withLock { $0 } }
    set { downtime.withLock { $0 = newValue } }
  }

  /// Calls `hear` with every event from here on, on whatever thread it happens: it must not wait for anything.
  func subscribe(_ hear: @escaping @Sendable (MonitorEvent) -> Void) -> Int {
    listeners.withLock { listeners in
      listeners.next += 1
      listeners.all.append((listeners.next, hear))
      return listeners.next
    }
  }

  func unsubscribe(_ token: Int) {
    listeners.withLock { listeners in listeners.all.removeAll { $0.token == token } }
  }

  /// The run is over: ends what goes on beside it.
  public func finish() { guestJobs.finish() }

  func tell(_ event: MonitorEvent) {
    for listener in listeners.withLock({ $0.all }) { listener.hear(event) }
  }

  /// Runs `body` on the machine's thread, between two instructions.
  func perform<Value: Sendable>(
    _ body: @escaping @Sendable (any ControlledRun) throws(Failure) -> Value
  ) throws(MonitorError) -> Value {
    try withMonitorErrors { () throws(Failure) in try control.perform(body) }
  }

  /// The same with the means of a replay; refused in any other run.
  func performReplay<Value: Sendable>(
    _ body: @escaping @Sendable (any ReplayControl) throws(Failure) -> Value
  ) throws(MonitorError) -> Value {
    try perform { (run) throws(Failure) in
      guard let replay = run.replay else {
        throw Failure(
          .usage, "replay", "this is no replay", remedy: "start one with 'rrtool replay --qmp unix:SOCKET'")
      }
      return try body(replay)
    }
  }
}

/// Something that happened, as QMP tells it.
struct MonitorEvent: Equatable, Sendable {
  var name: String
  var data: JSONValue?
  /// The host's time: nanoseconds since 1970, UTC.
  var time = HostClock.realTime()

  init(_ name: String, _ data: JSONValue? = nil) {
    self.name = name
    self.data = data
  }

  init(_ event: RunEvent) {
    switch event {
    case .stopped: self.init("STOP")
    case .resumed: self.init("RESUME")
    case .poweredDown: self.init("POWERDOWN")
    case .reset(let byGuest):
      self.init(
        "RESET", ["guest": .bool(byGuest), "reason": byGuest ? "guest-reset" : "host-qmp-system-reset"])
    case .shutdown(let byGuest, let reason):
      self.init("SHUTDOWN", ["guest": .bool(byGuest), "reason": .string(reason)])
    }
  }

  /// What a new state of a job means to clients; nil for nothing.
  init?(_ status: MigrationState.Status) {
    switch (status.kind, status.phase) {
    case (.migration?, let phase):
      self.init("MIGRATION", ["status": .string(phase.name)])
    // A dump that failed before it took its instant, whose size is known then, never began.
    case (.dump?, .completed), (.dump?, .cancelled),
      (.dump?, .failed) where status.figures.total > 0:
      var data: [JSONValue.Member] = [.init("result", DumpReport.json(of: status))]
      switch status.phase {
      case .failed(let failure): data.append(.init("error", .string(failure.description)))
      case .cancelled: data.append(.init("error", "the dump was cancelled"))
      default: break
      }
      self.init("DUMP_COMPLETED", .object(data))
    default: return nil
    }
  }

  var json: JSONValue {
    let timestamp: JSONValue = [
      "seconds": JSONValue(time / 1_000_000_000), "microseconds": JSONValue(time % 1_000_000_000 / 1000),
    ]
    var members: [JSONValue.Member] = [.init("timestamp", timestamp), .init("event", .string(name))]
    if let data { members.append(.init("data", data)) }
    return .object(members)
  }
}
