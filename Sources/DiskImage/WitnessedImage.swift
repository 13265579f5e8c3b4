// SPDX-License-Identifier: Apache-2.0

/// An image that is only read, and that shows each of its clusters to a witness before the first of its bytes is handed out.
public final class WitnessedImage: BlockImage {
  /// Gets the number of a cluster and its bytes, and may refuse them by throwing.
  public typealias Witness = (_ cluster: Int, _ bytes: UnsafeRawBufferPointer) throws(DiskImageError) -> Void

  public static let clusterSize = 1 << 16

  public let base: any BlockImage
  /// A new one gets to see everything again.
  public var witness: Witness { didSet { seen = [] } }
  private var seen: Set<Int> = []
  private let cluster = RawBuffer(count: clusterSize)

  public var size: Int { base.size }
  public var isReadOnly: Bool { true }
  public var path: String { base.path }

  public init(_ base: any BlockImage, witness: @escaping Witness) {
    self.base = base
    self.witness = witness
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try checkRange(offset, buffer.count)
    var done = 0
    while done < buffer.count {
      let (number, inside) = (offset + done).quotientAndRemainder(dividingBy: Self.clusterSize)
      let count = min(Self.clusterSize - inside, buffer.count - done)
      let part = buffer.slice(done, count)
      if seen.contains(number) {
        try base.read(at: offset + done, into: part)
      } else {
        part.copyMemory(from: try showCluster(number).slice(inside, count))
      }
      done += count
    }
  }

  /// Shows the witness a cluster of which no byte is asked for, unless it has seen it.
  func show(_ number: Int) throws(DiskImageError) {
    guard number * Self.clusterSize < size, !seen.contains(number) else { return }
    _ = try showCluster(number)
  }

  /// The bytes are there until the next call.
  private func showCluster(_ number: Int) throws(DiskImageError) -> UnsafeRawBufferPointer {
    let start = number * Self.clusterSize
    let whole = cluster.bytes.slice(0, min(Self.clusterSize, size - start))
    try base.read(at: start, into: whole)
    try witness(number, UnsafeRawBufferPointer(whole))
    seen.insert(number)
    return UnsafeRawBufferPointer(whole)
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    throw .readOnly(path)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) { throw .readOnly(path) }

  public func flush() throws(DiskImageError) {}
}
