// SPDX-License-Identifier: Apache-2.0

/// What a check of an image's reference counts has found.
public struct Qcow2CheckReport: Equatable, Sendable {
  /// Clusters with fewer references counted than there are: writing could destroy data.
  public var corruptions: [String] = []
  /// Clusters that are counted and not used: lost space, no danger.
  public var leakedClusters = 0
  /// Entries of the active state whose bit 63 is set though the cluster is shared, or the reverse.
  public var wrongCopiedFlags = 0

  public var isClean: Bool { self == Qcow2CheckReport() }
}

extension Qcow2Image {
  /// Counts every reference in the image and compares with the counts that it states.
  ///
  /// The time is proportional to the number of clusters times the number of snapshots that hold them.
  public func check() throws(DiskImageError) -> Qcow2CheckReport {
    if !isReadOnly { try flush() }
    var references = [UInt64](repeating: 0, count: geometry.clusters(file.size))
    var report = Qcow2CheckReport()
    func add(_ cluster: Int) {
      // A table that was allocated and is not yet in the file may lie behind its end.
      if cluster >= references.count {
        references.append(contentsOf: repeatElement(0, count: cluster + 1 - references.count))
      }
      references[cluster] += 1
    }
    try forEachClusterBesidesSnapshots(add)
    geometry.clusters(at: snapshotTable.offset, bytes: snapshotTable.byteCount).forEach(add)
    for entry in snapshotTable.snapshots {
      geometry.clusters(at: entry.l1Offset, bytes: entry.l1Count * 8).forEach(add)
      try forEachRun(of: try tree(of: entry)) { (clusters) throws(DiskImageError) in clusters.forEach(add) }
    }
    let counted = refcounts.table.lastIndex { $0 != 0 }.map { ($0 + 1) * geometry.refcountsPerBlock } ?? 0
    for cluster in 0..<max(counted, references.count) {
      let expected = cluster < references.count ? references[cluster] : 0
      let stated = try refcounts.count(of: cluster)
      if stated < expected {
        report.corruptions.append(
          "the cluster at offset \(cluster << geometry.clusterBits) has \(expected) references and counts \(stated)"
        )
      } else if stated > expected {
        report.leakedClusters += 1
      }
    }
    report.wrongCopiedFlags = try countWrongCopiedFlags()
    return report
  }

  private func countWrongCopiedFlags() throws(DiskImageError) -> Int {
    var wrong = 0
    for index in active.l1.indices {
      guard let table = try l2Table(active, index) else { continue }
      let isOwn = try refcounts.count(of: table.offset >> geometry.clusterBits) == 1
      if isOwn != (active.l1[index] & TableEntry.copied != 0) { wrong += 1 }
      // Clusters in another file are not counted.
      if geometry.hasExternalData { continue }
      for slot in 0..<geometry.l2Count {
        guard case .standard(let offset) = try mapping(table, slot) else { continue }
        let isOwn = try refcounts.count(of: offset >> geometry.clusterBits) == 1
        if isOwn != (table[slot * geometry.l2EntryWords] & TableEntry.copied != 0) { wrong += 1 }
      }
    }
    return wrong
  }
}
