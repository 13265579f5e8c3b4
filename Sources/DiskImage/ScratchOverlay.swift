// SPDX-License-Identifier: Apache-2.0

/// An image over another one that is only read, and of which nothing stays: what a run that is not recorded, or a replay, writes to.
///
/// The changes are a value: `contents` can be kept (a checkpoint of the disk costs no copy of the data, only of what
/// changes afterwards) and set again. What was written can be listed in order, to make a snapshot of it: by pieces of a cluster, so
/// that a snapshot does not grow with what lies around small writes.
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

  /// What differs from the base in a cluster.
  fileprivate struct ChangedCluster: Sendable {
    var bytes: Cluster
    /// The pieces that were written, from the lowest bit on.
    var written: UInt64 = 0
  }

  /// The clusters that differ from the base, by number.
  public struct Contents: Sendable {
    fileprivate var clusters: [Int: ChangedCluster] = [:]
    fileprivate var clustersInMemory = 0

    public init() {}

    /// How many bytes of memory and of the file the changes hold, about.
    public var byteCount: Int {
      clusters.values.reduce(0) { count, cluster in
        switch cluster.bytes {
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
  /// Of a cluster, as small as file systems write.
  private let pieceSize: Int
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
  ///   - clusterSize: a multiple of 512, 256 KiB at most.
  ///   - memoryLimit: bytes that stay in memory.
  ///   - folder: on whose file system all others go; nil: where temporary files do (`TMPDIR`, else /var/tmp).
  public init(
    base: any BlockImage, clusterSize: Int = 1 << 16, memoryLimit: Int = memoryLimit, folder: String? = nil
  ) {
    precondition(clusterSize > 0 && clusterSize <= 1 << 18 && clusterSize % 512 == 0)
    self.base = base
    self.clusterSize = clusterSize
    pieceSize = clusterSize % 4096 == 0 ? 4096 : clusterSize
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

  /// What was written, in ascending order: whole pieces, those that lie next to each other in a cluster together; the last one
  /// ends with the disk.
  public var changes: [Change] {
    var changes: [Change] = []
    for (index, cluster) in contents.clusters.sorted(by: { $0.key < $1.key }) {
      let isZero = if case .zero = cluster.bytes { true } else { false }
      var rest = cluster.written
      while rest != 0 {
        let first = rest.trailingZeroBitCount
        let count = (~(rest >> UInt64(first))).trailingZeroBitCount
        rest &= ~Self.mask(first, count)
        let offset = index * clusterSize + first * pieceSize
        changes.append(
          Change(offset: offset, count: min(count * pieceSize, size - offset), isZero: isZero))
      }
    }
    return changes
  }

  /// `count` bits from `first` on.
  private static func mask(_ first: Int, _ count: Int) -> UInt64 {
    (~0 >> UInt64(64 - count)) << UInt64(first)
  }

  /// The pieces of a cluster that a part of it touches.
  private func pieces(_ inside: Int, _ count: Int) -> UInt64 {
    let first = inside / pieceSize
    return Self.mask(first, (inside + count - 1) / pieceSize - first + 1)
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    var done = 0
    while done < buffer.count {
      let (index, inside) = (offset + done).quotientAndRemainder(dividingBy: clusterSize)
      let count = min(clusterSize - inside, buffer.count - done)
      let part = buffer.slice(done, count)
      switch contents.clusters[index]?.bytes {
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
        let whole = ChangedCluster(bytes: .zero, written: pieces(0, part))
        if case .memory? = contents.clusters.updateValue(whole, forKey: index)?.bytes {
          contents.clustersInMemory -= 1
        }
      } else if case .zero? = contents.clusters[index]?.bytes {
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
    defer { contents.clusters[index]?.written |= pieces(inside, bytes.count) }
    switch contents.clusters[index]?.bytes {
    case .memory?:
      // Taken out of the dictionary while it is changed, so that the array is not copied.
      guard case .memory(var cluster)? = exchange(index, .zero) else { return }
      cluster.withUnsafeMutableBytes { $0.slice(inside, bytes.count).copyMemory(from: bytes) }
      exchange(index, .memory(cluster))
    case .file?:
      // Likewise: a reference in the dictionary would count.
      guard case .file(var cluster)? = exchange(index, .zero) else { return }
      defer { exchange(index, .file(cluster)) }
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
        exchange(index, .memory(Array(room.bytes)))
        contents.clustersInMemory += 1
      } else {
        let cluster = try spill.allocate()
        try cluster.write(at: 0, from: UnsafeRawBufferPointer(room.bytes))
        exchange(index, .file(cluster))
      }
    }
  }

  /// Gives a cluster other bytes; answers those that it had.
  @discardableResult
  private func exchange(_ index: Int, _ bytes: Cluster) -> Cluster? {
    let old = contents.clusters[index]
    contents.clusters[index] = ChangedCluster(bytes: bytes, written: old?.written ?? 0)
    return old?.bytes
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
