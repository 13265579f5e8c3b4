// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem
import RecordingStore

/// Carries out the requests of one drive on a thread of its own, in the order in which they were made.
///
/// When a request is done depends on the host; that it is done after all requests before it does not. A replay, which
/// carries out requests in the same order, therefore reads the same bytes.
package final class BlockWorker: @unchecked Sendable {
  private enum Job {
    case request(BlockRequest)
    case task(DriveTask)
    case visit(@Sendable () -> Void)
  }

  // Sendable: `queue`, `tasks`, `unanswered` and `isClosing` are touched with `lock` held; `storage`, `image` and
  // `failure` by the worker's thread alone until `finish` has joined it; `thread` by the machine's thread alone.
  private let lock = ConditionLock()
  private var queue: [Job] = []
  /// Tasks that the worker has not come to, in their order.
  private var tasks: [DriveTask] = []
  /// What was carried out and not delivered to the guest, by its id.
  private var unanswered: [UInt64: UnansweredRequest] = [:]
  private var isClosing = false
  private let storage: any DriveStorage
  private let image: Qcow2Image?
  /// Why a write failed. Nobody can say what the drive holds since.
  private var failure: Failure?
  private let inbox: Inbox
  private var thread: HostThread?

  /// Completions go to `inbox`. The thread starts with the first request; `finish` must then be called.
  ///
  /// - Parameters:
  ///   - image: what `storage` writes to, when it can have snapshots.
  ///   - unanswered: requests that were carried out before and whose answers are still to be delivered.
  package init(
    storage: any DriveStorage, image: Qcow2Image? = nil, inbox: Inbox,
    unanswered: [UnansweredRequest] = []
  ) {
    self.storage = storage
    self.image = image
    self.inbox = inbox
    for request in unanswered { self.unanswered[request.id] = request }
  }

  package func submit(_ request: BlockRequest) { submit(.request(request)) }

  /// Has `task` carried out after all requests submitted so far. It gets to know which of them have no answer yet.
  package func submit(_ task: DriveTask) {
    startIfNeeded()
    lock.withLock {
      for request in unanswered.values { task.note(request) }
      tasks.append(task)
      queue.append(.task(task))
      lock.wakeAll()
    }
  }

  /// Calls `body` on the worker's thread when all requests submitted so far are carried out.
  package func visit(_ body: @escaping @Sendable () -> Void) { submit(.visit(body)) }

  private func submit(_ job: Job) {
    startIfNeeded()
    lock.withLock {
      queue.append(job)
      lock.wakeAll()
    }
  }

  private func startIfNeeded() {
    if thread == nil { thread = HostThread { [self] in work() } }
  }

  /// The guest has got the answer to a request.
  package func noteDelivery(of id: UInt64) {
    lock.withLock { _ = unanswered.removeValue(forKey: id) }
  }

  /// Carries out what was submitted and ends the thread. Completions still go to the inbox.
  package func finish() {
    lock.withLock {
      isClosing = true
      lock.wakeAll()
    }
    thread?.join()
    thread = nil
  }

  private func work() {
    while let batch = nextBatch() {
      for job in batch {
        switch job {
        case .request(let request): complete(request)
        case .task(let task):
          lock.withLock { tasks.removeAll { $0 === task } }
          if let failure { task.fail(failure) } else { task.perform(on: image) }
        case .visit(let body): body()
        }
      }
    }
  }

  /// All that waits, or nil when the worker is to end.
  private func nextBatch() -> [Job]? {
    lock.withLock {
      while queue.isEmpty {
        if isClosing { return nil }
        lock.wait()
      }
      defer { queue = [] }
      return queue
    }
  }

  private func complete(_ request: BlockRequest) {
    do throws(Failure) {
      answer(request, succeeded: true, data: try storage.perform(request))
    } catch {
      // A read that failed changed nothing: the guest hears of it. After a failed write nobody can say what the
      // drive holds, and no replay could bring it back: the run ends here.
      if case .read = request.operation {
        answer(request, succeeded: false, data: [])
      } else {
        failure = failure ?? error
        inbox.report(error)
      }
    }
  }

  private func answer(_ request: BlockRequest, succeeded: Bool, data: [UInt8]) {
    lock.withLock {
      let result = UnansweredRequest(drive: request.drive, id: request.id, data: data)
      unanswered[request.id] = result
      // Those tasks were given after the request, when the guest had no answer to it.
      for task in tasks { task.note(result) }
    }
    inbox.offer(
      .blockCompletion(
        BlockCompletion(drive: request.drive, id: request.id, succeeded: succeeded, data: data)))
  }
}
