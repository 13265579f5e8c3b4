// SPDX-License-Identifier: Apache-2.0

/// An overlay that a guest writes to, over an image with a witness.
///
/// The witness, and all who know the image by what it has seen, deal in whole clusters (`WitnessedImage.clusterSize`). The overlay's own are smaller, so
/// that a write to a part of such a cluster hides that part alone and reads nothing. What it leaves is shown to the witness here,
/// before it is written: a cluster below is known whole, or hidden whole.
public final class WitnessedOverlay: BlockImage {
  private let overlay: Qcow2Image
  private let base: WitnessedImage
  /// Clusters below of which nothing is left to be seen.
  private var hidden: Set<Int> = []

  public var size: Int { overlay.size }
  public var isReadOnly: Bool { overlay.isReadOnly }
  public var path: String { overlay.path }

  /// Nil for an overlay that has nothing under it, or nothing with a witness.
  public init?(_ overlay: Qcow2Image) {
    guard let base = overlay.backing as? WitnessedImage else { return nil }
    self.overlay = overlay
    self.base = base
  }

  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(DiskImageError) {
    try overlay.read(at: offset, into: buffer)
  }

  public func write(at offset: Int, from bytes: UnsafeRawBufferPointer) throws(DiskImageError) {
    try showWhatStays(around: offset, bytes.count)
    try overlay.write(at: offset, from: bytes)
    hide(offset, bytes.count)
  }

  public func writeZeroes(at offset: Int, count: Int) throws(DiskImageError) {
    try showWhatStays(around: offset, count)
    try overlay.writeZeroes(at: offset, count: count)
    hide(offset, count)
  }

  public func flush() throws(DiskImageError) { try overlay.flush() }

  /// Only the first and the last cluster of a range can have bytes outside of it.
  private func showWhatStays(around offset: Int, _ count: Int) throws(DiskImageError) {
    try checkWritable(offset, count)
    guard count > 0 else { return }
    let (clusterSize, end) = (WitnessedImage.clusterSize, offset + count)
    func show(_ number: Int) throws(DiskImageError) {
      if !hidden.contains(number) { try base.show(number) }
    }
    if offset % clusterSize != 0 { try show(offset / clusterSize) }
    if end % clusterSize != 0, end < base.size { try show(end / clusterSize) }
  }

  /// What was overwritten whole is not looked for below any more.
  private func hide(_ offset: Int, _ count: Int) {
    let clusterSize = WitnessedImage.clusterSize
    let (first, end) = ((offset + clusterSize - 1) / clusterSize, (offset + count) / clusterSize)
    if first < end { hidden.formUnion(first..<end) }
  }
}
