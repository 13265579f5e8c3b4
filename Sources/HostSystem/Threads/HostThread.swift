// SPDX-License-Identifier: Apache-2.0

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
