// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem
import Synchronization

/// Ctrl-C, and what else asks a program to end.
enum StopSignals {
  private struct State {
    /// What the next signal calls, once.
    var body: (@Sendable (Int32) -> Void)?
    /// What is done before a signal ends the process, the last that was said first.
    var farewells: [@Sendable (Int32) -> Void] = []
    var isListening = false
    var last = SIGINT
  }

  private static let numbers = [SIGINT, SIGTERM, SIGHUP]
  private static let state = Mutex(State())

  /// From now on the first of these signals calls `body` with its number, on a thread of its own, instead of ending the process. A
  /// second one ends the process.
  static func call(_ body: @escaping @Sendable (Int32) -> Void) {
    state.withLock { $0.body = body }
    listen()
  }

  /// Has signals wait for their own thread from now on: to be said before any other thread starts, as whichever does not have them wait
  /// is ended by them, with the process.
  static func prepare() { listen() }

  /// The number of the last one that came.
  static var last: Int32 { state.withLock { $0.last } }

  /// The next signal ends the process again. False: one has come, and has called or is about to call what was to be called.
  static func forget() -> Bool {
    state.withLock { state in
      defer { state.body = nil }
      return state.body != nil
    }
  }

  /// Before a signal ends the process, `farewell` is called with its number.
  static func beforeEnd(_ farewell: @escaping @Sendable (Int32) -> Void) {
    state.withLock { $0.farewells.append(farewell) }
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
        let (body, farewells) = state.withLock { state in
          defer { state.body = nil }
          state.last = number
          return (state.body, state.farewells)
        }
        if let body {
          body(number)
        } else if !ignored.contains(number) {
          for farewell in farewells.reversed() { farewell(number) }
          signal(number, SIG_DFL)
          pthread_sigmask(SIG_UNBLOCK, &signals, nil)
          kill(getpid(), number)
        }
      }
    }.abandon()
  }
}
