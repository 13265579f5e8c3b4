// SPDX-License-Identifier: Apache-2.0

/// A disk's contents: a fixed number of bytes that can be read and, unless it is read-only, written.
///
/// An image is used by one thread at a time; it does no locking of its own. A snapshot's view shares its image's file
/// and tables and counts as the same image. Nothing here depends on sector boundaries, but the size is always a whole
/// number of 512-byte sectors.
public protocol BlockImage: AnyObject {
  /// The size in bytes that the guest sees, a multiple of 512.
  var size: Int { get }
  var isReadOnly: Bool { get }
  /// The file's path, for messages.
  var path: String { get }

  /// Fills `buffer` with the bytes at `offset`.
  func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError)

  /// Writes all of `bytes` at `offset`. What was there is lost only where the write succeeded.
  func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError)

  /// Makes `count` bytes at `offset` read as zeros, and gives their space back where the format can.
  ///
  /// This is a guest's discard too: the range reads as zeros afterwards on every kind of image and with every cluster
  /// size, so that a replay over another kind of image sees the same.
  func writeZeroes(at offset: Int, count: Int) throws(DiskImageError)

  /// Hands everything written so far to the operating system, so that it is in the file whatever happens to this
  /// process. It does not wait for the disk under the file.
  func flush() throws(DiskImageError)
}

extension BlockImage {
  public static var sectorSize: Int { 512 }

  /// `count` bytes at `offset`.
  public func read(at offset: Int, count: Int) throws(DiskImageError) -> [UInt8] {
    try checkRange(offset, count)
    let buffer = RawBuffer(count: count)
    try read(at: offset, into: buffer.bytes)
    return Array(buffer.bytes)
  }

  public func write(at offset: Int, _ bytes: [UInt8]) throws(DiskImageError) {
    let buffer = RawBuffer(copying: bytes)
    try write(at: offset, from: UnsafeRawBufferPointer(buffer.bytes))
  }

  func checkRange(_ offset: Int, _ count: Int) throws(DiskImageError) {
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
      throw .outOfRange(path, offset: offset, count: count, size: size)
    }
  }

  func checkWritable(_ offset: Int, _ count: Int) throws(DiskImageError) {
    guard !isReadOnly else { throw .readOnly(path) }
    try checkRange(offset, count)
  }
}
