// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// Ctrl-C on our own terminal, and being asked to end, while a debugger is served.
enum Interruption {
  private static let isRequested = Atomic<Bool>(false)
  private static let isEnding = Atomic<Bool>(false)

  /// From now on the signals are noted instead of ending the process. Calls that wait come back.
  static func listen() {
    var action = sigaction()
    // No SA_RESTART: `poll` and `read` are to return.
    action.__sigaction_handler.sa_handler = { number in
      if number != SIGINT { Interruption.isEnding.store(true, ordering: .relaxed) }
      Interruption.isRequested.store(true, ordering: .relaxed)
    }
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] {
      sigaction(number, &action, nil)
      sigaddset(&signals, number)
    }
    // The main thread takes them before any other that waits for them (`StopSignals`).
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    signal(SIGPIPE, SIG_IGN)
  }

  /// Whether there was any since it was asked last.
  static func take() -> Bool { isRequested.exchange(false, ordering: .relaxed) }

  /// Whether we were asked to end by more than Ctrl-C.
  static var mustEnd: Bool { isEnding.load(ordering: .relaxed) }
}
