// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The reference counts of an image's clusters, and with them which clusters are free.
///
/// The order of writes is what keeps an image whole when the process is killed at any moment:
/// counts go up in the file *before* anything there refers to the cluster, and go down only *after* the last reference
/// is gone from the file. So a killed writer can leave clusters that are counted and not used (a leak), never the
/// reverse. `release` therefore only notes the cluster; `applyReleases` lowers the counts once the owner has written
/// its tables. A cluster that is noted cannot be allocated again before that.
final class RefcountTable {
  private let file: ImageFile
  private let geometry: Qcow2Geometry
  /// Offsets of the reference count blocks; 0 where all counts are zero and there is no block.
  private(set) var table: [UInt64]
  private(set) var tableOffset: Int
  private(set) var tableClusters: Int
  private var blocks: [MetadataCluster?]
  private var dirtyBlocks: Set<Int> = []
  private var dirtyEntries: Range<Int>?
  /// The table no longer fits where it is and needs a new place at the next write.
  private var needsNewPlace = false
  private var newPlace: (offset: Int, clusters: Int)?
  private var released: [Int] = []
  /// No cluster below this one is free.
  private var searchStart = 0

  /// Called when a count reaches zero: what was there may be overwritten from now on.
  var clusterWasFreed: ((Int) -> Void)?

  /// The table of an existing image, or of a new one whose first block the caller has put in place.
  init(file: ImageFile, header: Qcow2Header) throws(DiskImageError) {
    self.file = file
    geometry = header.geometry
    tableOffset = header.refcountTableOffset
    tableClusters = header.refcountTableClusters
    let raw = RawBuffer(count: tableClusters << geometry.clusterBits)
    try file.read(at: tableOffset, into: raw.bytes)
    table = (0..<raw.bytes.count / 8).map {
      UInt64(bigEndian: raw.bytes.load(fromByteOffset: $0 * 8, as: UInt64.self))
    }
    blocks = Array(repeating: nil, count: table.count)
    let bounds = geometry.fileBounds(path: file.path, fileSize: file.size)
    var seen: Set<UInt64> = []
    for entry in table where entry != 0 {
      try bounds.check(entry, bytes: geometry.clusterSize, what: "a reference count block")
      guard seen.insert(entry).inserted else {
        throw .damaged(file.path, "two reference count blocks at offset \(entry)")
      }
    }
  }

  /// How many references there are to a cluster. Releases that are only noted still count.
  func count(of cluster: Int) throws(DiskImageError) -> UInt64 {
    guard let block = try block(of: cluster) else { return 0 }
    return get(block, cluster & (geometry.refcountsPerBlock - 1))
  }

  /// Every cluster that has a reference, ascending. Releases that are only noted still count.
  func forEachClusterInUse(_ body: (Int) -> Void) throws(DiskImageError) {
    let perBlock = geometry.refcountsPerBlock
    for index in table.indices where table[index] != 0 {
      guard let block = try block(of: index * perBlock) else { continue }
      for slot in 0..<perBlock where get(block, slot) != 0 { body(index * perBlock + slot) }
    }
  }

  /// One more reference to each of some clusters, all of which are in use. When it throws, no count has changed.
  func retain(_ clusters: Range<Int>) throws(DiskImageError) {
    try forEachBlock(of: clusters) { (block, index, slots) throws(DiskImageError) in
      for slot in slots {
        let count = block.map { get($0, slot) } ?? 0
        guard count > 0 else { throw countIsZero(index * geometry.refcountsPerBlock + slot) }
        guard count < geometry.maximumRefcount else {
          throw DiskImageError(
            .limit, path: file.path,
            problem:
              "a cluster has \(count) references, the most that \(geometry.refcountBits)-bit counts can hold",
            advice: "delete snapshots, or convert the image with '-o refcount_bits=64'")
        }
      }
    }
    try forEachBlock(of: clusters) { (block, index, slots) throws(DiskImageError) in
      guard let block else { return }
      dirtyBlocks.insert(index)
      for slot in slots { set(block, slot, get(block, slot) + 1) }
    }
  }

  /// Takes back a `retain` of which nothing has been written that refers to it.
  func undoRetain(_ clusters: Range<Int>) throws(DiskImageError) {
    for cluster in clusters {
      let count = try count(of: cluster)
      if count > 0 { try set(cluster, count - 1) }
    }
  }

  private func forEachBlock(
    of clusters: Range<Int>,
    _ body: (_ block: MetadataCluster?, _ index: Int, _ slots: Range<Int>) throws(DiskImageError) -> Void
  ) throws(DiskImageError) {
    let perBlock = geometry.refcountsPerBlock
    var first = clusters.lowerBound
    while first < clusters.upperBound {
      let (index, slot) = first.quotientAndRemainder(dividingBy: perBlock)
      let count = min(perBlock - slot, clusters.upperBound - first)
      try body(try block(of: first), index, slot..<slot + count)
      first += count
    }
  }

  /// One reference less, from the moment on when the tables without it are in the file.
  func release(_ clusters: Range<Int>) { released.append(contentsOf: clusters) }

  func countIsZero(_ cluster: Int) -> DiskImageError {
    .damaged(
      file.path, "the cluster at offset \(cluster << geometry.clusterBits) is in use but counted as free")
  }

  // MARK: Allocation

  /// The offset of `clusters` free clusters in a row, now with one reference each. Their contents are undefined.
  func allocate(_ clusters: Int = 1) throws(DiskImageError) -> Int {
    let first = clusters == 1 ? try findFree() : try findFreeRun(clusters)
    for cluster in first..<first + clusters { try set(cluster, 1) }
    if clusters == 1 { searchStart = first + 1 }
    return first << geometry.clusterBits
  }

  /// Takes the very cluster that comes next in the file, for a run of them. False: it is not free.
  func take(_ cluster: Int) throws(DiskImageError) -> Bool {
    guard try block(of: cluster) != nil, try count(of: cluster) == 0 else { return false }
    try set(cluster, 1)
    if searchStart == cluster { searchStart += 1 }
    return true
  }

  private func findFree() throws(DiskImageError) -> Int {
    var cluster = searchStart
    while true {
      if try block(of: cluster) == nil {
        // Where a block is missing, every cluster that it would count is free: it can be put in the first one.
        try makeBlock(for: cluster, at: cluster)
        cluster += 1
      } else if try count(of: cluster) == 0 {
        return cluster
      } else {
        cluster += 1
      }
    }
  }

  private func findFreeRun(_ clusters: Int) throws(DiskImageError) -> Int {
    // First among the clusters that have blocks already.
    let perBlock = geometry.refcountsPerBlock
    var start = searchStart
    var run = 0
    while start + run < table.count * perBlock, run < clusters {
      if table[(start + run) / perBlock] == 0 {
        start = ((start + run) / perBlock + 1) * perBlock
        run = 0
      } else if try count(of: start + run) == 0 {
        run += 1
      } else {
        start += run + 1
        run = 0
      }
    }
    if run == clusters { return start }
    // Else behind everything that has a block: first the blocks that are needed there, then the run.
    let end = ((table.lastIndex { $0 != 0 } ?? -1) + 1) * perBlock
    var blockCount = 1
    while blockCount * perBlock < blockCount + clusters { blockCount += 1 }
    for index in 0..<blockCount { try makeBlock(for: end + index * perBlock, at: end + index) }
    return end + blockCount
  }

  /// Makes the block that counts `cluster` and puts it at `place`, whose own count may be in this or an earlier block.
  private func makeBlock(for cluster: Int, at place: Int) throws(DiskImageError) {
    let index = cluster / geometry.refcountsPerBlock
    try grow(toHold: index)
    let offset = place << geometry.clusterBits
    table[index] = UInt64(offset)
    blocks[index] = MetadataCluster(new: offset, size: geometry.clusterSize)
    dirtyBlocks.insert(index)
    dirtyEntries =
      min(dirtyEntries?.lowerBound ?? index, index)..<max(dirtyEntries?.upperBound ?? 0, index + 1)
    try set(place, 1)
  }

  private func grow(toHold index: Int) throws(DiskImageError) {
    guard index >= table.count else { return }
    let perCluster = geometry.clusterSize / 8
    let wanted = max(index + 1, table.count + table.count / 2)
    let count = (wanted + perCluster - 1) / perCluster * perCluster
    guard count * 8 <= max(Qcow2Header.maximumRefcountTableSize, geometry.clusterSize) else {
      throw DiskImageError(
        .limit, path: file.path,
        problem: "the file is as large as clusters of \(geometry.clusterSize) bytes allow",
        advice: "convert it with a larger cluster size")
    }
    table.append(contentsOf: repeatElement(0, count: count - table.count))
    blocks.append(contentsOf: repeatElement(nil, count: count - blocks.count))
    needsNewPlace = true
  }

  // MARK: Writing

  /// Writes all counts that have changed, but no release.
  func write() throws(DiskImageError) {
    // Finding a place may itself make the table grow; then that place is too small for it.
    while needsNewPlace, newPlace.map({ $0.clusters < geometry.clusters(table.count * 8) }) ?? true {
      if let newPlace { release(clusters(newPlace.offset, newPlace.clusters)) }
      newPlace = nil
      let needed = geometry.clusters(table.count * 8)
      newPlace = (try allocate(needed), needed)
    }
    for index in dirtyBlocks.sorted() {
      try blocks[index]?.write(to: file)
      dirtyBlocks.remove(index)
    }
    if let place = newPlace {
      // The table first, then the header's reference to it; only then is the old place free.
      try writeEntries(0..<table.count, at: place.offset)
      var field = ByteWriter()
      field.bigEndianUInt64(UInt64(place.offset))
      field.bigEndianUInt32(UInt32(place.clusters))
      try file.write(at: Qcow2Header.refcountTableField, field.bytes)
      release(clusters(tableOffset, tableClusters))
      (tableOffset, tableClusters) = place
      needsNewPlace = false
      newPlace = nil
    } else if let dirtyEntries {
      try writeEntries(dirtyEntries, at: tableOffset)
    }
    dirtyEntries = nil
  }

  private func clusters(_ offset: Int, _ count: Int) -> Range<Int> {
    offset >> geometry.clusterBits..<(offset >> geometry.clusterBits) + count
  }

  private func writeEntries(_ range: Range<Int>, at offset: Int) throws(DiskImageError) {
    let raw = RawBuffer(count: range.count * 8)
    for index in range {
      raw.bytes.storeBytes(
        of: table[index].bigEndian, toByteOffset: (index - range.lowerBound) * 8, as: UInt64.self)
    }
    try file.write(at: offset + range.lowerBound * 8, from: UnsafeRawBufferPointer(raw.bytes))
  }

  /// Lowers the counts of what was released, once nothing in the file refers to it any more.
  func applyReleases() throws(DiskImageError) {
    guard !released.isEmpty else { return }
    let clusters = released
    released = []
    for cluster in clusters {
      // A count of zero here is damage that was in the file before; the cluster is free already.
      let count = try count(of: cluster)
      guard count > 0 else { continue }
      try set(cluster, count - 1)
      if count == 1 {
        searchStart = min(searchStart, cluster)
        clusterWasFreed?(cluster)
      }
    }
    try write()
  }

  // MARK: Blocks

  private func block(of cluster: Int) throws(DiskImageError) -> MetadataCluster? {
    let index = cluster / geometry.refcountsPerBlock
    guard index < table.count else { return nil }
    if let block = blocks[index] { return block }
    guard table[index] != 0 else { return nil }
    let block = try MetadataCluster(reading: Int(table[index]), size: geometry.clusterSize, from: file)
    blocks[index] = block
    return block
  }

  /// The beginning of a block that counts one reference to each of its first `clusters` clusters.
  static func ones(_ clusters: Int, order: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: (clusters << order) / 8 + 1)
    for index in 0..<clusters {
      // The last byte of a whole number, big-endian; the lowest free bits within a byte.
      if order >= 3 {
        bytes[((index + 1) << order) / 8 - 1] = 1
      } else {
        bytes[(index << order) / 8] |= 1 << (index << order & 7)
      }
    }
    return bytes
  }

  private func set(_ cluster: Int, _ count: UInt64) throws(DiskImageError) {
    guard let block = try block(of: cluster) else { throw countIsZero(cluster) }
    dirtyBlocks.insert(cluster / geometry.refcountsPerBlock)
    set(block, cluster & (geometry.refcountsPerBlock - 1), count)
  }

  private func set(_ block: MetadataCluster, _ index: Int, _ count: UInt64) {
    let bytes = block.bytes
    switch geometry.refcountOrder {
    case 3: bytes[index] = UInt8(count)
    case 4: bytes.storeBytes(of: UInt16(count).bigEndian, toByteOffset: index * 2, as: UInt16.self)
    case 5: bytes.storeBytes(of: UInt32(count).bigEndian, toByteOffset: index * 4, as: UInt32.self)
    case 6: bytes.storeBytes(of: count.bigEndian, toByteOffset: index * 8, as: UInt64.self)
    default:
      let bits = geometry.refcountBits
      let shift = index * bits & 7
      let mask = UInt8((1 << bits) - 1) << UInt8(shift)
      bytes[index * bits / 8] = bytes[index * bits / 8] & ~mask | UInt8(count) << UInt8(shift)
    }
    let low = index * geometry.refcountBits / 8
    block.markDirty(low, low + max(1, geometry.refcountBits / 8))
  }

  private func get(_ block: MetadataCluster, _ index: Int) -> UInt64 {
    let bytes = block.bytes
    switch geometry.refcountOrder {
    case 3: return UInt64(bytes[index])
    case 4: return UInt64(UInt16(bigEndian: bytes.load(fromByteOffset: index * 2, as: UInt16.self)))
    case 5: return UInt64(UInt32(bigEndian: bytes.load(fromByteOffset: index * 4, as: UInt32.self)))
    case 6: return UInt64(bigEndian: bytes.load(fromByteOffset: index * 8, as: UInt64.self))
    default:
      let bits = geometry.refcountBits
      return UInt64(bytes[index * bits / 8] >> UInt8(index * bits & 7)) & ((1 << UInt64(bits)) - 1)
    }
  }
}
