// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// What a new snapshot starts from.
public enum SnapshotSource: Equatable, Sendable {
  /// The image's active state.
  case active
  /// Another snapshot of the image, by name.
  case snapshot(String)
  /// A disk of the image's size with nothing in it: the backing file's contents, or zeros.
  case empty
}

extension Qcow2Image {
  /// The snapshots, in the order in which they were made.
  public var snapshots: [SnapshotInfo] { snapshotTable.snapshots.map(\.info) }

  /// A snapshot's disk and vm state, for reading; the active state is not involved.
  public func openSnapshot(_ name: String) throws(DiskImageError) -> Qcow2Snapshot {
    let entry = snapshotTable.snapshots[try index(ofSnapshot: name)]
    return Qcow2Snapshot(image: self, entry: entry, tree: try tree(of: entry))
  }

  /// Makes a snapshot of `source` plus what `changes` writes, which the active state does not see.
  ///
  /// Everything that stays the same is shared with the source. If it fails, for whatever reason, there is no new
  /// snapshot, and the image is as it was.
  ///
  /// - Parameter vmState: the state of the machine without its disk, empty for none. It is stored compressed.
  @discardableResult
  public func createSnapshot(
    _ name: String, from source: SnapshotSource, metadata: SnapshotMetadata = SnapshotMetadata(),
    vmState: [UInt8] = [],
    changes: (SnapshotWriter) throws(DiskImageError) -> Void = { (_) throws(DiskImageError) in }
  ) throws(DiskImageError) -> SnapshotInfo {
    guard !isReadOnly else { throw .readOnly(path) }
    try checkNewName(name)
    // Nothing is half done in the file or in memory when the counts are raised.
    try flush()
    let tree = try newTree(from: source, vmStateSize: vmState.count)
    do throws(DiskImageError) {
      let writer = SnapshotWriter(image: self, tree: tree)
      try changes(writer)
      writer.finish()
      let state = RawBuffer(copying: vmState)
      try write(
        tree, at: vmStateOffset(tree), from: UnsafeRawBufferPointer(state.bytes), compressing: .fast)
      let info = SnapshotInfo(
        id: snapshotTable.unusedID, name: name, metadata: metadata, vmStateSize: vmState.count,
        diskSize: tree.diskSize)
      try commit(info, tree: tree, sharesActive: source == .active)
      return info
    } catch {
      // If even this fails, the clusters stay counted: a leak, no damage.
      try? releaseClusters(of: tree)
      try? flush()
      try? refreshCopiedFlags()
      throw error
    }
  }

  /// Deletes a snapshot; clusters that nothing else holds become free.
  public func deleteSnapshot(_ name: String) throws(DiskImageError) {
    guard !isReadOnly else { throw .readOnly(path) }
    let index = try index(ofSnapshot: name)
    let entry = snapshotTable.snapshots[index]
    let tree = try tree(of: entry)
    try flush()
    var table = snapshotTable
    table.remove(at: index)
    try replaceSnapshotTable(with: table)
    deletions += 1
    try releaseClusters(of: tree)
    let first = entry.l1Offset >> geometry.clusterBits
    refcounts.release(first..<first + geometry.clusters(entry.l1Count * 8))
    try flush()
    try refreshCopiedFlags()
    try flush()
  }

  // MARK: Steps

  func index(ofSnapshot name: String) throws(DiskImageError) -> Int {
    guard let index = snapshotTable.index(named: name) else {
      let names = snapshots.prefix(8).map { "'\($0.name)'" }.joined(separator: ", ")
      throw DiskImageError(
        .snapshot, path: path, problem: "there is no snapshot '\(name)'",
        advice: snapshots.isEmpty
          ? "the image has none" : "choose one of \(names)\(snapshots.count > 8 ? ", ..." : "")")
    }
    return index
  }

  private func checkNewName(_ name: String) throws(DiskImageError) {
    guard !name.isEmpty, name.utf8.count <= 255 else {
      throw DiskImageError(
        .limit, path: path, problem: "a snapshot's name has 1 to 255 bytes", advice: "choose another name")
    }
    guard snapshotTable.index(named: name) == nil else {
      throw DiskImageError(
        .snapshot, path: path, problem: "there is a snapshot '\(name)' already",
        advice: "choose another name or delete that one first")
    }
    guard snapshotTable.snapshots.count < Qcow2Header.maximumSnapshotCount else {
      throw DiskImageError(
        .limit, path: path,
        problem: "there are \(Qcow2Header.maximumSnapshotCount) snapshots, the most that are possible",
        advice: "delete some of them")
    }
  }

  func tree(of entry: Qcow2SnapshotTable.Entry) throws(DiskImageError) -> Qcow2Tree {
    try Qcow2Tree(
      reading: entry.l1Offset, count: entry.l1Count, diskSize: entry.info.diskSize, isActive: false,
      from: file)
  }

  /// Where the vm state begins: with the first L1 entry that is not the disk's.
  func vmStateOffset(_ tree: Qcow2Tree) -> Int {
    geometry.l1Count(covering: tree.diskSize) * geometry.l2Coverage
  }

  /// A tree that shares the disk of `source`, with its references counted, and has room for the vm state.
  private func newTree(from source: SnapshotSource, vmStateSize: Int) throws(DiskImageError) -> Qcow2Tree {
    let parent: Qcow2Tree? =
      switch source {
      case .active: active
      case .snapshot(let name): try tree(of: snapshotTable.snapshots[try index(ofSnapshot: name)])
      case .empty: nil
      }
    let diskSize = parent?.diskSize ?? size
    let diskCount = geometry.l1Count(covering: diskSize)
    let count = max(1, diskCount + geometry.l1Count(covering: vmStateSize))
    guard count * 8 <= Qcow2Header.maximumL1Size else {
      throw DiskImageError(
        .limit, path: path, problem: "a vm state of \(vmStateSize) bytes needs larger clusters",
        advice: "make the image with larger clusters")
    }
    var l1 = [UInt64](repeating: 0, count: count)
    if let parent {
      for index in 0..<diskCount { l1[index] = parent.l1[index] & ~TableEntry.copied }
    }
    let tree = Qcow2Tree(l1: l1, offset: 0, diskSize: diskSize, isActive: false)
    var retained: [Range<Int>] = []
    do throws(DiskImageError) {
      try forEachRun(of: tree) { (clusters) throws(DiskImageError) in
        try refcounts.retain(clusters)
        retained.append(clusters)
      }
    } catch {
      for clusters in retained { try? refcounts.undoRetain(clusters) }
      throw error
    }
    return tree
  }

  /// Puts the finished tree into the file and then into the snapshot table. From the last write on, it exists.
  private func commit(_ info: SnapshotInfo, tree: Qcow2Tree, sharesActive: Bool) throws(DiskImageError) {
    let clusters = geometry.clusters(tree.l1.count * 8)
    let offset = try refcounts.allocate(clusters)
    do throws(DiskImageError) {
      try tree.writeAll(to: file, at: offset)
      // QEMU must not write in place to what is shared from now on.
      if sharesActive { try clearCopiedFlags() }
      var table = snapshotTable
      table.append(info, l1Offset: offset, l1Count: tree.l1.count)
      try replaceSnapshotTable(with: table)
    } catch {
      refcounts.release(offset >> geometry.clusterBits..<(offset >> geometry.clusterBits) + clusters)
      throw error
    }
    // The snapshot is there. What follows only frees what the old table used; it is done at a later flush if not now.
    try? flush()
    // What the snapshot has otherwise is the active state's alone again.
    if sharesActive, !sharesAllTables(tree) {
      try? refreshCopiedFlags()
      try? flush()
    }
  }

  /// Writes the table to a new place and then lets the header refer to it, which is what makes it count.
  private func replaceSnapshotTable(with new: Qcow2SnapshotTable) throws(DiskImageError) {
    let bytes = new.encoded()
    let clusters = geometry.clusters(bytes.count)
    let offset = clusters == 0 ? 0 : try refcounts.allocate(clusters)
    let range = offset >> geometry.clusterBits..<(offset >> geometry.clusterBits) + clusters
    do throws(DiskImageError) {
      if clusters > 0 { try file.write(at: offset, bytes) }
      try flush()
      var field = ByteWriter()
      field.bigEndianUInt32(UInt32(new.snapshots.count))
      field.bigEndianUInt64(UInt64(offset))
      try file.write(at: Qcow2Header.snapshotsField, field.bytes)
    } catch {
      refcounts.release(range)
      throw error
    }
    let oldFirst = snapshotTable.offset >> geometry.clusterBits
    let oldCount = geometry.clusters(snapshotTable.byteCount)
    snapshotTable = new
    snapshotTable.setPlace(offset, byteCount: bytes.count)
    refcounts.release(oldFirst..<oldFirst + oldCount)
  }

  /// Every reference that a tree has, once each: its L2 tables, and the clusters of the file that their entries keep in use,
  /// those that follow each other there as one run.
  func forEachRun(
    of tree: Qcow2Tree, _ body: (Range<Int>) throws(DiskImageError) -> Void
  ) throws(DiskImageError) {
    for index in tree.l1.indices {
      guard let table = try l2Table(tree, index) else { continue }
      let place = table.offset >> geometry.clusterBits
      try body(place..<place + 1)
      if geometry.hasExternalData { continue }
      var run = 0..<0
      for slot in 0..<geometry.l2Count {
        let clusters = geometry.clusters(of: try mapping(table, slot))
        if clusters.isEmpty { continue }
        if clusters.lowerBound == run.upperBound {
          run = run.lowerBound..<clusters.upperBound
        } else {
          if !run.isEmpty { try body(run) }
          run = clusters
        }
      }
      if !run.isEmpty { try body(run) }
    }
  }

  private func releaseClusters(of tree: Qcow2Tree) throws(DiskImageError) {
    try forEachRun(of: tree) { (clusters) throws(DiskImageError) in refcounts.release(clusters) }
  }

  private func sharesAllTables(_ tree: Qcow2Tree) -> Bool {
    zip(active.l1, tree.l1).allSatisfy { ($0 ^ $1) & TableEntry.offsetMask == 0 }
  }

  /// Clears bit 63 of the active state's entries, when all that they refer to has another reference. A table that had one already has
  /// no such entries.
  private func clearCopiedFlags() throws(DiskImageError) {
    for index in active.l1.indices where active.l1[index] & TableEntry.copied != 0 {
      guard let table = try l2Table(active, index) else { continue }
      active.set(index, active.l1[index] & ~TableEntry.copied)
      for slot in 0..<geometry.l2Count where table[slot] & TableEntry.copied != 0 {
        setEntry(table, slot, table[slot] & ~TableEntry.copied)
      }
    }
  }

  /// Sets bit 63 of the active state's entries from the reference counts, as QEMU expects after snapshots change.
  private func refreshCopiedFlags() throws(DiskImageError) {
    for index in active.l1.indices {
      guard let table = try l2Table(active, index) else { continue }
      let isOwn = try refcounts.count(of: table.offset >> geometry.clusterBits) == 1
      let entry = active.l1[index]
      let wanted = isOwn ? entry | TableEntry.copied : entry & ~TableEntry.copied
      if wanted != entry { active.set(index, wanted) }
      for slot in 0..<geometry.l2Count where table[slot] != 0 {
        let entry = table[slot]
        let place: Int
        switch try mapping(entry) {
        case .standard(let offset): place = offset
        case .zero(let reserved) where reserved != 0: place = reserved
        default: continue
        }
        let isOwn = try refcounts.count(of: place >> geometry.clusterBits) == 1
        let wanted = isOwn ? entry | TableEntry.copied : entry & ~TableEntry.copied
        if wanted != entry { setEntry(table, slot, wanted) }
      }
    }
  }
}
