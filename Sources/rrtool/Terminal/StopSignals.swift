// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// Ctrl-C, and what else asks a program to end.
enum StopSignals {
  private struct State {
    /// What the next signal calls, once.
    var body: (@Sendable () -> Void)?
    /// What is done before a signal ends the process.
    var farewell: (@Sendable () -> Void)?
    var isListening = false
  }

  private static let numbers = [SIGINT, SIGTERM, SIGHUP]
  private static let state = Mutex(State())

  /// From now on the first of these signals calls `body`, on a thread of its own, instead of ending the process. A second
  /// one ends the process.
  static func call(_ body: @escaping @Sendable () -> Void) {
    state.withLock { $0.body = body }
    listen()
  }

  /// The next signal ends the process again. False: one has come, and has called or is about to call what was to be called.
  static func forget() -> Bool {
    state.withLock { state in
      defer { state.body = nil }
      return state.body != nil
    }
  }

  /// Before a signal ends the process, `farewell` is called.
  static func beforeEnd(_ farewell: @escaping @Sendable () -> Void) {
    state.withLock { $0.farewell = farewell }
    listen()
  }

  private static func listen() {
    let isFirst = state.withLock { state in
      defer { state.isListening = true }
      return !state.isListening
    }
    guard isFirst else { return }
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in numbers { sigaddset(&signals, number) }
    // Those that the program was started without (nohup) do not end it.
    let ignored = numbers.filter { number in
      var action = sigaction()
      sigaction(number, nil, &action)
      return unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
        == unsafeBitCast(SIG_IGN, to: Int.self)
    }
    // Threads that start later inherit this: the signals wait for the thread below.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    HostThread {
      var signals = waited
      while true {
        var number: Int32 = 0
        while sigwait(&signals, &number) != 0 {}
        let (body, farewell) = state.withLock { state in
          defer { state.body = nil }
          return (state.body, state.farewell)
        }
        if let body {
          body()
        } else if !ignored.contains(number) {
          farewell?()
          signal(number, SIG_DFL)
          pthread_sigmask(SIG_UNBLOCK, &signals, nil)
          kill(getpid(), number)
        }
      }
    }.abandon()
  }
}
