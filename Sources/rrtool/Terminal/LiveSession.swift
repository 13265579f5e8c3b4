import Monitor
import RecordReplay

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// A run with what is around it: console, monitors, signals and terminal are set up for it and put back after it.
enum LiveSession {
  /// - Parameter options: who may control it; nil: nobody, because the run does not look at its controls.
  static func run<Result>(
    at port: any SerialPort, monitor options: MonitorOptions?,
    _ body: (Inbox, any ConsoleOutput, RunControl) throws -> Result
  ) throws -> Result {
    let inbox = Inbox()
    defer { port.finish() }
    let control = RunControl(inbox: inbox, isPaused: options?.paused ?? false)
    let target = options.map { _ in MonitorTarget(control) }
    let server = try options?.qmp.map { (text) throws(Failure) in try MonitorServer(text) }
    defer { server?.finish() }
    StopSignals.send(to: inbox)
    port.start(inbox, monitor: target)
    if let server, let target { server.start(target, inbox: inbox) }
    return try body(inbox, port.output, control)
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
