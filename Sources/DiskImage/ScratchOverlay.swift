/// An image in memory over another one that is only read: what a replay writes to.
///
/// The changes are a value: `contents` can be kept (a checkpoint of the disk costs no copy of the data, only of what
/// changes afterwards) and set again. Changed clusters can be listed in order, to make a snapshot of them.
public final class ScratchOverlay: BlockImage {
  /// The clusters that differ from the base, by number.
  public struct Contents: Sendable {
    /// A changed cluster's bytes, or nil when all of them are zeros.
    fileprivate var clusters: [Int: [UInt8]?] = [:]

    public init() {}

    /// How many bytes of memory the changes hold, about.
    public var byteCount: Int { clusters.values.reduce(0) { $0 + ($1?.count ?? 0) } }
  }

  /// A range of the disk that was written.
  public struct Change: Equatable, Sendable {
    public let offset: Int
    public let count: Int
    /// The range reads as zeros.
    public let isZero: Bool
  }

  public let base: any BlockImage
  public let clusterSize: Int
  public var contents = Contents()
  /// The clusters that were written since `takeContents`.
  private var clustersSinceTaken: Set<Int> = []
  public var size: Int { base.size }
  public var isReadOnly: Bool { false }
  public var path: String { base.path }

  /// `clusterSize` is a multiple of 512.
  public init(base: any BlockImage, clusterSize: Int = 1 << 16) {
    precondition(clusterSize > 0 && clusterSize % 512 == 0)
    self.base = base
    self.clusterSize = clusterSize
  }

  /// `contents`, to be kept, and about how many bytes of memory it holds that what was taken the last time does not.
  public func takeContents() -> (contents: Contents, newByteCount: Int) {
    defer { clustersSinceTaken.removeAll() }
    return (contents, clustersSinceTaken.count * clusterSize)
  }

  /// What was written, in ascending order, a cluster at a time; the last one ends with the disk.
  public var changes: [Change] {
    contents.clusters.keys.sorted().map { index in
      let offset = index * clusterSize
      let isZero = contents.clusters[index].map { $0 == nil } ?? false
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
      case .none: try base.read(at: offset + done, into: part)
      case .some(.none): part.zero()
      case .some(.some(let cluster)):
        cluster.withUnsafeBytes { part.copyMemory(from: $0.slice(inside, count)) }
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
      // Taken out of the dictionary while it is changed, so that the array is not copied.
      clustersSinceTaken.insert(index)
      var cluster = try takeCluster(index, isOverwritten: count == clusterSize)
      cluster.withUnsafeMutableBytes { $0.slice(inside, count).copyMemory(from: bytes.slice(done, count)) }
      contents.clusters[index] = .some(cluster)
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
        contents.clusters.updateValue(nil, forKey: index)
      } else {
        clustersSinceTaken.insert(index)
        var cluster = try takeCluster(index, isOverwritten: false)
        cluster.withUnsafeMutableBytes { $0.slice(inside, part).zero() }
        contents.clusters[index] = .some(cluster)
      }
      done += part
    }
  }

  public func flush() throws(DiskImageError) {}

  /// The bytes of a cluster, all zeros when they are about to be overwritten anyway. If reading the base fails, nothing
  /// has changed.
  private func takeCluster(_ index: Int, isOverwritten: Bool) throws(DiskImageError) -> [UInt8] {
    switch contents.clusters[index] {
    case .some(.some(let cluster)):
      contents.clusters.updateValue(nil, forKey: index)
      return cluster
    case .some(.none):
      return [UInt8](repeating: 0, count: clusterSize)
    case .none:
      var cluster = [UInt8](repeating: 0, count: clusterSize)
      guard !isOverwritten else { return cluster }
      let offset = index * clusterSize
      let count = min(clusterSize, size - offset)
      cluster.replaceSubrange(0..<count, with: try base.read(at: offset, count: count))
      return cluster
    }
  }
}
