// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// A gdb on this terminal, which we started. It shares our process group, so that the terminal is its to read, and
/// Ctrl-C and Ctrl-Z reach both.
final class DebuggerProcess {
  private let process: pid_t
  private var status: Int32?

  /// - Parameter program: found by PATH when it names no folder.
  init(_ program: String, arguments: [String]) throws(Failure) {
    let words = ([program] + arguments).map { strdup($0) }
    defer { for word in words { free(word) } }
    // A signal that we ignore would be ignored by gdb as well.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for number in [SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGXFSZ] { sigaddset(&defaults, number) }
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
    var started = pid_t()
    let problem = posix_spawnp(&started, program, nil, &attributes, words + [nil], environ)
    guard problem == 0 else {
      throw Failure(
        .file, program, "cannot start the debugger: \(String(cString: strerror(problem)))",
        remedy: "install gdb-multiarch, name another one with --debugger, or serve any client with --gdb")
    }
    process = started
  }

  var isRunning: Bool {
    guard status == nil else { return false }
    var raw: Int32 = 0
    if waitpid(process, &raw, WNOHANG) == process { status = Self.exitStatus(raw) }
    return status == nil
  }

  /// Asks it to end.
  func end() { if isRunning { kill(process, SIGTERM) } }

  /// Waits for its end. The status is 128 and more when a signal ended it.
  func wait() -> Int32 {
    while status == nil {
      var raw: Int32 = 0
      if waitpid(process, &raw, 0) == process {
        status = Self.exitStatus(raw)
      } else if errno != EINTR {
        status = 1
      }
    }
    return status ?? 1
  }

  /// What `wait` packs into one number: a signal in the low seven bits, else the status in the eight above.
  private static func exitStatus(_ raw: Int32) -> Int32 {
    raw & 0x7f == 0 ? raw >> 8 & 0xff : 128 + raw & 0x7f
  }
}
