// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// Says that a recording is looked into: a lock on its manifest that goes with the process. Whoever moves it or takes it away heeds it.
public final class RecordingUse: Sendable {
  private let file: OwnedDescriptor

  /// Nil when there is no manifest to be opened.
  public init?(_ path: String) {
    let descriptor = HostFiles.open(path + "/" + Recording.manifestName, for: .reading, followsLink: false)
    guard descriptor >= 0 else { return nil }
    file = OwnedDescriptor(descriptor)
  }

  /// Notes that it is used. Where the file system has no locks, nothing comes of it.
  public func begin() {
    // Whoever looks whether it is used holds its lock for a moment.
    for _ in 0..<20 {
      guard uninterrupted({ flock(file.number, LOCK_SH | LOCK_NB) }) != 0, errno == EWOULDBLOCK else {
        return
      }
      usleep(5_000)
    }
  }

  /// Whether nobody else uses it; nobody can begin to as long as this is held.
  public var isAlone: Bool {
    uninterrupted { flock(file.number, LOCK_EX | LOCK_NB) } == 0 || errno != EWOULDBLOCK
  }
}
