// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Qcow2Image {
  /// Makes a new version 3 image at `path`, where nothing may be yet. Open it with `ImageOpener`.
  ///
  /// - Parameters:
  ///   - size: the virtual disk's size in bytes, a multiple of 512.
  ///   - clusterSize: a power of two from 512 to 2 MiB.
  ///   - refcountBits: the width of a reference count, a power of two up to 64. A cluster has a reference from every
  ///     snapshot that holds it, and a cluster of packed compressed clusters one for each of those; 32 bits never run
  ///     out.
  ///   - backing: the name of the backing file, relative to the folder of `path` or absolute, and its format.
  public static func create(
    at path: String, size: Int, clusterSize: Int = 1 << 16, refcountBits: Int = 32,
    backing: (name: String, format: ImageFormat)? = nil
  ) throws(DiskImageError) {
    precondition(clusterSize.nonzeroBitCount == 1 && refcountBits.nonzeroBitCount == 1 && refcountBits <= 64)
    precondition(Qcow2Geometry.clusterBitsRange.contains(clusterSize.trailingZeroBitCount))
    guard size >= 0, size % sectorSize == 0 else {
      throw DiskImageError(
        .limit, path: path, problem: "a size of \(size) bytes is not a whole number of sectors",
        advice: "give a multiple of 512")
    }
    let geometry = Qcow2Geometry(
      clusterBits: clusterSize.trailingZeroBitCount, refcountOrder: refcountBits.trailingZeroBitCount)
    let l1Count = max(1, geometry.l1Count(covering: size))
    guard l1Count * 8 <= Qcow2Header.maximumL1Size else {
      throw DiskImageError(
        .limit, path: path,
        problem: "clusters of \(clusterSize) bytes are too small for a disk of \(size) bytes",
        advice: "choose larger clusters")
    }
    if let backing { try ImageOpener.checkIsFileName(backing.name, overlay: path) }
    // Header, reference count table and its first block fill the first three clusters.
    var header = Qcow2Header(
      geometry: geometry, size: size, l1Count: l1Count, l1Offset: 0,
      refcountTableOffset: clusterSize, refcountTableClusters: 1)
    header.backingFile = backing?.name
    header.backingFormat = backing?.format.rawValue
    guard header.encoded() != nil else {
      throw DiskImageError(
        .limit, path: path, problem: "the name of its backing file does not fit into its first cluster",
        advice: "use a shorter name or larger clusters")
    }
    let file = try ImageFile(creating: path)
    do throws(DiskImageError) {
      try write(&header, to: file)
    } catch {
      unlink(path)
      throw error
    }
  }

  private static func write(_ header: inout Qcow2Header, to file: ImageFile) throws(DiskImageError) {
    let geometry = header.geometry
    let clusterSize = geometry.clusterSize
    try file.resize(to: 3 * clusterSize)
    // One reference to each of the three clusters, at the beginning of the block.
    let table = RawBuffer(count: 8)
    table.bytes.storeBytes(of: UInt64(2 * clusterSize).bigEndian, as: UInt64.self)
    try file.write(at: clusterSize, from: UnsafeRawBufferPointer(table.bytes))
    try file.write(at: 2 * clusterSize, RefcountTable.ones(3, order: geometry.refcountOrder))
    let refcounts = try RefcountTable(file: file, header: header)
    header.l1Offset = try refcounts.allocate(geometry.clusters(header.l1Count * 8))
    try refcounts.write()
    try refcounts.applyReleases()
    header.refcountTableOffset = refcounts.tableOffset
    header.refcountTableClusters = refcounts.tableClusters
    try file.resize(to: max(file.size, header.l1Offset + geometry.roundUp(header.l1Count * 8)))
    // The header comes last: a file without it is no image.
    guard let bytes = header.encoded() else {
      preconditionFailure("the caller has checked that the header fits")
    }
    try file.write(at: 0, bytes)
  }
}
