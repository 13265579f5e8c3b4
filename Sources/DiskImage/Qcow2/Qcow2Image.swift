// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// How a cluster is compressed; every reader of qcow2 reads the result.
public enum ClusterCompression: Sendable {
  /// While somebody waits, or needs the processor.
  case fast
  /// For images that are kept or sent.
  case small
}

/// A qcow2 image: versions 2 and 3, any cluster size and reference count width, compressed clusters, backing files and
/// internal snapshots. docs/formats/disk-images.md says what is supported.
///
/// What is read and written through the image itself is its active state. `openSnapshot` reads any snapshot beside it,
/// and `createSnapshot` makes one from any other, without touching the active state.
///
/// Data is written at once; tables are kept in memory until `flush`, or until there are many. The process can be killed
/// at any moment: the file then holds the state of some moment since the last flush in every cluster, all snapshots
/// whole, and at worst clusters that are counted as used and are not (see `RefcountTable`).
public final class Qcow2Image: BlockImage {
  package let file: ImageFile
  /// Where the clusters of data are: in `file`, unless the image has them in a file of their own.
  let data: ImageFile
  let compression: Qcow2Compression
  let geometry: Qcow2Geometry
  let version: UInt32
  public let backing: (any BlockImage)?
  /// The name and format of the backing file as the image states them.
  public let backingFile: String?
  public let backingFormat: String?

  let active: Qcow2Tree
  let refcounts: RefcountTable
  var snapshotTable: Qcow2SnapshotTable
  private(set) var bitmaps: Qcow2Bitmaps?
  /// The dirty bitmaps that do not follow what is written to the image since it was opened for that.
  public private(set) var outOfDateBitmaps: [String] = []
  /// L2 tables by their offset in the file.
  var l2Tables: [Int: MetadataCluster] = [:]
  var dirtyL2Tables: Set<Int> = []
  /// The most L2 tables that are kept: 64 MiB of them.
  let l2TableLimit: Int
  /// Where the next compressed cluster may go: behind the last one, in the same cluster of the file.
  var compressedTail: Int?
  /// The last compressed cluster that was read, by its L2 entry.
  var unpacked: (entry: UInt64, bytes: RawBuffer)?
  /// How many snapshots have been deleted since the image was opened.
  var deletions = 0
  private(set) lazy var fastDeflater = FastDeflater()
  private(set) lazy var zeros = RawBuffer(count: geometry.clusterSize)

  public var size: Int { active.diskSize }
  public var isReadOnly: Bool { file.isReadOnly }
  public var path: String { file.path }
  public var clusterSize: Int { geometry.clusterSize }

  /// The file that has the clusters of data, if it is another one.
  public var dataFile: String? { geometry.hasExternalData ? data.path : nil }

  /// - Parameter data: the external data file of an image that has one.
  init(
    file: ImageFile, data: ImageFile? = nil, header: Qcow2Header, backing: (any BlockImage)?
  ) throws(DiskImageError) {
    self.file = file
    self.data = data ?? file
    compression = header.compression
    self.backing = backing
    backingFile = header.backingFile
    backingFormat = header.backingFormat
    geometry = header.geometry
    version = header.version
    l2TableLimit = max(16, (64 << 20) >> header.geometry.clusterBits)
    active = try Qcow2Tree(
      reading: header.l1Offset, count: header.l1Count, diskSize: header.size, isActive: true, from: file)
    refcounts = try RefcountTable(file: file, header: header)
    snapshotTable = try Qcow2SnapshotTable(reading: file, header: header)
    bitmaps = try Qcow2Bitmaps(reading: file, header: header)
    refcounts.clusterWasFreed = { [unowned self] cluster in forget(cluster) }
    if !file.isReadOnly { try prepareForWriting(header) }
  }

  /// Refuses to write where that could destroy data, and clears what a writer that does not know it must clear.
  private func prepareForWriting(_ header: Qcow2Header) throws(DiskImageError) {
    let readOnlyFeature: String? =
      geometry.hasSubclusters
      ? "extended L2 entries (subclusters)" : geometry.hasExternalData ? "an external data file" : nil
    if let readOnlyFeature {
      throw DiskImageError(
        .refused, path: path, problem: "it has \(readOnlyFeature), and such images are only read",
        advice: "put an overlay over it, or convert it with 'qemu-img convert -O qcow2'")
    }
    guard !header.isDirty else {
      throw DiskImageError(
        .refused, path: path, problem: "it was not closed properly and its reference counts may be wrong",
        advice: "repair it with 'qemu-img check -r all'")
    }
    var metadata: [(offset: Int, bytes: Int)] = [
      (0, clusterSize), (active.offset, active.l1.count * 8),
      (refcounts.tableOffset, refcounts.tableClusters * clusterSize),
      (snapshotTable.offset, snapshotTable.byteCount),
    ]
    metadata += refcounts.table.filter { $0 != 0 }.map { (Int($0), clusterSize) }
    metadata += snapshotTable.snapshots.map { ($0.l1Offset, $0.l1Count * 8) }
    for (offset, bytes) in metadata {
      let first = offset >> geometry.clusterBits
      for cluster in first..<first + geometry.clusters(bytes) {
        guard try refcounts.count(of: cluster) > 0 else { throw refcounts.countIsZero(cluster) }
      }
    }
    outOfDateBitmaps = try bitmaps?.markOutOfDate(in: file) ?? []
    let kept = bitmaps == nil ? 0 : Qcow2Bitmaps.autoclearBit
    if header.autoclearFeatures != kept {
      var writer = ByteWriter()
      writer.bigEndianUInt64(kept)
      try file.write(at: Qcow2Header.autoclearField, writer.bytes)
    }
  }

  // MARK: BlockImage

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    try read(active, at: offset, into: buffer)
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    try checkWritable(offset, bytes.count)
    try write(active, at: offset, from: bytes, compressing: nil)
  }

  /// Writes like `write`, storing each touched cluster compressed where that makes it smaller.
  public func writeCompressed(
    at offset: Int, from bytes: UnsafeRawBufferPointer, _ compression: ClusterCompression
  ) throws(DiskImageError) {
    try checkWritable(offset, bytes.count)
    try write(active, at: offset, from: bytes, compressing: compression)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    try checkWritable(offset, count)
    try writeZeroes(active, at: offset, count: count)
  }

  public func flush() throws(DiskImageError) {
    guard !isReadOnly else { return }
    try refcounts.write()
    for offset in dirtyL2Tables.sorted() {
      try l2Tables[offset]?.write(to: file)
      dirtyL2Tables.remove(offset)
    }
    try active.write(to: file)
    try refcounts.applyReleases()
  }

  // MARK: L2 tables

  /// The L2 table that an L1 entry refers to, or nil where it refers to none.
  func l2Table(_ tree: Qcow2Tree, _ index: Int) throws(DiskImageError) -> MetadataCluster? {
    guard index < tree.l1.count else { return nil }
    let entry = tree.l1[index]
    guard entry != 0 else { return nil }
    let offset = Int(entry & TableEntry.offsetMask)
    if let table = l2Tables[offset] { return table }
    guard entry & ~(TableEntry.offsetMask | TableEntry.copied) == 0, offset != 0 else {
      throw .damaged(path, "entry \(index) of an L1 table has reserved bits set")
    }
    try bounds.check(UInt64(offset), bytes: clusterSize, what: "an L2 table")
    if l2Tables.count >= l2TableLimit {
      // Callers hold on to no table across this call.
      if !isReadOnly { try flush() }
      l2Tables.removeAll(keepingCapacity: true)
    }
    let table = try MetadataCluster(reading: offset, size: clusterSize, from: file)
    l2Tables[offset] = table
    return table
  }

  func setEntry(_ table: MetadataCluster, _ index: Int, _ entry: UInt64) {
    table[index] = entry
    dirtyL2Tables.insert(table.offset)
  }

  var bounds: Qcow2Geometry.FileBounds { geometry.fileBounds(path: path, fileSize: file.size) }

  /// What entry number `slot` of a table means; anything that does not lie inside the file is damage. Of an extended entry
  /// this is what its first word says: which cluster it keeps in use.
  func mapping(_ table: MetadataCluster, _ slot: Int) throws(DiskImageError) -> ClusterMapping {
    try mapping(table[slot * geometry.l2EntryWords])
  }

  /// What is said of unit number `unit` (`Qcow2Geometry.unitSize`) of what a table covers.
  func unitMapping(_ table: MetadataCluster, _ unit: Int) throws(DiskImageError) -> ClusterMapping {
    guard geometry.hasSubclusters else { return try mapping(table[unit]) }
    let (slot, index) = unit.quotientAndRemainder(dividingBy: Qcow2Geometry.subclusterCount)
    let bitmap = table[2 * slot + 1]
    guard
      let mapping = geometry.mapping(
        ofSubcluster: index, bitmap: bitmap, in: try mapping(table[2 * slot]))
    else {
      throw .damaged(
        path, "an L2 table holds the bitmap 0x\(String(bitmap, radix: 16)), which is no valid one")
    }
    return mapping
  }

  /// What an L2 entry, or the first word of an extended one, means.
  func mapping(_ entry: UInt64) throws(DiskImageError) -> ClusterMapping {
    guard let mapping = geometry.mapping(entry, version: version) else {
      throw .damaged(path, "an L2 table holds 0x\(String(entry, radix: 16)), which is no valid entry")
    }
    let end = geometry.hasExternalData ? geometry.roundUp(min(data.size, 1 << 60)) : bounds.end
    switch mapping {
    case .unallocated: break
    case .zero(let offset), .standard(let offset):
      guard offset < end else {
        throw .damaged(path, "a cluster at offset \(offset) lies past the end of \(dataFile ?? "the file")")
      }
    case .compressed(let offset, _):
      // The last sector may reach past the end of the file; the stream itself ends before.
      guard offset < end, offset >= clusterSize else {
        throw .damaged(path, "a compressed cluster at offset \(offset) lies outside the file's clusters")
      }
    }
    return mapping
  }

  /// Called when a cluster of the file has become free: nothing in memory may stand for it any longer.
  private func forget(_ cluster: Int) {
    let offset = cluster << geometry.clusterBits
    l2Tables[offset] = nil
    dirtyL2Tables.remove(offset)
    unpacked = nil
    if let tail = compressedTail, tail >> geometry.clusterBits == cluster { compressedTail = nil }
  }
}
