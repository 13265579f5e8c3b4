// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Writes to a file past the host's page cache, where the file system can do that.
///
/// A dump is as large as its guest, and nobody reads it at once. In the page cache it would take the place of what others need; and
/// a host that writes so much back, and takes so much memory back when the file goes, holds up the guest's thread for milliseconds
/// now and then.
///
/// Bytes that follow each other are gathered into pieces. Of a piece, whole blocks go to the disk directly; what is left at
/// its ends, less than a block each, goes the ordinary way. A block is never written both ways in part, so that the two agree.
///
/// Not Sendable: one thread writes.
final class UncachedFile {
  private static let blockSize = 4096
  private static let pieceSize = 1 << 20

  private let descriptor: Int32
  /// As in the file, block by block: the byte at `index` belongs at `pieceStart + index`.
  private let piece: UnsafeMutableRawPointer
  /// Offset in the file, a multiple of `blockSize`.
  private var pieceStart: UInt64 = 0
  /// The part of the piece that is gathered.
  private var gathered = 0..<0
  private var isDirect: Bool

  /// - Parameter descriptor: of a regular file, open for writing; closed by its owner, after `flush`.
  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    piece = .allocate(byteCount: Self.pieceSize, alignment: Self.blockSize)
    isDirect = Self.setDirect(descriptor, true) && Self.setDirect(descriptor, false)
  }

  deinit { piece.deallocate() }

  /// Writes all of `bytes`, in the end: an error may come with a later call.
  func write(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(OutputError) {
    if pieceStart + UInt64(gathered.upperBound) != offset { try flush() }
    var done = 0
    while done < bytes.count {
      if gathered.isEmpty {
        let place = offset + UInt64(done)
        let inBlock = Int(place % UInt64(Self.blockSize))
        pieceStart = place - UInt64(inBlock)
        gathered = inBlock..<inBlock
      }
      let count = min(bytes.count - done, Self.pieceSize - gathered.upperBound)
      let part = UnsafeRawBufferPointer(rebasing: bytes[done..<done + count])
      UnsafeMutableRawBufferPointer(start: piece + gathered.upperBound, count: count).copyMemory(from: part)
      gathered = gathered.lowerBound..<gathered.upperBound + count
      done += count
      if gathered.upperBound == Self.pieceSize { try flush() }
    }
  }

  /// Gives what is gathered to the system. After an error nothing more may be written.
  func flush() throws(OutputError) {
    let range = gathered
    gathered = 0..<0
    let mask = Self.blockSize - 1
    let firstBlock = min((range.lowerBound + mask) & ~mask, range.upperBound)
    let blocksEnd = max(range.upperBound & ~mask, firstBlock)
    try put(range.lowerBound..<firstBlock)
    try putBlocks(firstBlock..<blocksEnd)
    try put(blocksEnd..<range.upperBound)
  }

  private func putBlocks(_ range: Range<Int>) throws(OutputError) {
    var rest = range
    if isDirect, !range.isEmpty, Self.setDirect(descriptor, true) {
      // What is left is not for this file system, or not in blocks of this size, or meets an error that will come again: the
      // ordinary way tells.
      rest = write(range).rest
      isDirect = rest.isEmpty
      guard Self.setDirect(descriptor, false) else {
        throw OutputError(number: errno, doing: "cannot write it")
      }
    }
    try put(rest)
  }

  private func put(_ range: Range<Int>) throws(OutputError) {
    let (rest, error) = write(range)
    guard rest.isEmpty else { throw OutputError(number: error, doing: "cannot write it") }
  }

  /// Writes as much as the system takes. Answers what it does not, and the number of its error.
  private func write(_ range: Range<Int>) -> (rest: Range<Int>, error: Int32) {
    var rest = range
    while !rest.isEmpty {
      let count = pwrite(descriptor, piece + rest.lowerBound, rest.count, fileOffset(rest.lowerBound))
      if count > 0 {
        rest = rest.lowerBound + count..<rest.upperBound
      } else if count == 0 || errno != EINTR {
        return (rest, count == 0 ? ENOSPC : errno)
      }
    }
    return (rest, 0)
  }

  private func fileOffset(_ index: Int) -> off_t { off_t(pieceStart) + off_t(index) }

  /// O_DIRECT of <fcntl.h>, which the Glibc module leaves out; a processor's own.
  #if arch(arm64)
    private static let direct: Int32 = 0o200000
  #else
    private static let direct: Int32 = 0o40000
  #endif

  private static func setDirect(_ descriptor: Int32, _ isDirect: Bool) -> Bool {
    let flags = fcntl(descriptor, F_GETFL)
    return flags >= 0 && fcntl(descriptor, F_SETFL, isDirect ? flags | direct : flags & ~direct) == 0
  }
}
