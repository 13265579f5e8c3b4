// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A folder that is held on to: what is done through it is done in this very folder, wherever it is moved to and whatever stands at
/// its old name by then. Its lock says that somebody writes in it, and goes with the process.
package final class OpenFolder: Sendable {
  package let descriptor: Int32

  /// Nil when there is no folder, and `errno` says why. A link to one is none.
  package init?(_ path: String) {
    let opened = HostFiles.open(path, for: .folder, followsLink: false)
    // Before the property is set: what has all its properties is taken down again, and that would say something else in errno.
    if opened < 0 { return nil }
    descriptor = opened
  }

  deinit {
    // Explicitly: a child process on its way from fork to exec still holds the descriptor, and with it the lock.
    flock(descriptor, LOCK_UN)
    close(descriptor)
  }

  /// Whether it is ours now, or its file system has no locks. False: somebody else has it.
  package func lock(shared: Bool = false) -> Bool {
    uninterrupted { flock(descriptor, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) } == 0 || errno != EWOULDBLOCK
  }

  /// Whether somebody else has the lock.
  package var isLockedElsewhere: Bool {
    guard uninterrupted({ flock(descriptor, LOCK_SH | LOCK_NB) }) != 0 else {
      flock(descriptor, LOCK_UN)
      return false
    }
    return errno == EWOULDBLOCK
  }

  /// A path that leads to a file in this very folder, as long as this object lives.
  package func path(of name: String, otherwise path: String) -> String {
    let folder = "/proc/self/fd/\(descriptor)"
    // Where /proc is not mounted, the name has to do.
    return HostFiles.kind(of: folder) == .folder ? "\(folder)/\(name)" : path
  }
}
