// SPDX-License-Identifier: Apache-2.0

/// What ended a command, in the words of its result. The names never change.
enum EndKind: String, CaseIterable, Sendable {
  /// The guest switched the machine off.
  case guestExit = "guest-exit"
  /// The guest can never go on: every hart waits ...
  case deadlock
  /// ... or some run, and can do nothing else any more.
  case lost
  /// `--max-instructions`.
  case limit
  case timeout
  /// The console said what `--stop-on` waits for.
  case match = "stop-on"
  /// A signal, Ctrl-A x, or the monitor's `quit`.
  case interrupted
  /// A replay did something else than the recording, or one engine something else than the other.
  case divergence
  /// rrtool could not do it: a file, the host, damage.
  case failure
  /// The request makes no sense.
  case usage
  /// A replay came to where `--to` wants it.
  case position
  /// A replay came to the end of the recording, where somebody else than the guest ended the run, or its recorder was killed.
  case endOfRecording = "end-of-recording"
  /// A replay's debugger went, or was ended.
  case debugger
  /// A recording was checked, and is good.
  case good
}
