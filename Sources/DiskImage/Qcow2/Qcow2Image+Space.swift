// SPDX-License-Identifier: Apache-2.0

extension Qcow2Image {
  /// Bytes of the file that would become free if all snapshots were deleted: what they hold and the active state does
  /// not, and their tables. The time is proportional to the size of the file's tables.
  public func snapshotByteCount() throws(DiskImageError) -> Int {
    var isElsewhere = [Bool](repeating: false, count: geometry.clusters(file.size))
    try forEachClusterBesidesSnapshots { cluster in
      // What is allocated and not yet in the file may lie behind its end.
      if cluster < isElsewhere.count { isElsewhere[cluster] = true }
    }
    var count = 0
    try refcounts.forEachClusterInUse { cluster in
      if cluster < isElsewhere.count, !isElsewhere[cluster] { count += 1 }
    }
    return count << geometry.clusterBits
  }

  /// Every reference that the image would have without snapshots: its header, its reference counts and the active state.
  func forEachClusterBesidesSnapshots(_ body: (Int) -> Void) throws(DiskImageError) {
    geometry.clusters(at: 0, bytes: clusterSize).forEach(body)
    geometry.clusters(at: refcounts.tableOffset, bytes: refcounts.tableClusters * clusterSize).forEach(body)
    for block in refcounts.table where block != 0 { body(Int(block) >> geometry.clusterBits) }
    geometry.clusters(at: active.offset, bytes: active.l1.count * 8).forEach(body)
    try bitmaps?.forEachCluster(in: file, geometry, body)
    try forEachRun(of: active) { (clusters) throws(DiskImageError) in clusters.forEach(body) }
  }
}
