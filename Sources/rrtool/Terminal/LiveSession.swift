// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem
import Monitor

/// A run with what is around it: console, monitors, signals and terminal are set up for it and put back after it.
enum LiveSession {
  /// - Parameters:
  ///   - options: who may control it; nil: nobody, because the run does not look at its controls.
  ///   - isIncoming: the run waits for a guest that comes from elsewhere.
  ///   - timeout: nanoseconds of the host's after which the run is to end.
  static func run<Result>(
    at port: any SerialPort, monitor options: MonitorOptions?, isIncoming: Bool = false,
    timeout: UInt64? = nil,
    _ body: (Inbox, any ConsoleOutput, RunControl) throws -> Result
  ) throws -> Result {
    let inbox = Inbox()
    defer { port.finish() }
    let control = RunControl(inbox: inbox, isPaused: options?.paused ?? false, isIncoming: isIncoming)
    let target = options.map { _ in MonitorTarget(control) }
    let server = try options?.qmp.map { (text) throws(Failure) in try MonitorServer(text) }
    defer {
      target?.finish()
      server?.finish()
    }
    StopSignals.call { inbox.requestStop(.signal($0)) }
    let timer = timeout.map { RunTimer($0) { inbox.requestStop(.timeout) } }
    defer { timer?.cancel() }
    port.start(inbox, monitor: target)
    if let server, let target { server.start(target, inbox: inbox) }
    return try body(inbox, port.output, control)
  }
}
