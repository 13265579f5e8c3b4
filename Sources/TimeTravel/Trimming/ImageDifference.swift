// SPDX-License-Identifier: Apache-2.0

import DiskImage

/// In what two snapshots of one image differ, a cluster at a time.
struct ImageDifference {
  let before: Qcow2Snapshot
  let now: Qcow2Snapshot
  let clusterSize: Int

  init(from before: Qcow2Snapshot, to now: Qcow2Snapshot, clusterSize: Int) {
    self.before = before
    self.now = now
    self.clusterSize = clusterSize
  }

  func visit(
    _ body: (_ offset: Int, _ bytes: [UInt8]) throws(DiskImageError) -> Void
  ) throws(DiskImageError) {
    let clusters = Self.clusters(of: try before.changes + now.changes, clusterSize)
    for cluster in clusters.sorted() {
      let offset = cluster * clusterSize
      let count = min(clusterSize, now.size - offset)
      if try before.shares(with: now, at: offset, count: count) { continue }
      let bytes = try now.read(at: offset, count: count)
      if try before.read(at: offset, count: count) != bytes { try body(offset, bytes) }
    }
  }

  /// The clusters that changes touch.
  static func clusters(
    of changes: [ScratchOverlay.Change], _ clusterSize: Int = WitnessedImage.clusterSize
  ) -> Set<Int> {
    var clusters: Set<Int> = []
    for change in changes where change.count > 0 {
      clusters.formUnion(change.offset / clusterSize...(change.offset + change.count - 1) / clusterSize)
    }
    return clusters
  }
}
