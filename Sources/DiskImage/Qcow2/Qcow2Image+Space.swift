extension Qcow2Image {
  /// Bytes of the file that would become free if all snapshots were deleted: what they hold and the active state does
  /// not, and their tables. The time is proportional to the size of the file's tables.
  public func snapshotByteCount() throws(DiskImageError) -> Int {
    var isElsewhere = [Bool](repeating: false, count: geometry.clusters(file.size))
    func mark(_ cluster: Int) {
      // What is allocated and not yet in the file may lie behind its end.
      if cluster < isElsewhere.count { isElsewhere[cluster] = true }
    }
    func mark(_ offset: Int, bytes: Int) {
      let first = offset >> geometry.clusterBits
      for cluster in first..<first + geometry.clusters(bytes) { mark(cluster) }
    }
    mark(0, bytes: clusterSize)
    mark(refcounts.tableOffset, bytes: refcounts.tableClusters * clusterSize)
    for block in refcounts.table where block != 0 { mark(Int(block), bytes: clusterSize) }
    mark(active.offset, bytes: active.l1.count * 8)
    try forEachCluster(of: active) { (cluster) throws(DiskImageError) in mark(cluster) }
    var count = 0
    try refcounts.forEachClusterInUse { cluster in
      if cluster < isElsewhere.count, !isElsewhere[cluster] { count += 1 }
    }
    return count << geometry.clusterBits
  }
}
