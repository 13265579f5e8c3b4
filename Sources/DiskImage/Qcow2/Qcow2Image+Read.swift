// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension Qcow2Image {
  /// Reads from a tree, from its disk or from the vm state that lies behind the disk.
  func read(
    _ tree: Qcow2Tree, at offset: Int, into buffer: UnsafeMutableRawBufferPointer
  ) throws(DiskImageError) {
    let unitSize = geometry.unitSize
    var done = 0
    while done < buffer.count {
      let position = offset + done
      let (mapping, count, entry) = try run(tree, at: position, limit: buffer.count - done)
      let part = buffer.slice(done, count)
      switch mapping {
      case .unallocated: try readBacking(tree, at: position, into: part)
      case .zero: part.zero()
      case .standard(let start): try data.read(at: start + (position & (unitSize - 1)), into: part)
      case .compressed(let start, let size):
        let cluster = try unpack(entry, offset: start, size: size)
        part.copyMemory(
          from: UnsafeRawBufferPointer(cluster.bytes).slice(position & (clusterSize - 1), count))
      }
      done += count
    }
  }

  /// Whether two trees have the very same cluster, one with data, for each byte of a range.
  func share(
    _ tree: Qcow2Tree, _ other: Qcow2Tree, at offset: Int, count: Int
  ) throws(DiskImageError) -> Bool {
    var position = offset & ~(geometry.unitSize - 1)
    while position < offset + count {
      let mapping = try run(tree, at: position, limit: clusterSize).mapping
      guard try run(other, at: position, limit: clusterSize).mapping == mapping else { return false }
      switch mapping {
      case .unallocated, .zero: return false
      case .standard, .compressed: position += geometry.unitSize
      }
    }
    return true
  }

  /// How the bytes at `position` are stored, and how many of the next `limit` bytes go on the same way: in neighbouring
  /// units of the file, or nowhere. Of compressed ones the L2 entry as well.
  private func run(
    _ tree: Qcow2Tree, at position: Int, limit: Int
  ) throws(DiskImageError) -> (mapping: ClusterMapping, count: Int, entry: UInt64) {
    let coverage = geometry.l2Coverage
    guard let table = try l2Table(tree, position / coverage) else {
      return (.unallocated, min(limit, coverage - position % coverage), 0)
    }
    let unitSize = geometry.unitSize
    var unit = (position % coverage) / unitSize
    let first = try unitMapping(table, unit)
    if case .compressed = first {
      let entry = table[(position % coverage) >> geometry.clusterBits * geometry.l2EntryWords]
      return (first, min(limit, clusterSize - (position & (clusterSize - 1))), entry)
    }
    var count = unitSize - (position & (unitSize - 1))
    var units = 1
    unit += 1
    while count < limit, unit < coverage / unitSize {
      let goesOn =
        switch (first, try unitMapping(table, unit)) {
        case (.unallocated, .unallocated), (.zero, .zero): true
        case (.standard(let a), .standard(let b)): b == a + units * unitSize
        default: false
        }
      guard goesOn else { break }
      count += unitSize
      units += 1
      unit += 1
    }
    return (first, min(count, limit), 0)
  }

  /// What is not in this image: the backing file's bytes as far as it reaches, else zeros. The vm state has no backing.
  private func readBacking(
    _ tree: Qcow2Tree, at position: Int, into part: UnsafeMutableRawBufferPointer
  ) throws(DiskImageError) {
    let end = min(backing?.size ?? 0, tree.diskSize)
    let available = max(0, min(part.count, end - position))
    if available > 0, let backing { try backing.read(at: position, into: part.slice(0, available)) }
    part.slice(available, part.count - available).zero()
  }

  private func unpack(_ entry: UInt64, offset: Int, size: Int) throws(DiskImageError) -> RawBuffer {
    if let unpacked, unpacked.entry == entry { return unpacked.bytes }
    let packed = RawBuffer(count: size)
    try file.read(at: offset, into: packed.bytes)
    let cluster = RawBuffer(count: clusterSize)
    guard compression.unpack(UnsafeRawBufferPointer(packed.bytes), filling: cluster.bytes) else {
      throw .damaged(path, "the compressed cluster at offset \(offset) does not unpack")
    }
    unpacked = (entry, cluster)
    return cluster
  }
}
