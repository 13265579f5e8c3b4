// SPDX-License-Identifier: Apache-2.0

/// An L2 table or a reference count block in memory: the bytes of one cluster as they are in the file, and which of them
/// the file does not have yet.
final class MetadataCluster {
  /// Where the cluster is in the file.
  let offset: Int
  private let buffer: RawBuffer
  private var dirtyLow = Int.max
  private var dirtyHigh = 0

  var isDirty: Bool { dirtyHigh > dirtyLow }
  var bytes: UnsafeMutableRawBufferPointer { buffer.bytes }

  /// A new cluster of zeros, all to be written.
  init(new offset: Int, size: Int) {
    self.offset = offset
    buffer = RawBuffer(count: size)
    markDirty(0, size)
  }

  init(reading offset: Int, size: Int, from file: ImageFile) throws(DiskImageError) {
    self.offset = offset
    buffer = RawBuffer(count: size)
    try file.read(at: offset, into: buffer.bytes)
  }

  /// The big-endian 64-bit entry number `index`.
  subscript(index: Int) -> UInt64 {
    get { UInt64(bigEndian: bytes.load(fromByteOffset: index * 8, as: UInt64.self)) }
    set {
      bytes.storeBytes(of: newValue.bigEndian, toByteOffset: index * 8, as: UInt64.self)
      markDirty(index * 8, index * 8 + 8)
    }
  }

  func markDirty(_ low: Int, _ high: Int) {
    dirtyLow = min(dirtyLow, low)
    dirtyHigh = max(dirtyHigh, high)
  }

  func write(to file: ImageFile) throws(DiskImageError) {
    guard isDirty else { return }
    try file.write(
      at: offset + dirtyLow, from: UnsafeRawBufferPointer(bytes).slice(dirtyLow, dirtyHigh - dirtyLow))
    dirtyLow = .max
    dirtyHigh = 0
  }
}
