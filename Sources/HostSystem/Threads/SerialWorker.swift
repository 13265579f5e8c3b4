// SPDX-License-Identifier: Apache-2.0

/// A thread that does what it is given, one after the other. Unlike a dispatch queue, which waits for ever where the host has no
/// thread left, it ends with a line then.
package final class SerialWorker: Sendable {
  private let work = Work()

  package init() {
    // It ends by itself when nobody can give it anything any more.
    HostThread { [work] in work.run() }.abandon()
  }

  deinit { work.close() }

  package func async(_ body: @escaping @Sendable () -> Void) { work.add(body) }

  /// Waits until all is done that was given before, then runs `body` on the caller's thread; nothing else runs meanwhile.
  package func sync(_ body: () -> Void) {
    work.begin()
    body()
    work.end()
  }

  /// Sendable: everything is touched within `lock` alone.
  private final class Work: @unchecked Sendable {
    private let lock = ConditionLock()
    private var waiting: [@Sendable () -> Void] = []
    private var isBusy = false
    private var isClosed = false

    func add(_ body: @escaping @Sendable () -> Void) {
      lock.withLock {
        waiting.append(body)
        lock.wakeAll()
      }
    }

    func close() {
      lock.withLock {
        isClosed = true
        lock.wakeAll()
      }
    }

    func begin() {
      lock.withLock {
        while isBusy || !waiting.isEmpty { lock.wait() }
        isBusy = true
      }
    }

    func end() {
      lock.withLock {
        isBusy = false
        lock.wakeAll()
      }
    }

    func run() {
      while let bodies = take() {
        for body in bodies { body() }
        end()
      }
    }

    /// All that waits, or nil when there is nothing to come.
    private func take() -> [@Sendable () -> Void]? {
      lock.withLock {
        while isBusy || waiting.isEmpty {
          if waiting.isEmpty, isClosed { return nil }
          lock.wait()
        }
        isBusy = true
        defer { waiting.removeAll() }
        return waiting
      }
    }
  }
}
