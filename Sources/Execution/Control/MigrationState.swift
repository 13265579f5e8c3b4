// SPDX-License-Identifier: Apache-2.0

import HostSystem

/// Where a guest's job stands: a core dump, a snapshot or a migration. There is one of these a guest, and it lets one job
/// go on at a time.
///
///     none ── start ──▶ setup ──▶ active ──▶ completing ──▶ completed
///                         │          │           │
///                         └──────────┴───────────┼── cancel ──▶ cancelling ──▶ cancelled
///                                                │
///                      every state of a job ─────┴── fail ──▶ failed
///
/// The three ends are left by the next `start`. A transition that is not drawn is a programmer error and traps, except
/// that `cancel` comes from outside and does nothing when there is nothing to cancel.
///
/// Any thread may ask and cancel. One job moves the state; its last act is to enter an end, after everything that it
/// held (files, kept pages, a stopped guest) is given back. So a job that is seen to be over has left nothing behind.
public final class MigrationState: @unchecked Sendable {
  // Sendable: all state below is touched with `lock` held.

  public enum Kind: String, Sendable, CaseIterable {
    case dump
    case snapshot
    case migration
  }

  public enum Phase: Equatable, Sendable {
    /// No job has been started yet.
    case none
    /// Files and connections are opened.
    case setup
    /// Memory is taken while the guest runs.
    case active
    /// A migration has stopped the guest for the rest. A dump or a snapshot, whose instant lies at its start, needs nothing
    /// more from the guest. Not all is written in either case.
    case completing
    case completed
    /// The user does not want it any more; it is being cleaned up.
    case cancelling
    case cancelled
    case failed(Failure)

    /// Whether a job is going on.
    public var isBusy: Bool {
      switch self {
      case .setup, .active, .completing, .cancelling: true
      case .none, .completed, .cancelled, .failed: false
      }
    }

    /// One word, as QEMU's `query-migrate` has it.
    public var name: String {
      switch self {
      case .none: "none"
      case .setup: "setup"
      case .active: "active"
      case .completing: "device"
      case .completed: "completed"
      case .cancelling: "cancelling"
      case .cancelled: "cancelled"
      case .failed: "failed"
      }
    }
  }

  /// What `status` shows, all of one moment.
  public struct Status: Equatable, Sendable {
    /// Of the job that goes on, or of the last one; nil when there was none.
    public var kind: Kind?
    public var phase: Phase
    public var figures: JobFigures
    /// Counts jobs, from 1: tells one job's states from the next one's.
    public var number: Int
  }

  private let lock = ConditionLock()
  private var current = Status(kind: nil, phase: .none, figures: JobFigures(), number: 0)
  private var began: UInt64 = 0
  /// Past the point of no return: what the job makes is in its place.
  private var isCommitted = false
  private var limit: UInt64?
  private var observers: [@Sendable (Status) -> Void] = []
  /// States that observers have not been told of. One thread at a time tells them, so that they come in order.
  private var news: [Status] = []
  private var isTelling = false

  public init() {}

  // MARK: For everybody

  public var status: Status { lock.withLock { snapshot() } }

  /// Calls `observer` with each state that is entered, in their order, on the thread that entered it or a later one's,
  /// without holding any lock. It should not take long.
  public func observe(_ observer: @escaping @Sendable (Status) -> Void) {
    lock.withLock { observers.append(observer) }
  }

  /// Asks the job that goes on to end without a result. Answers at once, whether there was one that can still be
  /// cancelled; that it has ended shows in `status`.
  @discardableResult
  public func cancel() -> Bool {
    defer { tell() }
    return lock.withLock {
      switch current.phase {
      case .setup, .active, .completing:
        guard !isCommitted else { return false }
        enter(.cancelling)
        return true
      case .cancelling: return true
      case .none, .completed, .cancelled, .failed: return false
      }
    }
  }

  /// Waits until no job goes on, or only until `deadline` on `HostClock.monotonic`.
  @discardableResult
  public func waitUntilIdle(deadline: UInt64? = nil) -> Status {
    lock.withLock {
      while current.phase.isBusy {
        if let deadline, HostClock.monotonic() >= deadline { break }
        lock.wait(until: deadline)
      }
      return snapshot()
    }
  }

  /// Bytes a second that a job may put out; nil: as many as it can. Holds at once, and for later jobs.
  public var bandwidthLimit: UInt64? {
    get { lock.withLock { limit } }
    set {
      lock.withLock {
        limit = newValue
        lock.wakeAll()
      }
    }
  }

  // MARK: For the job

  /// Begins a job. A second one at a time is refused.
  public func start(_ kind: Kind, total: UInt64 = 0) throws(Failure) {
    defer { tell() }
    let refusal: Failure? = lock.withLock {
      if current.phase.isBusy, let running = current.kind { return Self.refusal(of: kind, during: running) }
      var figures = JobFigures()
      figures.total = total
      figures.remaining = total
      current = Status(kind: kind, phase: .none, figures: figures, number: current.number + 1)
      began = HostClock.monotonic()
      isCommitted = false
      enter(.setup)
      return nil
    }
    if let refusal { throw refusal }
  }

  /// From setup to active, or from active to completing. False when the job was cancelled: it must then clean up and
  /// call `endCancelled`.
  public func advance(to phase: Phase) -> Bool {
    defer { tell() }
    return lock.withLock {
      if current.phase == .cancelling { return false }
      switch (current.phase, phase) {
      case (.setup, .active): current.figures.setupDuration = HostClock.monotonic() - began
      case (.active, .completing): break
      default: preconditionFailure("no job goes from \(current.phase) to \(phase)")
      }
      enter(phase)
      return true
    }
  }

  /// Passes the point of no return, from which on the job cannot be cancelled. False when it was cancelled before.
  public func commit() -> Bool {
    lock.withLock {
      if current.phase == .cancelling { return false }
      precondition(current.phase == .completing, "a job is committed while it completes")
      isCommitted = true
      return true
    }
  }

  /// From completing, after `commit`, to completed.
  public func endCompleted() {
    end(.completed) { $0 == .completing }
  }

  /// From cancelling to cancelled.
  public func endCancelled() {
    end(.cancelled) { $0 == .cancelling }
  }

  /// From any state of a job to failed, also when it was cancelled: something is wrong all the same.
  public func endFailed(_ failure: Failure) {
    end(.failed(failure)) { $0.isBusy }
  }

  /// Whether the job should go on; false when it was cancelled.
  public var mayGoOn: Bool { lock.withLock { current.phase != .cancelling } }

  /// Changes the figures of the job that goes on.
  public func update(_ change: (inout JobFigures) -> Void) {
    lock.withLock { change(&current.figures) }
  }

  /// Waits for `deadline` on `HostClock.monotonic`, shorter if the job is cancelled or the bandwidth limit changes.
  package func pause(until deadline: UInt64) {
    lock.withLock {
      guard current.phase != .cancelling, HostClock.monotonic() < deadline else { return }
      lock.wait(until: deadline)
    }
  }

  // MARK: With the lock held

  private func snapshot() -> Status {
    var status = current
    status.figures.bandwidthLimit = limit
    if current.phase.isBusy {
      status.figures.duration = HostClock.monotonic() - began
      if current.phase == .setup { status.figures.setupDuration = status.figures.duration }
    }
    return status
  }

  private func enter(_ phase: Phase) {
    current.phase = phase
    if !observers.isEmpty { news.append(snapshot()) }
    lock.wakeAll()
  }

  // MARK: Parts

  private func end(_ phase: Phase, from isPossible: (Phase) -> Bool) {
    lock.withLock {
      precondition(isPossible(current.phase), "no job goes from \(current.phase) to \(phase)")
      if phase == .completed { precondition(isCommitted, "a job is committed before it is complete") }
      current.figures.duration = HostClock.monotonic() - began
      if phase == .completed { current.figures.remaining = 0 }
      enter(phase)
    }
    tell()
  }

  private func tell() {
    while true {
      let (status, receivers): (Status?, [@Sendable (Status) -> Void]) = lock.withLock {
        if isTelling || news.isEmpty { return (nil, []) }
        isTelling = true
        return (news.removeFirst(), observers)
      }
      guard let status else { return }
      for receiver in receivers { receiver(status) }
      lock.withLock { isTelling = false }
    }
  }

  private static func refusal(of kind: Kind, during running: Kind) -> Failure {
    let what =
      switch running {
      case .dump: "a dump is being written"
      case .snapshot: "a snapshot is being saved"
      case .migration: "the guest is being migrated"
      }
    return Failure(
      .busy, kind.rawValue, "cannot start: \(what)", remedy: "wait until that is done, or cancel it")
  }
}
