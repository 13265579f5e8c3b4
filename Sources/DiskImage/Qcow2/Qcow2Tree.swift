// SPDX-License-Identifier: Apache-2.0

/// One state of a qcow2 image: an L1 table and what hangs off it. The active state is one, each snapshot another.
///
/// Trees share L2 tables and clusters; a reference count of more than one says so, and whoever changes such a table or
/// cluster copies it first. That makes no difference between the active state and a snapshot being made.
final class Qcow2Tree {
  /// The L1 table: offsets of L2 tables with `TableEntry.copied`, or 0.
  private(set) var l1: [UInt64]
  /// Where the L1 table is in the file; 0 while it is nowhere yet.
  let offset: Int
  /// The size of the disk in this state, in bytes.
  let diskSize: Int
  /// Whether bit 63 of the entries is kept accurate, as it must be in the active state and nowhere else.
  let isActive: Bool
  private(set) var dirty: Range<Int>?

  init(l1: [UInt64], offset: Int, diskSize: Int, isActive: Bool) {
    self.l1 = l1
    self.offset = offset
    self.diskSize = diskSize
    self.isActive = isActive
  }

  init(
    reading offset: Int, count: Int, diskSize: Int, isActive: Bool, from file: ImageFile
  ) throws(DiskImageError) {
    let raw = RawBuffer(count: count * 8)
    try file.read(at: offset, into: raw.bytes)
    l1 = (0..<count).map { UInt64(bigEndian: raw.bytes.load(fromByteOffset: $0 * 8, as: UInt64.self)) }
    self.offset = offset
    self.diskSize = diskSize
    self.isActive = isActive
  }

  func set(_ index: Int, _ entry: UInt64) {
    l1[index] = entry
    dirty = min(dirty?.lowerBound ?? index, index)..<max(dirty?.upperBound ?? 0, index + 1)
  }

  /// Writes what has changed to where the tree is.
  func write(to file: ImageFile) throws(DiskImageError) {
    guard let range = dirty, offset != 0 else { return }
    try write(range, to: file, at: offset)
    dirty = nil
  }

  /// Writes the whole table to a new place.
  func writeAll(to file: ImageFile, at place: Int) throws(DiskImageError) {
    try write(0..<l1.count, to: file, at: place)
  }

  private func write(_ range: Range<Int>, to file: ImageFile, at place: Int) throws(DiskImageError) {
    let raw = RawBuffer(count: range.count * 8)
    for index in range {
      raw.bytes.storeBytes(
        of: l1[index].bigEndian, toByteOffset: (index - range.lowerBound) * 8, as: UInt64.self)
    }
    try file.write(at: place + range.lowerBound * 8, from: UnsafeRawBufferPointer(raw.bytes))
  }
}
