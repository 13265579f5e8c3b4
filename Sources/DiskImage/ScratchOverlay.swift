// SPDX-License-Identifier: Apache-2.0

/// An image over another one that is only read, and of which nothing stays: what a run that is not recorded, or a replay, writes to.
///
/// The changes are a value: `contents` can be kept (a checkpoint of the disk costs no copy of the data, only of what
/// changes afterwards) and set again. Changed clusters can be listed in order, to make a snapshot of them.
///
/// The first changes are in memory, so that whoever writes little needs no disk; all others are in a file that has no name. Hence
/// memory does not grow with what a guest writes. It is no qcow2 file: its tables are part of the value, and nobody else reads it.
public final class ScratchOverlay: BlockImage {
  /// A cluster's bytes. Whoever changes them must be the only one who holds them.
  fileprivate enum Cluster: Sendable {
    case zero
    case memory([UInt8])
    case file(SpilledCluster)
  }

  /// The clusters that differ from the base, by number.
  public struct Contents: Sendable {
    fileprivate var clusters: [Int: Cluster] = [:]
    fileprivate var clustersInMemory = 0

    public init() {}

    /// How many bytes of memory and of the file the changes hold, about.
    public var byteCount: Int {
      clusters.values.reduce(0) { count, cluster in
        switch cluster {
        case .zero: count
        case .memory(let bytes): count + bytes.count
        case .file(let spilled): count + spilled.byteCount
        }
      }
    }
  }

  /// A range of the disk that was written.
  public struct Change: Equatable, Sendable {
    public let offset: Int
    public let count: Int
    /// The range reads as zeros.
    public let isZero: Bool
  }

  /// Bytes that stay in memory.
  public static let memoryLimit = 32 << 20

  public let base: any BlockImage
  public let clusterSize: Int
  public var contents = Contents()
  private let clusterLimit: Int
  private let spill: SpillFile
  /// The clusters that were written since `takeContents`.
  private var clustersSinceTaken: Set<Int> = []
  /// A cluster's bytes on their way to the file.
  private lazy var room = RawBuffer(count: clusterSize)
  public var size: Int { base.size }
  public var isReadOnly: Bool { false }
  public var path: String { base.path }

  /// - Parameters:
  ///   - clusterSize: a multiple of 512.
  ///   - memoryLimit: bytes that stay in memory.
  ///   - folder: on whose file system all others go; nil: where temporary files do (`TMPDIR`, else /var/tmp).
  public init(
    base: any BlockImage, clusterSize: Int = 1 << 16, memoryLimit: Int = memoryLimit, folder: String? = nil
  ) {
    precondition(clusterSize > 0 && clusterSize % 512 == 0)
    self.base = base
    self.clusterSize = clusterSize
    clusterLimit = memoryLimit / clusterSize
    spill = SpillFile(clusterSize: clusterSize, folder: folder)
  }

  /// Bytes of the file, whether something holds them or not.
  public var spilledByteCount: Int { spill.byteCount }

  /// `contents`, to be kept, and about how many bytes it holds that what was taken the last time does not.
  public func takeContents() -> (contents: Contents, newByteCount: Int) {
    defer { clustersSinceTaken.removeAll() }
    return (contents, clustersSinceTaken.count * clusterSize)
  }

  /// What was written, in ascending order, a cluster at a time; the last one ends with the disk.
  public var changes: [Change] {
    contents.clusters.keys.sorted().map { index in
      let offset = index * clusterSize
      let isZero = if case .zero? = contents.clusters[index] { true } else { false }
      return Change(offset: offset, count: min(clusterSize, size - offset), isZero: isZero)
    }
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    var done = 0
    while done < buffer.count {
      let (index, inside) = (offset + done).quotientAndRemainder(dividingBy: clusterSize)
      let count = min(clusterSize - inside, buffer.count - done)
      let part = buffer.slice(done, count)
      switch contents.clusters[index] {
      case nil: try base.read(at: offset + done, into: part)
      case .zero: part.zero()
      case .memory(let cluster): cluster.withUnsafeBytes { part.copyMemory(from: $0.slice(inside, count)) }
      case .file(let cluster): try cluster.read(at: inside, into: part)
      }
      done += count
    }
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, bytes.count)
    var done = 0
    while done < bytes.count {
      let (index, inside) = (offset + done).quotientAndRemainder(dividingBy: clusterSize)
      let count = min(clusterSize - inside, bytes.count - done)
      try change(index, at: inside, to: bytes.slice(done, count))
      done += count
    }
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    try checkRange(offset, count)
    var done = 0
    while done < count {
      let (index, inside) = (offset + done).quotientAndRemainder(dividingBy: clusterSize)
      let part = min(clusterSize - inside, count - done)
      if inside == 0 && (part == clusterSize || offset + done + part == size) {
        if case .memory? = contents.clusters.updateValue(.zero, forKey: index) {
          contents.clustersInMemory -= 1
        }
      } else if case .zero? = contents.clusters[index] {
        // It reads as zeros already.
      } else {
        let zeros = RawBuffer(count: part)
        try withExtendedLifetime(zeros) { () throws(DiskImageError) in
          try change(index, at: inside, to: UnsafeRawBufferPointer(zeros.bytes))
        }
      }
      done += part
    }
  }

  public func flush() throws(DiskImageError) {}

  /// Changes a part of a cluster. When it cannot be done the cluster is as it was, or has a part of the change.
  private func change(
    _ index: Int, at inside: Int, to bytes: UnsafeRawBufferPointer
  ) throws(DiskImageError) {
    clustersSinceTaken.insert(index)
    switch contents.clusters[index] {
    case .memory?:
      // Taken out of the dictionary while it is changed, so that the array is not copied.
      guard case .memory(var cluster)? = contents.clusters.updateValue(.zero, forKey: index) else { return }
      cluster.withUnsafeMutableBytes { $0.slice(inside, bytes.count).copyMemory(from: bytes) }
      contents.clusters[index] = .memory(cluster)
    case .file?:
      // Likewise: a reference in the dictionary would count.
      guard case .file(var cluster)? = contents.clusters.updateValue(.zero, forKey: index) else { return }
      defer { contents.clusters[index] = .file(cluster) }
      if isKnownUniquelyReferenced(&cluster) { return try cluster.write(at: inside, from: bytes) }
      let changed = try spill.allocate()
      if bytes.count < clusterSize { try cluster.read(at: 0, into: room.bytes) }
      room.bytes.slice(inside, bytes.count).copyMemory(from: bytes)
      try changed.write(at: 0, from: UnsafeRawBufferPointer(room.bytes))
      cluster = changed
    case .zero?, nil:
      if bytes.count < clusterSize { try fill(room.bytes, index) }
      room.bytes.slice(inside, bytes.count).copyMemory(from: bytes)
      if contents.clustersInMemory < clusterLimit {
        contents.clusters[index] = .memory(Array(room.bytes))
        contents.clustersInMemory += 1
      } else {
        let cluster = try spill.allocate()
        try cluster.write(at: 0, from: UnsafeRawBufferPointer(room.bytes))
        contents.clusters[index] = .file(cluster)
      }
    }
  }

  /// What a cluster that nothing is kept of reads as; zeros behind the disk's end.
  private func fill(_ buffer: UnsafeMutableRawBufferPointer, _ index: Int) throws(DiskImageError) {
    guard contents.clusters[index] == nil else { return buffer.zero() }
    let offset = index * clusterSize
    let count = min(clusterSize, size - offset)
    buffer.slice(count, clusterSize - count).zero()
    try base.read(at: offset, into: buffer.slice(0, count))
  }
}
