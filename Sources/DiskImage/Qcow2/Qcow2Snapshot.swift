// SPDX-License-Identifier: Apache-2.0

/// A snapshot of a qcow2 image, for reading: its disk as a `BlockImage`, and its vm state.
///
/// It shares the image's file and tables, and is one image with it as far as threads go. It cannot be read any more once
/// the snapshot has been deleted.
public final class Qcow2Snapshot: BlockImage {
  public let info: SnapshotInfo
  let image: Qcow2Image
  let tree: Qcow2Tree
  private let serial: Int
  private var seenDeletions: Int

  public var size: Int { tree.diskSize }
  public var isReadOnly: Bool { true }
  public var path: String { image.path }

  init(image: Qcow2Image, entry: Qcow2SnapshotTable.Entry, tree: Qcow2Tree) {
    self.image = image
    self.tree = tree
    info = entry.info
    serial = entry.serial
    seenDeletions = image.deletions
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    try checkExists()
    try image.read(tree, at: offset, into: buffer)
  }

  /// Whether a range is known to have been written in neither snapshot since they have it in common: both have the very same
  /// clusters there. Both must have been opened by one image. Where there are no data the answer is false.
  public func shares(with other: Qcow2Snapshot, at offset: Int, count: Int) throws(DiskImageError) -> Bool {
    precondition(other.image === image, "snapshots of one image are compared")
    try checkRange(offset, count)
    try other.checkRange(offset, count)
    try checkExists()
    try other.checkExists()
    return try image.share(tree, other.tree, at: offset, count: count)
  }

  /// The whole vm state. It may not be larger than `maximumSize` bytes: the size is the file's own word.
  public func vmState(maximumSize: Int = 1 << 30) throws(DiskImageError) -> [UInt8] {
    try checkExists()
    guard info.vmStateSize <= maximumSize else {
      throw .damaged(path, "the vm state of snapshot '\(info.name)' has \(info.vmStateSize) bytes")
    }
    let buffer = RawBuffer(count: info.vmStateSize)
    try image.read(tree, at: image.vmStateOffset(tree), into: buffer.bytes)
    return Array(buffer.bytes)
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    throw .readOnly(path)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) { throw .readOnly(path) }

  public func flush() throws(DiskImageError) {}

  func checkExists() throws(DiskImageError) {
    guard seenDeletions != image.deletions else { return }
    guard image.snapshotTable.snapshots.contains(where: { $0.serial == serial }) else {
      throw DiskImageError(
        .snapshot, path: path, problem: "snapshot '\(info.name)' has been deleted", advice: "open another one"
      )
    }
    seenDeletions = image.deletions
  }
}

/// Writes the changes of a snapshot that is being made. It must not be used after the closure that it was given to.
public final class SnapshotWriter {
  private let image: Qcow2Image
  private let tree: Qcow2Tree
  private var isFinished = false

  /// The disk's size in bytes in the new snapshot.
  public var size: Int { tree.diskSize }
  public var clusterSize: Int { image.clusterSize }

  init(image: Qcow2Image, tree: Qcow2Tree) {
    self.image = image
    self.tree = tree
  }

  /// Writes to the new snapshot's disk. Compressed data is best written in whole clusters: each write packs every
  /// cluster that it touches anew. Clusters of zeros take no space when compressed.
  public func write(
    at offset: Int, from bytes: UnsafeRawBufferPointer, compressed: Bool
  ) throws(DiskImageError) {
    try check(offset, bytes.count)
    try image.write(tree, at: offset, from: bytes, compressing: compressed ? .fast : nil)
  }

  public func write(at offset: Int, _ bytes: [UInt8], compressed: Bool) throws(DiskImageError) {
    let buffer = RawBuffer(copying: bytes)
    try write(at: offset, from: UnsafeRawBufferPointer(buffer.bytes), compressed: compressed)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    try check(offset, count)
    try image.writeZeroes(tree, at: offset, count: count)
  }

  func finish() { isFinished = true }

  private func check(_ offset: Int, _ count: Int) throws(DiskImageError) {
    precondition(!isFinished, "a snapshot's writer was used after the snapshot was finished")
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
      throw .outOfRange(image.path, offset: offset, count: count, size: size)
    }
  }
}
