// SPDX-License-Identifier: Apache-2.0

/// Who wants a run to end before it comes to an end by itself.
public enum StopCause: Equatable, Sendable {
  /// Its user, in as many words: Ctrl-A x, or `quit` at the monitor.
  case user
  /// A signal to the process, by its number: Ctrl-C, SIGTERM.
  case signal(Int32)
  /// It took as much of the host's time as it was given.
  case timeout
}
