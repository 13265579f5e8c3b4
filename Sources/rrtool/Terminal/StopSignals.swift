import Glibc
import HostSystem
import RecordReplay

/// Ctrl-C, and what else asks a program to end.
enum StopSignals {
  /// From now on the first of these signals calls `body`, on a thread of its own, instead of ending the process. A second
  /// one ends the process.
  static func call(_ body: @escaping @Sendable () -> Void) {
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    // Threads that start later inherit this: the signals wait for the thread below.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    HostThread {
      var signals = waited
      var number: Int32 = 0
      while sigwait(&signals, &number) != 0 {}
      body()
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }.abandon()
  }
}
