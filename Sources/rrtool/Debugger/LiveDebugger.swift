// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Debugging
import Execution
import GDBRemote
import Glibc
import HostSystem
import Synchronization
import TimeTravel

/// Has debuggers come to a run that is being recorded, one at a time: it stops for them, and goes on when they leave.
final class LiveDebugger: RunVisitor {
  private let history: LiveHistory
  private let console: DebugConsole
  private let control: RunControl
  private let queue: DebuggerQueue

  /// Before the run begins.
  init(
    at listener: ListeningSocket, of recorder: Recorder, control: RunControl,
    checkpoints policy: CheckpointPolicy
  ) throws(Failure) {
    self.control = control
    console = DebugConsole()
    history = try LiveHistory(recorder, console: console, checkpoints: policy)
    let isPaused = control.state == .prelaunch
    say(
      (isPaused ? "waiting for a debugger: " : "a debugger can come: ") + "target remote \(listener.place)")
    queue = DebuggerQueue(listener, inbox: control.inbox)
  }

  /// Nobody can come any more.
  func finish() { queue.finish() }

  // MARK: RunVisitor

  var isWaiting: Bool { queue.isWaiting }
  func nextLook(after position: UInt64) -> UInt64 { history.nextCheckpoint(after: position) }
  func look() { history.tend() }

  func visit(_ loop: LiveLoop) {
    guard let client = queue.take() else { return }
    let inbox = control.inbox
    defer {
      close(client)
      // The next one may have come meanwhile, and a guest that sleeps would not look.
      if queue.isWaiting { inbox.nudge() }
    }
    let watch = SocketWatch(client) { inbox.nudge() }
    defer { watch.finish() }
    let target = LiveTarget(history, console: console, control: control, listen: watch.arm)
    let connection = LiveConnection(client, waitForClient: target.waitForClient)
    do throws(Failure) {
      try target.begin(loop)
    } catch {
      say("the debugger cannot be served: \(error)")
      return target.end()
    }
    let session = RemoteSession(
      target: target, connection: connection, isInterrupted: { inbox.isStopRequested })
    switch session.serve() {
    case .killed: inbox.requestStop()
    case .closed where loop.outcome == nil && !inbox.isStopRequested:
      say("the debugger has gone without a word; the guest goes on")
    default: break
    }
    target.end()
  }
}

extension Recorder {
  /// Runs to the end, with debuggers that come at `listener`; nil: without.
  func run(
    limit: UInt64?, stopOn pattern: BytePattern?, debuggersAt listener: ListeningSocket?, control: RunControl,
    checkpoints: CheckpointPolicy
  ) throws(Failure) -> RunResult {
    let debugger = try listener.map { (listener) throws(Failure) in
      try LiveDebugger(at: listener, of: self, control: control, checkpoints: checkpoints)
    }
    defer { debugger?.finish() }
    visitor = debugger
    return try run(limit: limit, stopOn: pattern, tell: say)
  }
}

/// Debuggers that have come and are not served yet.
///
/// Sendable: `client` and `isOver` are within a mutex.
private final class DebuggerQueue: Sendable {
  private struct State {
    var client: Int32?
    var isOver = false
  }

  private let state = Mutex(State())
  private let listener: ListeningSocket

  init(_ listener: ListeningSocket, inbox: Inbox) {
    self.listener = listener
    inbox.onOwnThread { [self] in
      // The one after the next waits in the socket's queue.
      while let client = listener.accept(while: { state.withLock { !$0.isOver } }) {
        state.withLock { $0.client = client }
        inbox.nudge()
        var looks = 0
        while state.withLock({ $0.client != nil && !$0.isOver }) {
          usleep(20_000)
          looks += 1
          if looks % 25 == 0 { encourage() }
        }
      }
    }
  }

  /// An acknowledgement, twice a second: a client that hears nothing for a few seconds sends its packet again, and gives up.
  private func encourage() {
    state.withLock { state in
      guard let client = state.client else { return }
      _ = send(client, "+", 1, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
    }
  }

  var isWaiting: Bool { state.withLock { $0.client != nil } }

  func take() -> Int32? {
    state.withLock { state in
      defer { state.client = nil }
      return state.client
    }
  }

  func finish() {
    listener.removeName()
    state.withLock { $0.isOver = true }
  }
}
