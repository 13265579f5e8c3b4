// SPDX-License-Identifier: Apache-2.0

import HostSystem
import Synchronization

/// The jobs of QMP: work with a name that goes on beside the client and is known until the client dismisses it.
final class JobList: Sendable {
  enum Status: String, Sendable {
    case created, running, aborting, concluded
    case null
  }

  struct Job: Sendable {
    var id: String
    /// "snapshot-save", for instance.
    var kind: String
    var status: Status
    /// What failed; nil when nothing did, as far as is known.
    var problem: String?
  }

  private let jobs = Mutex<[Job]>([])
  private let observers = Mutex<[@Sendable (String, Status) -> Void]>([])

  /// At most so many jobs are kept: a client that never dismisses one must not fill memory.
  private static let limit = 1000

  var all: [Job] { jobs.withLock { $0 } }

  func observe(_ observer: @escaping @Sendable (String, Status) -> Void) {
    observers.withLock { $0.append(observer) }
  }

  /// Does `work` on a thread of its own, as a job.
  func start(
    _ id: String, kind: String, _ work: @escaping @Sendable () throws(MonitorError) -> Void
  ) throws(MonitorError) {
    let isTooMany = jobs.withLock { jobs -> Bool? in
      if jobs.contains(where: { $0.id == id }) { return false }
      if jobs.count >= Self.limit { return true }
      jobs.append(Job(id: id, kind: kind, status: .created, problem: nil))
      return nil
    }
    if let isTooMany {
      throw MonitorError(
        isTooMany
          ? "There are \(Self.limit) jobs already; dismiss some with job-dismiss"
          : "Job ID '\(id)' already in use")
    }
    tell(id, .created)
    enter(id, .running)
    HostThread { [self] in
      do throws(MonitorError) {
        try work()
      } catch {
        enter(id, .aborting, problem: error.description)
      }
      enter(id, .concluded)
    }.abandon()
  }

  /// Forgets a job that is done.
  func dismiss(_ id: String) throws(MonitorError) {
    let problem: MonitorError? = jobs.withLock { jobs in
      guard let index = jobs.firstIndex(where: { $0.id == id }) else {
        return MonitorError("Job not found", kind: .deviceNotActive)
      }
      guard jobs[index].status == .concluded else {
        return MonitorError(
          "Job '\(id)' in state '\(jobs[index].status.rawValue)' cannot accept command verb 'dismiss'")
      }
      jobs.remove(at: index)
      return nil
    }
    if let problem { throw problem }
    tell(id, .null)
  }

  private func enter(_ id: String, _ status: Status, problem: String? = nil) {
    jobs.withLock { jobs in
      guard let index = jobs.firstIndex(where: { $0.id == id }) else { return }
      jobs[index].status = status
      jobs[index].problem = jobs[index].problem ?? problem
    }
    tell(id, status)
  }

  private func tell(_ id: String, _ status: Status) {
    for observer in observers.withLock({ $0 }) { observer(id, status) }
  }
}
