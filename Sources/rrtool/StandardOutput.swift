// SPDX-License-Identifier: Apache-2.0

import Execution
import Glibc
import HostSystem
import Synchronization

/// Standard output, in large writes; and whether all that was to be written, there and elsewhere, has arrived.
enum StandardOutput {
  private struct State {
    var waiting: [UInt8] = []
    /// Nothing more can be written.
    var isBroken = false
    /// What was lost first, unless nobody wanted it any more.
    var failure: Failure?
  }

  private static let limit = 64 << 10
  private static let state = Mutex(State())

  /// Takes text, to be written before the command ends.
  static func write(_ text: String) { write(Array(text.utf8)) }

  static func write(_ bytes: [UInt8]) {
    state.withLock { state in
      state.waiting += bytes
      if state.waiting.count >= limit { flush(&state) }
    }
  }

  /// Refuses a terminal for what `subject` is to write, which no one could read there.
  static func checkIsNoTerminal(_ subject: String, _ what: String, remedy: String) throws(Failure) {
    guard Terminal.isTerminal(1) else { return }
    throw Failure(.usage, subject, "\(what), and standard output a terminal", remedy: remedy)
  }

  /// Has all that was taken written now.
  static func flush() { state.withLock { flush(&$0) } }

  /// Something that the user was to get was lost, at the place that the failure names.
  static func note(_ failure: Failure) { state.withLock { $0.failure = $0.failure ?? failure } }

  /// The same of what a descriptor took no longer. A reader that has gone away does not count: it had enough.
  static func note(problem: Int32, of name: String) {
    guard problem != EPIPE else { return }
    note(.system(problem, path: name, doing: "not all could be written"))
  }

  /// Writes the rest; what was lost, if something was.
  static func finish() -> Failure? {
    state.withLock { state in
      flush(&state)
      return state.failure
    }
  }

  private static func flush(_ state: inout State) {
    defer { state.waiting.removeAll(keepingCapacity: true) }
    guard !state.isBroken, !state.waiting.isEmpty else { return }
    let output = DescriptorConsoleOutput(descriptor: 1)
    output.write(state.waiting)
    guard let problem = output.problem else { return }
    state.isBroken = true
    guard problem != EPIPE else { return }
    state.failure =
      state.failure ?? .system(problem, path: "standard output", doing: "not all could be written")
  }
}

/// Shows a line of a command's result.
func show(_ line: String) { StandardOutput.write(line + "\n") }

/// Writes text to standard output as it is, at once.
func writeOutput(_ text: String) {
  StandardOutput.write(text)
  StandardOutput.flush()
}
