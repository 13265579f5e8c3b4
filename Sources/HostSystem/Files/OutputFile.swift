// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A file that stands under its name only when it is complete: it is written beside that, then renamed.
package final class OutputFile {
  private let path: String
  private let temporaryPath: String
  private let replaces: Bool
  private var descriptor: Int32
  private let output: UncachedFile

  /// Makes the file. `replaces` says whether one that stands under the name may be replaced, and `advice` what to do otherwise.
  package init(
    path: String, replaces: Bool, permissions: mode_t = 0o600,
    advice: String = "remove it, or choose another name"
  ) throws(Failure) {
    self.path = path
    self.replaces = replaces
    switch HostFiles.kind(of: path) {
    case nil where path.isEmpty:
      throw Failure(.usage, "''", "is no name for a file", remedy: "name one")
    case nil: break
    case .regular? where replaces: break
    case .regular?:
      throw Failure(.exists, path, "there is a file already", remedy: advice)
    case .folder?, .other?:
      throw Failure(.file, path, "is not a regular file", remedy: "choose another name")
    }
    var number = 0
    while true {
      let name = "\(path).\(getpid()).\(number).partial"
      let descriptor = HostFiles.open(name, for: .creating, permissions: permissions)
      if descriptor >= 0 {
        // Nobody takes it for one that a killed process left.
        flock(descriptor, LOCK_EX | LOCK_NB)
        self.descriptor = descriptor
        output = UncachedFile(descriptor)
        temporaryPath = name
        return
      }
      guard errno == EEXIST, number < 1000 else {
        throw .system(errno, path: path, doing: "cannot create it")
      }
      number += 1
    }
  }

  deinit { discard() }

  /// Sets the size, before anything is written; what is not written reads as zeros.
  package func setSize(_ size: UInt64) throws(OutputError) {
    guard let size = off_t(exactly: size) else {
      throw OutputError(number: EFBIG, doing: "cannot set its size")
    }
    guard uninterrupted({ ftruncate(descriptor, size) }) == 0 else {
      throw OutputError(number: errno, doing: "cannot set its size")
    }
  }

  /// Writes all of `bytes` at `offset`. No place is written twice.
  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError) {
    try output.write(bytes, at: offset)
  }

  /// What is written is on the disk. Must precede `commit`.
  package func synchronize() throws(OutputError) {
    try output.flush()
    guard uninterrupted({ fsync(descriptor) }) == 0 else {
      throw OutputError(number: errno, doing: "cannot write it")
    }
  }

  /// Puts it under its name.
  package func commit() throws(OutputError) {
    if !replaces {
      // Unlike a rename, a link replaces nothing that came there meanwhile.
      if link(temporaryPath, path) == 0 {
        unlink(temporaryPath)
        release()
        return
      }
      guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else {
        throw OutputError(number: errno, doing: "cannot put it in place")
      }
    }
    guard rename(temporaryPath, path) == 0 else {
      throw OutputError(number: errno, doing: "cannot put it in place")
    }
    release()
  }

  /// Removes what was written. Also after a failed `commit`.
  package func discard() {
    guard descriptor >= 0 else { return }
    unlink(temporaryPath)
    release()
  }

  private func release() {
    close(descriptor)
    descriptor = -1
  }
}

/// The host does not take what it is given.
public struct OutputError: Error, Equatable, Sendable {
  /// The host's error number.
  public var number: Int32
  /// What was tried: "cannot write it".
  public var doing: String

  public init(number: Int32, doing: String) {
    self.number = number
    self.doing = doing
  }
}
