// SPDX-License-Identifier: Apache-2.0

import CoreDump
import DiskImage
import Glibc
import HostSystem
import RecordingStore

/// A dump into a descriptor that a client passed.
///
/// Into a file it goes from where the descriptor stands, and what the file had from there on is gone, so that holes are zeros.
/// Whatever takes bytes only one after the other (a pipe, a socket, a file that is appended to) gets the dump when it is complete:
/// until then it lies in a temporary file, as its parts come in any order. The flags of the descriptor are the client's as well and are
/// left as they are.
package final class PassedFile: DumpDestination {
  private static let pieceSize = 64 << 10
  /// Nanoseconds that a reader may take nothing for.
  private static let patience: UInt64 = 60_000_000_000

  /// Held so that it stays open.
  private let owner: OwnedDescriptor
  private let descriptor: Int32
  /// Where the dump begins in the file.
  private let start: off_t
  private var size: UInt64 = 0
  /// What the dump lies in before it goes into a stream.
  private let spool: Int32?
  private let mayGoOn: () -> Bool

  /// - Parameter mayGoOn: false when nobody wants the dump any more.
  package init(_ descriptor: OwnedDescriptor, mayGoOn: @escaping () -> Bool) throws(Failure) {
    owner = descriptor
    self.descriptor = descriptor.number
    self.mayGoOn = mayGoOn
    var status = stat()
    let flags = fcntl(descriptor.number, F_GETFL)
    guard flags >= 0, fstat(descriptor.number, &status) == 0 else {
      throw .system(errno, path: "fd", doing: "cannot look at it")
    }
    guard flags & O_ACCMODE != O_RDONLY, flags & Self.isPath == 0 else {
      throw Failure(.file, "fd", "is not open for writing", remedy: "pass a descriptor that is")
    }
    let place = lseek(descriptor.number, 0, SEEK_CUR)
    if status.st_mode & S_IFMT == S_IFREG, flags & O_APPEND == 0, place >= 0 {
      (start, spool) = (place, nil)
      guard uninterrupted({ ftruncate(descriptor.number, place) }) == 0 else {
        throw .system(errno, path: "fd", doing: "cannot set its size")
      }
    } else {
      (start, spool) = (
        0, try withImageFailures { () throws(DiskImageError) in try TemporaryFile().descriptor }
      )
    }
  }

  deinit { if let spool { close(spool) } }

  package func setSize(_ size: UInt64) throws(OutputError) {
    guard let end = off_t(exactly: size), !start.addingReportingOverflow(end).overflow else {
      throw OutputError(number: EFBIG, doing: "cannot set its size")
    }
    if size > self.size { self.size = size }
    guard uninterrupted({ ftruncate(spool ?? descriptor, start + end) }) == 0 else {
      throw OutputError(number: errno, doing: "cannot set its size")
    }
  }

  package func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError) {
    let target = spool ?? descriptor
    let place = start + off_t(offset)
    let problem = transferAll(bytes.count) { done in
      pwrite(target, bytes.baseAddress.map { $0 + done }, bytes.count - done, place + off_t(done))
    }
    if let problem { throw OutputError(number: problem, doing: "cannot write it") }
    size = max(size, offset + UInt64(bytes.count))
  }

  package func synchronize() throws(OutputError) {
    guard let spool else {
      // As after writing byte by byte: what the client writes next comes behind.
      guard lseek(descriptor, start + off_t(size), SEEK_SET) >= 0 else {
        throw OutputError(number: errno, doing: "cannot write it")
      }
      return
    }
    // A reader that went away is an error to be told, not a signal. Blocked, it stays with this thread.
    var signals = sigset_t()
    sigemptyset(&signals)
    sigaddset(&signals, SIGPIPE)
    pthread_sigmask(SIG_BLOCK, &signals, nil)
    let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceSize, alignment: 16)
    defer { piece.deallocate() }
    var done: UInt64 = 0
    while done < size {
      let count = pread(spool, piece.baseAddress, Int(min(UInt64(piece.count), size - done)), off_t(done))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        throw OutputError(number: count == 0 ? EIO : errno, doing: "cannot read it back")
      }
      // What was cancelled is not committed either.
      guard try pass(UnsafeRawBufferPointer(rebasing: piece[..<count])) else { return }
      done += UInt64(count)
    }
  }

  /// Writes to the stream without ever being stuck in it: whoever reads it may have gone to sleep. False when it was cancelled.
  private func pass(_ bytes: UnsafeRawBufferPointer) throws(OutputError) -> Bool {
    var done = 0
    var deadline = HostClock.monotonic() + Self.patience
    while done < bytes.count {
      var state = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
      let isReady = poll(&state, 1, 100)
      guard mayGoOn() else { return false }
      guard isReady > 0 else {
        if HostClock.monotonic() > deadline {
          throw OutputError(number: ETIMEDOUT, doing: "cannot write it")
        }
        continue
      }
      // There is room for so much in a pipe that can be written at all (pipe(7)).
      let part = UnsafeRawBufferPointer(rebasing: bytes[done..<min(done + Int(PIPE_BUF), bytes.count)])
      var count = send(descriptor, part.baseAddress, part.count, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
      if count < 0, errno == ENOTSOCK { count = Glibc.write(descriptor, part.baseAddress, part.count) }
      if count > 0 {
        done += count
        deadline = HostClock.monotonic() + Self.patience
      } else if count == 0 || ![EINTR, EAGAIN].contains(errno) {
        throw OutputError(number: count == 0 ? ENOSPC : errno, doing: "cannot write it")
      }
    }
    return true
  }

  package func commit() throws(OutputError) {}

  package func discard() {
    guard spool == nil else { return }
    // What is there of it is of no use. When that fails too, the failure that led here is the one to show.
    _ = ftruncate(descriptor, start)
  }

  /// O_PATH of <fcntl.h>, which the Glibc module leaves out.
  private static let isPath: Int32 = 0o10000000
}
