import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A run against the real outside: console, signals and terminal are set up for it and put back after it.
enum LiveSession {
  static func run(
    serial: String, _ body: (Inbox, any ConsoleOutput) throws -> RunResult
  ) throws -> RunResult {
    let inbox = Inbox()
    let port = try SerialPorts.open(serial)
    defer { port.finish() }
    StopSignals.send(to: inbox)
    port.start(inbox)
    return try body(inbox, port.output)
  }
}

/// Ctrl-C, and what else asks a program to end.
private enum StopSignals {
  /// From now on these signals end the run instead of the process. A second one ends the process.
  static func send(to inbox: Inbox) {
    signal(SIGPIPE, SIG_IGN)
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    // Threads that start later inherit this: the signals wait for the thread below.
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let waited = signals
    inbox.onOwnThread {
      var signals = waited
      var number: Int32 = 0
      while sigwait(&signals, &number) != 0 {}
      inbox.requestStop()
      pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }
  }
}
