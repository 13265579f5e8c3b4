import ByteCoding
import Glibc

/// A thread of the host that may block: one for each drive, one for the console.
package final class HostThread: Sendable {
  // pthread_t is a plain number here, written once in `init`.
  private let thread: pthread_t

  /// How much less urgent than the rest of the process a thread in the background is, as `nice` has it.
  private static let backgroundNiceness: Int32 = 10

  /// Starts a thread that runs `body` once. It must be joined, or detached by `abandon`.
  ///
  /// - Parameter inBackground: where there are fewer processors than threads that want one, the others go first.
  package init(inBackground: Bool = false, _ body: @escaping @Sendable () -> Void) {
    let box = Unmanaged.passRetained(
      Body {
        // Here 0 is the calling thread.
        if inBackground { setpriority(Int32(PRIO_PROCESS.rawValue), 0, Self.backgroundNiceness) }
        body()
      })
    var started = pthread_t()
    let status = pthread_create(
      &started, nil,
      { argument in
        // The pointer is the box retained above, taken back exactly once; pthread passes what it was given.
        Unmanaged<Body>.fromOpaque(argument!).takeRetainedValue().run()
        return nil
      }, box.toOpaque())
    guard status == 0 else {
      giveUp("the host has no thread left", remedy: "raise the limit on processes, or end some")
    }
    thread = started
  }

  package func join() { pthread_join(thread, nil) }
  /// For a thread that may wait for ever on a descriptor: nobody will join it.
  package func abandon() { pthread_detach(thread) }

  private final class Body {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
  }
}

/// A mutual exclusion lock with a condition to wait for, for state that host threads share.
package final class ConditionLock: @unchecked Sendable {
  // Sendable: both live at fixed addresses for as long as the object, and are made to be used by several threads.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  package func withLock<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Only within `withLock`. Waits until `wakeAll`, `deadline` (`HostClock.monotonic`; nil: none) or for no reason.
  package func wait(until deadline: UInt64? = nil) {
    guard let deadline else {
      pthread_cond_wait(condition, mutex)
      return
    }
    var time = timespec()
    time.tv_sec = Int(clamping: deadline / 1_000_000_000)
    time.tv_nsec = Int(deadline % 1_000_000_000)
    pthread_cond_timedwait(condition, mutex, &time)
  }

  package func wakeAll() { pthread_cond_broadcast(condition) }
}
