// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension Qcow2Image {
  /// The compression that QEMU's own readers expect: raw deflate with a window of 4 KiB.
  private static let compressionWindowBits: Int32 = -12

  /// Writes to a tree: in place where the cluster is this tree's alone, else to a new cluster. With a compression, every
  /// touched cluster is stored compressed when that makes it smaller, and not at all when it is all zeros.
  func write(
    _ tree: Qcow2Tree, at offset: Int, from bytes: UnsafeRawBufferPointer, compressing: ClusterCompression?
  ) throws(DiskImageError) {
    var done = 0
    while done < bytes.count {
      let position = offset + done
      let inside = position & (clusterSize - 1)
      var count = min(clusterSize - inside, bytes.count - done)
      let part = bytes.slice(done, count)
      if let compressing {
        try writePacked(tree, at: position, from: part, compressing)
      } else if count == clusterSize {
        count = try writeRun(tree, at: position, from: bytes.slice(done, bytes.count - done))
      } else {
        try writePlain(tree, at: position, from: part)
      }
      done += count
    }
  }

  /// Writes whole clusters, as many as go to neighbouring places of the file, in one piece; answers of how many bytes.
  private func writeRun(
    _ tree: Qcow2Tree, at position: Int, from bytes: UnsafeRawBufferPointer
  ) throws(DiskImageError) -> Int {
    let coverage = geometry.l2Coverage
    let limit = min(bytes.count, coverage - position % coverage) / clusterSize
    var count = 1
    if let start = try ownCluster(tree, at: position) {
      while count < limit,
        try ownCluster(tree, at: position + count * clusterSize) == start + count * clusterSize
      { count += 1 }
      try file.write(at: start, from: bytes.slice(0, count * clusterSize))
      return count * clusterSize
    }
    let table = try writableL2Table(tree, position / coverage)
    let start = try refcounts.allocate()
    let first = start >> geometry.clusterBits
    do throws(DiskImageError) {
      while count < limit, try ownCluster(tree, at: position + count * clusterSize) == nil,
        try refcounts.take(first + count)
      { count += 1 }
      try file.write(at: start, from: bytes.slice(0, count * clusterSize))
    } catch {
      refcounts.release(first..<first + count)
      throw error
    }
    for number in 0..<count {
      let index = l2Index(position) + number
      try point(table, index, to: start + number * clusterSize, tree, old: mapping(table[index]))
    }
    return count * clusterSize
  }

  /// Where the cluster at a position lies in the file, if it is this tree's alone and holds data.
  private func ownCluster(_ tree: Qcow2Tree, at position: Int) throws(DiskImageError) -> Int? {
    guard case .standard(let start) = try mapping(entry(tree, at: position)) else { return nil }
    let cluster = start >> geometry.clusterBits
    let count = try refcounts.count(of: cluster)
    guard count > 0 else { throw refcounts.countIsZero(cluster) }
    // A shared L2 table means shared clusters, so one reference is this tree's.
    return count == 1 ? start : nil
  }

  private func writePlain(
    _ tree: Qcow2Tree, at position: Int, from part: UnsafeRawBufferPointer
  ) throws(DiskImageError) {
    let inside = position & (clusterSize - 1)
    if let start = try ownCluster(tree, at: position) {
      return try file.write(at: start + inside, from: part)
    }
    let oldMapping = try mapping(entry(tree, at: position))
    let table = try writableL2Table(tree, position / geometry.l2Coverage)
    let start = try refcounts.allocate()
    do throws(DiskImageError) {
      if part.count == clusterSize {
        try file.write(at: start, from: part)
      } else if start >= file.size, try readsAsZeros(oldMapping, tree, clusterAt: position - inside) {
        // Past the file's end everything reads as zeros already.
        try file.write(at: start + inside, from: part)
      } else {
        let whole = try merged(tree, at: position, with: part)
        try file.write(at: start, from: UnsafeRawBufferPointer(whole.bytes))
      }
    } catch {
      refcounts.release(start >> geometry.clusterBits..<(start >> geometry.clusterBits) + 1)
      throw error
    }
    point(table, l2Index(position), to: start, tree, old: oldMapping)
  }

  private func writePacked(
    _ tree: Qcow2Tree, at position: Int, from part: UnsafeRawBufferPointer, _ compression: ClusterCompression
  ) throws(DiskImageError) {
    let inside = position & (clusterSize - 1)
    let whole: RawBuffer? = part.count == clusterSize ? nil : try merged(tree, at: position, with: part)
    let cluster = whole.map { UnsafeRawBufferPointer($0.bytes) } ?? part
    if cluster.isZero { return try zeroCluster(tree, at: position - inside) }
    guard let packed = packed(cluster, compression) else {
      return try writePlain(tree, at: position - inside, from: cluster)
    }
    let table = try writableL2Table(tree, position / geometry.l2Coverage)
    let oldMapping = try mapping(table[l2Index(position)])
    let start = try allocatePacked(packed.count)
    guard let entry = geometry.compressedEntry(offset: start, size: packed.count) else {
      // Compressed clusters cannot lie that far into a file.
      refcounts.release(geometry.clusters(of: .compressed(offset: start, size: packed.count)))
      return try writePlain(tree, at: position - inside, from: cluster)
    }
    do throws(DiskImageError) {
      try file.write(at: start, packed)
    } catch {
      refcounts.release(geometry.clusters(of: .compressed(offset: start, size: packed.count)))
      throw error
    }
    replace(table, l2Index(position), with: entry, old: oldMapping)
  }

  /// A cluster compressed, or nil when that does not make it smaller.
  private func packed(_ cluster: UnsafeRawBufferPointer, _ compression: ClusterCompression) -> [UInt8]? {
    // zlib is the one that is written here; others read back what is not compressed as well.
    guard self.compression == .zlib else { return nil }
    let limit = clusterSize - 1
    return switch compression {
    case .fast: fastDeflater.deflate(cluster, limit: limit)
    case .small: Zlib.deflate(cluster, limit: limit, windowBits: Self.compressionWindowBits)
    }
  }

  /// Room for `size` compressed bytes, less than a cluster: behind the last ones if they fit there or reach into the
  /// next free cluster, else in a new cluster. Each compressed cluster holds a reference to every cluster of the file that
  /// it touches.
  private func allocatePacked(_ size: Int) throws(DiskImageError) -> Int {
    if let tail = compressedTail {
      let room = clusterSize - (tail & (clusterSize - 1))
      let cluster = tail >> geometry.clusterBits
      let canShare = try refcounts.count(of: cluster) < geometry.maximumRefcount
      if canShare && size <= room {
        try refcounts.retain(cluster..<cluster + 1)
        compressedTail = size < room ? tail + size : nil
        return tail
      }
      let next = try refcounts.allocate()
      if canShare && next == tail + room {
        try refcounts.retain(cluster..<cluster + 1)
        compressedTail = tail + size
        return tail
      }
      compressedTail = next + size
      return next
    }
    let start = try refcounts.allocate()
    compressedTail = start + size
    return start
  }

  /// Makes a range read as zeros, giving up the clusters that lie in it.
  func writeZeroes(_ tree: Qcow2Tree, at offset: Int, count: Int) throws(DiskImageError) {
    var position = offset
    let end = offset + count
    while position < end {
      let coverage = geometry.l2Coverage
      if backing == nil, position / coverage >= tree.l1.count || tree.l1[position / coverage] == 0 {
        position = min(end, position - position % coverage + coverage)
        continue
      }
      let inside = position & (clusterSize - 1)
      let part = min(clusterSize - inside, end - position)
      if inside == 0 && (part == clusterSize || end == tree.diskSize) {
        try zeroCluster(tree, at: position)
      } else if try !readsAsZeros(mapping(entry(tree, at: position)), tree, clusterAt: position - inside) {
        try writePlain(tree, at: position, from: UnsafeRawBufferPointer(zeros.bytes).slice(0, part))
      }
      position += part
    }
  }

  private func zeroCluster(_ tree: Qcow2Tree, at position: Int) throws(DiskImageError) {
    let oldMapping = try mapping(entry(tree, at: position))
    if try readsAsZeros(oldMapping, tree, clusterAt: position) { return }
    let hasBacking = position < min(backing?.size ?? 0, tree.diskSize)
    if hasBacking && version < 3 {
      // Version 2 has no zero clusters; only real zeros hide the backing file.
      let count = min(clusterSize, tree.diskSize - position)
      return try writePlain(tree, at: position, from: UnsafeRawBufferPointer(zeros.bytes).slice(0, count))
    }
    let table = try writableL2Table(tree, position / geometry.l2Coverage)
    replace(table, l2Index(position), with: hasBacking ? TableEntry.zero : 0, old: oldMapping)
  }

  /// Whether a cluster is known to hold only zeros, without reading data.
  private func readsAsZeros(
    _ mapping: ClusterMapping, _ tree: Qcow2Tree, clusterAt position: Int
  ) throws(DiskImageError) -> Bool {
    switch mapping {
    case .zero: true
    case .unallocated: position >= min(backing?.size ?? 0, tree.diskSize)
    case .standard, .compressed: false
    }
  }

  /// The whole cluster around `position` as it will be with `part` written into it.
  private func merged(
    _ tree: Qcow2Tree, at position: Int, with part: UnsafeRawBufferPointer
  ) throws(DiskImageError) -> RawBuffer {
    let inside = position & (clusterSize - 1)
    let whole = RawBuffer(count: clusterSize)
    try read(tree, at: position - inside, into: whole.bytes)
    whole.bytes.slice(inside, part.count).copyMemory(from: part)
    return whole
  }

  // MARK: Tables

  private func l2Index(_ position: Int) -> Int { (position % geometry.l2Coverage) >> geometry.clusterBits }

  private func entry(_ tree: Qcow2Tree, at position: Int) throws(DiskImageError) -> UInt64 {
    try l2Table(tree, position / geometry.l2Coverage).map { $0[l2Index(position)] } ?? 0
  }

  private func point(
    _ table: MetadataCluster, _ index: Int, to start: Int, _ tree: Qcow2Tree, old: ClusterMapping
  ) {
    replace(table, index, with: UInt64(start) | (tree.isActive ? TableEntry.copied : 0), old: old)
  }

  private func replace(_ table: MetadataCluster, _ index: Int, with entry: UInt64, old: ClusterMapping) {
    setEntry(table, index, entry)
    refcounts.release(geometry.clusters(of: old))
  }

  /// The L2 table for L1 entry `index`, made if there is none and copied if another tree shares it.
  private func writableL2Table(_ tree: Qcow2Tree, _ index: Int) throws(DiskImageError) -> MetadataCluster {
    guard let shared = try l2Table(tree, index) else { return try newL2Table(tree, index) }
    let cluster = shared.offset >> geometry.clusterBits
    let count = try refcounts.count(of: cluster)
    guard count > 0 else { throw refcounts.countIsZero(cluster) }
    if count == 1 { return shared }
    let table = try newL2Table(tree, index)
    // The copy's references to the clusters are those that this tree had through the shared table.
    table.bytes.copyMemory(from: UnsafeRawBufferPointer(shared.bytes))
    refcounts.release(cluster..<cluster + 1)
    return table
  }

  private func newL2Table(_ tree: Qcow2Tree, _ index: Int) throws(DiskImageError) -> MetadataCluster {
    let offset = try refcounts.allocate()
    let table = MetadataCluster(new: offset, size: clusterSize)
    l2Tables[offset] = table
    dirtyL2Tables.insert(offset)
    tree.set(index, UInt64(offset) | (tree.isActive ? TableEntry.copied : 0))
    return table
  }
}
