import Emulator

/// Carries out the requests of one drive on a thread of its own, in the order in which they were made.
///
/// When a request is done depends on the host; that it is done after all requests before it does not. A replay, which
/// carries out requests in the same order, therefore reads the same bytes.
package final class BlockWorker: @unchecked Sendable {
  // Sendable: `queue` and `isClosing` are touched with `lock` held, `storage` by the worker's thread alone
  // until `finish` has joined it, `thread` by the machine's thread alone.
  private let lock = ConditionLock()
  private var queue: [BlockRequest] = []
  private var isClosing = false
  private let storage: any DriveStorage
  private let inbox: Inbox
  private var thread: HostThread?

  /// Completions go to `inbox`. The thread starts with the first request; `finish` must then be called.
  package init(storage: any DriveStorage, inbox: Inbox) {
    self.storage = storage
    self.inbox = inbox
  }

  package func submit(_ request: BlockRequest) {
    if thread == nil { thread = HostThread { [self] in work() } }
    lock.withLock {
      queue.append(request)
      lock.wakeAll()
    }
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
      for request in batch { complete(request) }
    }
  }

  /// All that waits, or nil when the worker is to end.
  private func nextBatch() -> [BlockRequest]? {
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
      let data = try storage.perform(request)
      inbox.offer(
        .blockCompletion(BlockCompletion(drive: request.drive, id: request.id, succeeded: true, data: data)))
    } catch {
      // A read that failed changed nothing: the guest hears of it. After a failed write nobody can say what the
      // drive holds, and no replay could bring it back: the run ends here.
      if case .read = request.operation {
        inbox.offer(
          .blockCompletion(BlockCompletion(drive: request.drive, id: request.id, succeeded: false, data: [])))
      } else {
        inbox.report(error)
      }
    }
  }
}
