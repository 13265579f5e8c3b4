// SPDX-License-Identifier: Apache-2.0

// For `environ`, which nothing here changes.
@preconcurrency import Glibc

/// A command that runs in a shell, with one end of a pipe.
package final class ShellProcess {
  /// What is written goes to the command, or what is read comes from it. Whoever uses it closes it.
  package let descriptor: Int32
  private let command: String
  private var identifier: pid_t
  private var status: Int32?

  /// - Parameter writing: whether the command gets something, or gives it.
  package init(_ command: String, writing: Bool) throws(Failure) {
    self.command = command
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw .system(errno, path: "exec:\(command)", doing: "cannot make a pipe")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let (mine, its) = writing ? (ends[1], ends[0]) : (ends[0], ends[1])
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, its, writing ? 0 : 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // A group of its own, so that all of a pipeline can be ended; and none of the signals that rrtool blocks.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    sigaddset(&signals, SIGPIPE)
    sigaddset(&signals, SIGXFSZ)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup("sh"), strdup("-c"), strdup(command), nil]
    defer { for argument in arguments { free(argument) } }
    var started: pid_t = 0
    let problem = posix_spawn(&started, "/bin/sh", &actions, &attributes, &arguments, environ)
    close(its)
    descriptor = mine
    identifier = started
    guard problem == 0 else {
      close(mine)
      status = 0
      throw .system(problem, path: "exec:\(command)", doing: "cannot start it")
    }
  }

  deinit { kill() }

  /// Waits at most so many nanoseconds for the command's end; what went wrong with it, if something did by then.
  package func endFailure(waiting nanoseconds: UInt64) -> Failure? {
    let deadline = HostClock.monotonic() + nanoseconds
    while status == nil {
      var found: Int32 = 0
      if waitpid(identifier, &found, WNOHANG) == identifier {
        status = found
      } else {
        guard HostClock.monotonic() < deadline else { return nil }
        usleep(5000)
      }
    }
    guard let status, status != 0 else { return nil }
    let how =
      status & 0x7f == 0 ? "ended with status \(status >> 8 & 0xff)" : "was ended by signal \(status & 0x7f)"
    return Failure(
      .host, "exec:\(command)", "the command \(how)", remedy: "see what it said, and try again")
  }

  /// Ends it, and what it started.
  package func kill() {
    guard status == nil else { return }
    var found: Int32 = 0
    if waitpid(identifier, &found, WNOHANG) != identifier {
      Glibc.kill(-identifier, SIGKILL)
      waitpid(identifier, &found, 0)
    }
    status = found
  }
}
