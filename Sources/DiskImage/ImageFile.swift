// SPDX-License-Identifier: Apache-2.0

import Glibc
import HostSystem

/// An open regular file, read and written at given places.
package final class ImageFile {
  package let path: String
  let isReadOnly: Bool
  /// What tells that two names are one file.
  let identity: HostFiles.Identity
  private let descriptor: Int32
  private let lock: ImageLock?
  /// The file's size in bytes. No one else changes it while it is open for writing (`ImageLock`).
  private(set) var size: Int

  /// A test's hook, called before each write with its place and bytes. A result other than 0 is the error number that
  /// the write then fails with.
  package var beforeWrite: ((_ offset: Int, _ bytes: UnsafeRawBufferPointer) -> Int32)?

  /// Opens an existing regular file. Everything else (a device, a folder, a pipe) is refused: it has no fixed contents.
  convenience init(opening path: String, readOnly: Bool, sharing: ImageSharing = .any) throws(DiskImageError)
  {
    let descriptor = HostFiles.open(path, for: readOnly ? .reading : .updating)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot be opened") }
    try self.init(owning: descriptor, path: path, readOnly: readOnly, sharing: readOnly ? sharing : .writing)
  }

  /// Makes a new empty file. An existing one is never touched.
  convenience init(creating path: String) throws(DiskImageError) {
    let descriptor = HostFiles.open(path, for: .creating)
    guard descriptor >= 0 else { throw .system(errno, path: path, doing: "cannot be created") }
    try self.init(owning: descriptor, path: path, readOnly: false, sharing: .writing)
  }

  private init(
    owning descriptor: Int32, path: String, readOnly: Bool, sharing: ImageSharing
  ) throws(DiskImageError) {
    lock = ImageLock(sharing)
    var status = stat()
    let failed = fstat(descriptor, &status) != 0
    let number = errno
    self.descriptor = descriptor
    self.path = path
    isReadOnly = readOnly
    size = Int(status.st_size)
    identity = HostFiles.Identity(status)
    // From here on deinit closes the descriptor.
    if failed { throw .system(number, path: path, doing: "cannot be examined") }
    guard status.st_mode & S_IFMT == S_IFREG else {
      let kind =
        switch status.st_mode & S_IFMT {
        case S_IFBLK: "a block device"
        case S_IFCHR: "a character device"
        case S_IFDIR: "a folder"
        case S_IFIFO: "a pipe"
        default: "not a regular file"
        }
      throw DiskImageError(
        .refused, path: path, problem: "it is \(kind), whose contents a recording cannot hold on to",
        advice: "copy it to a regular file and use that")
    }
    guard lock?.take(descriptor) != false else {
      throw DiskImageError(
        .refused, path: path,
        problem: readOnly ? "another process has it open for writing" : "another process has it open",
        advice: "wait until that has ended, or work on a copy")
    }
  }

  deinit {
    lock?.release(descriptor)
    close(descriptor)
  }

  /// Fills `buffer` from `offset`; what lies past the file's end reads as zeros.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress.map { $0 + done }, buffer.count - done, offset + done)
      if count > 0 {
        done += count
      } else if count == 0 {
        buffer.slice(done, buffer.count - done).zero()
        return
      } else if errno != EINTR {
        throw .system(errno, path: path, doing: "cannot be read at offset \(offset + done)")
      }
    }
  }

  func read(at offset: Int, count: Int) throws(DiskImageError) -> [UInt8] {
    let buffer = RawBuffer(count: count)
    try read(at: offset, into: buffer.bytes)
    return Array(buffer.bytes)
  }

  func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    guard !isReadOnly else { throw .readOnly(path) }
    if let beforeWrite {
      let number = beforeWrite(offset, bytes)
      if number != 0 { throw .system(number, path: path, doing: "cannot be written at offset \(offset)") }
    }
    var done = 0
    while done < bytes.count {
      let count = pwrite(descriptor, bytes.baseAddress.map { $0 + done }, bytes.count - done, offset + done)
      if count > 0 {
        done += count
        size = max(size, offset + done)
      } else if count == 0 {
        throw .system(ENOSPC, path: path, doing: "cannot be written at offset \(offset + done)")
      } else if errno != EINTR {
        throw .system(errno, path: path, doing: "cannot be written at offset \(offset + done)")
      }
    }
  }

  func write(at offset: Int, _ bytes: [UInt8]) throws(DiskImageError) {
    let buffer = RawBuffer(copying: bytes)
    try write(at: offset, from: UnsafeRawBufferPointer(buffer.bytes))
  }

  /// Sets the file's size; new space reads as zeros.
  func resize(to newSize: Int) throws(DiskImageError) {
    guard !isReadOnly else { throw .readOnly(path) }
    guard uninterrupted({ ftruncate(descriptor, newSize) }) == 0 else {
      throw .system(errno, path: path, doing: "cannot be resized to \(newSize) bytes")
    }
    size = newSize
  }

  /// Linux's SEEK_DATA, which its C header shows only to those who ask for GNU extensions.
  private static let seekData: Int32 = 3

  /// Where the next bytes at or after `offset` are that may not be zeros, or the file's size when none are.
  func nextData(from offset: Int) -> Int {
    let found = lseek(descriptor, offset, Self.seekData)
    if found >= offset { return min(found, size) }
    // ENXIO: only a hole is left. Any other error: a file system that does not know, so all is data.
    return errno == ENXIO ? size : offset
  }
}
