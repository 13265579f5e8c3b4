// SPDX-License-Identifier: Apache-2.0

/// The sizes that follow from a qcow2 image's cluster size, the width of its reference counts and the form of its L2 entries.
///
/// A *cluster number* is a place in the file divided by the cluster size; a *guest cluster* is a place on the disk
/// divided by it.
struct Qcow2Geometry: Equatable {
  static let clusterBitsRange = 9...21

  /// A cluster of an image with extended L2 entries is so many subclusters, each of which is there or not by itself.
  static let subclusterCount = 32
  /// With smaller clusters subclusters would be smaller than sectors.
  static let subclusterBitsMinimum = 14

  let clusterBits: Int
  let refcountOrder: Int
  /// Whether L2 entries are extended: a second word says of each subcluster whether it is there.
  var hasSubclusters = false
  /// Whether the clusters that entries name lie in another file, in which the first one may be at 0.
  var hasExternalData = false

  var clusterSize: Int { 1 << clusterBits }
  /// What an entry can say something about: a subcluster, or a cluster.
  var unitSize: Int { hasSubclusters ? clusterSize / Self.subclusterCount : clusterSize }
  /// Words of 64 bits in an L2 entry.
  var l2EntryWords: Int { hasSubclusters ? 2 : 1 }
  /// Entries in an L2 table, which is one cluster.
  var l2Count: Int { 1 << (clusterBits - 3) / l2EntryWords }
  /// Bytes of the disk that one L1 entry covers.
  var l2Coverage: Int { l2Count << clusterBits }
  var refcountBits: Int { 1 << refcountOrder }
  /// Reference counts in a reference count block, which is one cluster.
  var refcountsPerBlock: Int { 1 << (clusterBits + 3 - refcountOrder) }
  var maximumRefcount: UInt64 { refcountOrder == 6 ? .max : (1 << UInt64(refcountBits)) - 1 }

  func l1Count(covering size: Int) -> Int { divideRoundingUp(size, l2Coverage) }
  func clusters(_ bytes: Int) -> Int { divideRoundingUp(bytes, clusterSize) }
  /// The clusters of a table that begins one.
  func clusters(at offset: Int, bytes: Int) -> Range<Int> {
    let first = offset >> clusterBits
    return first..<first + clusters(bytes)
  }
  func roundUp(_ bytes: Int) -> Int { clusters(bytes) << clusterBits }

  /// Rounds up without overflow for all counts from 0 to `Int.max`.
  private func divideRoundingUp(_ value: Int, _ divisor: Int) -> Int {
    value / divisor + (value % divisor == 0 ? 0 : 1)
  }

  func fileBounds(path: String, fileSize: Int) -> FileBounds {
    FileBounds(path: path, end: roundUp(min(fileSize, 1 << 60)), clusterSize: clusterSize)
  }

  /// Checks places in the file that the file itself states.
  ///
  /// The last cluster may be cut short, as fresh images of QEMU's are: what is missing reads as zeros.
  struct FileBounds {
    let path: String
    let end: Int
    let clusterSize: Int

    func check(_ offset: UInt64, bytes: Int, what: String) throws(DiskImageError) {
      guard offset % UInt64(clusterSize) == 0, offset != 0 || bytes == 0 else {
        throw .damaged(path, "\(what) starts at offset \(offset), which is not the start of a cluster")
      }
      guard offset <= UInt64(end), bytes <= end - Int(offset) else {
        throw .damaged(path, "\(what) at offset \(offset) runs past the end of the file")
      }
    }
  }
}

/// What an entry of an L2 table says about a guest cluster.
enum ClusterMapping: Equatable {
  /// Nothing here: the backing file's contents, or zeros.
  case unallocated
  /// Zeros, whatever the backing file holds. A place in the file may be kept for later (0: none).
  case zero(reserved: Int)
  /// The cluster's bytes lie at this offset.
  case standard(Int)
  /// A compressed stream at this offset, any byte, at most this long.
  case compressed(offset: Int, size: Int)
}

/// The bits of L1 and L2 entries ("Cluster mapping" in the specification).
enum TableEntry {
  /// The reference count is exactly one: QEMU writes in place without looking at the count.
  static let copied: UInt64 = 1 << 63
  static let compressed: UInt64 = 1 << 62
  static let zero: UInt64 = 1
  static let offsetMask: UInt64 = 0x00ff_ffff_ffff_fe00
}

extension Qcow2Geometry {
  /// Where the number of sectors begins in a compressed cluster's descriptor; the offset lies below.
  var compressedSectorShift: Int { 62 - (clusterBits - 8) }

  /// What `entry` means, or nil when no valid image has such an entry. Places are not yet checked against the file.
  func mapping(_ entry: UInt64, version: UInt32) -> ClusterMapping? {
    if entry & TableEntry.compressed != 0 {
      // Only what lies in the image itself can be compressed.
      guard !hasExternalData else { return nil }
      let descriptor = entry & ~(TableEntry.copied | TableEntry.compressed)
      let offset = Int(descriptor & ((1 << UInt64(compressedSectorShift)) - 1))
      guard entry & TableEntry.copied == 0, offset < 1 << 56 else { return nil }
      let sectors = Int(descriptor >> UInt64(compressedSectorShift)) + 1
      return .compressed(offset: offset, size: sectors * 512 - offset % 512)
    }
    let offset = Int(entry & TableEntry.offsetMask)
    let zero = version >= 3 && !hasSubclusters ? TableEntry.zero : 0
    let known = TableEntry.offsetMask | TableEntry.copied | zero
    guard entry & ~known == 0, offset & (clusterSize - 1) == 0 else { return nil }
    if entry & TableEntry.zero != 0 { return .zero(reserved: offset) }
    if offset == 0, !(hasExternalData && entry & TableEntry.copied != 0) { return .unallocated }
    return .standard(offset)
  }

  /// What an extended entry means for one of its subclusters, `cluster` being what its first word says and `bitmap` its
  /// second one; nil when no valid image has it.
  func mapping(ofSubcluster index: Int, bitmap: UInt64, in cluster: ClusterMapping) -> ClusterMapping? {
    let isAllocated = bitmap & 1 << UInt64(index) != 0
    let isZero = bitmap & 1 << UInt64(Self.subclusterCount + index) != 0
    switch cluster {
    case .compressed: return cluster
    case .standard(let offset):
      if isAllocated && isZero { return nil }
      if isZero { return .zero(reserved: offset) }
      return isAllocated ? .standard(offset + index * unitSize) : .unallocated
    case .unallocated, .zero:
      guard bitmap & ((1 << UInt64(Self.subclusterCount)) - 1) == 0 else { return nil }
      return isZero ? .zero(reserved: 0) : .unallocated
    }
  }

  /// The entry for `size` compressed bytes at `offset`, or nil when the descriptor cannot hold that place.
  func compressedEntry(offset: Int, size: Int) -> UInt64? {
    guard offset >> compressedSectorShift == 0, offset < 1 << 56 else { return nil }
    let additional = (offset + size - 1) / 512 - offset / 512
    return TableEntry.compressed | UInt64(additional) << UInt64(compressedSectorShift) | UInt64(offset)
  }

  /// The cluster numbers that an entry keeps in use; empty for none.
  func clusters(of mapping: ClusterMapping) -> Range<Int> {
    switch mapping {
    case .unallocated: 0..<0
    case .zero(let reserved): reserved == 0 ? 0..<0 : reserved >> clusterBits..<(reserved >> clusterBits) + 1
    case .standard(let offset): offset >> clusterBits..<(offset >> clusterBits) + 1
    case .compressed(let offset, let size): offset >> clusterBits..<((offset + size - 1) >> clusterBits) + 1
    }
  }
}
