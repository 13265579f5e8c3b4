// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// An open file; closed when the last reference goes. Safe to use from several threads: nothing here has a position.
final class LogFile: Sendable {
  let path: String
  private let descriptor: Int32

  /// Takes over an open descriptor.
  init(path: String, descriptor: Int32) {
    self.path = path
    self.descriptor = descriptor
  }

  deinit { Glibc.close(descriptor) }

  /// Creates a file that does not exist yet.
  static func create(_ path: String) throws(ReplayLogError) -> LogFile {
    let descriptor = HostFiles.open(path, for: .creating)
    guard descriptor >= 0 else {
      throw ReplayLogError(
        file: path, problem: errno == EEXIST ? .exists : .system(operation: "create it", code: errno))
    }
    return LogFile(path: path, descriptor: descriptor)
  }

  /// Opens a regular file for reading. Anything else, a pipe say, is refused and not waited for.
  static func open(_ path: String) throws(ReplayLogError) -> LogFile {
    let descriptor = HostFiles.open(path, for: .reading)
    guard descriptor >= 0 else {
      throw ReplayLogError(file: path, problem: .system(operation: "open it", code: errno))
    }
    let file = LogFile(path: path, descriptor: descriptor)
    guard try file.status().st_mode & S_IFMT == S_IFREG else {
      throw ReplayLogError(file: path, problem: .notAFile)
    }
    return file
  }

  func size() throws(ReplayLogError) -> UInt64 { UInt64(try status().st_size) }

  /// The bytes at `offset`: `count`, or fewer where the file ends.
  func read(_ count: Int, at offset: UInt64) throws(ReplayLogError) -> [UInt8] {
    var code: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      while filled < count {
        let got = pread(
          descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset) + off_t(filled))
        if got < 0 && errno == EINTR { continue }
        if got < 0 { code = errno }
        guard got > 0 else { return }
        filled += got
      }
    }
    guard code == 0 else {
      throw ReplayLogError(file: path, offset: offset, problem: .system(operation: "read it", code: code))
    }
    return bytes
  }

  /// Writes all of `bytes` at the end of what was written. Only one thread at a time.
  func append(_ bytes: [UInt8]) throws(ReplayLogError) {
    var code: Int32 = 0
    bytes.withUnsafeBytes { buffer in
      var rest = buffer[...]
      while !rest.isEmpty {
        // Not empty, so it has an address.
        let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress!, rest.count)
        if written < 0 && errno == EINTR { continue }
        guard written >= 0 else {
          code = errno
          return
        }
        rest = rest.dropFirst(written)
      }
    }
    guard code == 0 else {
      throw ReplayLogError(file: path, problem: .system(operation: "write it", code: code))
    }
  }

  /// Cuts the file to `size`, as far as that is possible.
  func cut(to size: UInt64) { _ = ftruncate(descriptor, off_t(size)) }

  /// Asks for errors of what was written that the host has not told of yet: a network file system tells of a full disk when
  /// a descriptor is closed.
  func checkWritten() throws(ReplayLogError) {
    let copy = dup(descriptor)
    guard copy >= 0, Glibc.close(copy) == 0 else {
      throw ReplayLogError(file: path, problem: .system(operation: "write it", code: errno))
    }
  }

  private func status() throws(ReplayLogError) -> stat {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw ReplayLogError(file: path, problem: .system(operation: "look at it", code: errno))
    }
    return status
  }
}
