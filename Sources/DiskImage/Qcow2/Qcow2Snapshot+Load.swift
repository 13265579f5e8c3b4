// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem
import Synchronization

extension Qcow2Snapshot {
  /// The ranges of the disk that the image holds itself, over whatever its backing file has there: ascending, a cluster
  /// at a time.
  public var changes: [ScratchOverlay.Change] {
    get throws(DiskImageError) {
      try pieces().map { piece in
        ScratchOverlay.Change(offset: piece.place, count: piece.count, isZero: piece.isZero)
      }
    }
  }

  /// Fills `target`, which is as large as the disk and holds nothing but zeros, with the disk's contents, on several
  /// threads. What the image does not hold is not touched; its backing file must have nothing there.
  ///
  /// - Parameter willFill: called on the caller's thread with offset and size of each range before anything is written.
  public func load(
    into target: UnsafeMutableRawBufferPointer, threadCount: Int = 2,
    willFill: (_ offset: Int, _ count: Int) -> Void
  ) throws(DiskImageError) {
    precondition(target.count == size && image.backing == nil)
    let pieces = try pieces().filter { !$0.isZero }
    for piece in pieces { willFill(piece.place, piece.count) }
    let work = LoadWork(
      file: image.data, compression: image.compression, clusterSize: image.clusterSize, pieces: pieces,
      target: target)
    // The work's threads share its counter and nothing else that changes; no two write to one place of `target`.
    let helpers = (1..<max(1, threadCount)).map { _ in HostThread { work.run() } }
    work.run()
    for helper in helpers { helper.join() }
    if let failure = work.failure { throw failure }
  }

  /// A cluster of the disk that the image holds, or a subcluster.
  fileprivate struct Piece {
    var place: Int
    var count: Int
    var mapping: ClusterMapping

    var isZero: Bool {
      if case .zero = mapping { return true }
      return false
    }
  }

  private func pieces() throws(DiskImageError) -> [Piece] {
    try checkExists()
    var pieces: [Piece] = []
    let coverage = image.geometry.l2Coverage
    let unitSize = image.geometry.unitSize
    for index in 0..<image.geometry.l1Count(covering: size) {
      guard let table = try image.l2Table(tree, index) else { continue }
      var unit = 0
      while unit < coverage / unitSize {
        let place = index * coverage + unit * unitSize
        guard place < size else { break }
        let mapping = try image.unitMapping(table, unit)
        var count = unitSize
        // What is compressed is so as a whole.
        if case .compressed = mapping { count = image.clusterSize }
        unit += count / unitSize
        if case .unallocated = mapping { continue }
        pieces.append(Piece(place: place, count: min(count, size - place), mapping: mapping))
      }
    }
    return pieces
  }
}

/// Pieces to be read and unpacked by whatever thread comes.
///
/// Sendable: everything but the counter and the failure is fixed, and each piece is taken by one thread, which alone
/// writes the piece's part of `target`.
private final class LoadWork: @unchecked Sendable {
  /// Pieces that a thread takes at a time.
  private static let batch = 16

  private let file: ImageFile
  private let compression: Qcow2Compression
  private let clusterSize: Int
  private let pieces: [Qcow2Snapshot.Piece]
  private let target: UnsafeMutableRawBufferPointer
  private let next = Atomic<Int>(0)
  private let firstFailure = Mutex<DiskImageError?>(nil)

  init(
    file: ImageFile, compression: Qcow2Compression, clusterSize: Int, pieces: [Qcow2Snapshot.Piece],
    target: UnsafeMutableRawBufferPointer
  ) {
    self.file = file
    self.compression = compression
    self.clusterSize = clusterSize
    self.pieces = pieces
    self.target = target
  }

  var failure: DiskImageError? { firstFailure.withLock { $0 } }

  func run() {
    let packed = RawBuffer(count: clusterSize + 512)
    let whole = RawBuffer(count: clusterSize)
    do throws(DiskImageError) {
      while failure == nil {
        let first = next.add(Self.batch, ordering: .relaxed).oldValue
        guard first < pieces.count else { return }
        for piece in pieces[first..<min(first + Self.batch, pieces.count)] {
          try fill(piece, packed: packed, whole: whole)
        }
      }
    } catch {
      firstFailure.withLock { $0 = $0 ?? error }
    }
  }

  private func fill(_ piece: Qcow2Snapshot.Piece, packed: RawBuffer, whole: RawBuffer) throws(DiskImageError)
  {
    let part = target.slice(piece.place, piece.count)
    switch piece.mapping {
    case .unallocated, .zero: break
    case .standard(let offset): try file.read(at: offset, into: part)
    case .compressed(let offset, let size):
      // An entry's sectors are at most a cluster and one more.
      let input = packed.bytes.slice(0, min(size, packed.bytes.count))
      try file.read(at: offset, into: input)
      let output = part.count == clusterSize ? part : whole.bytes
      guard compression.unpack(UnsafeRawBufferPointer(input), filling: output) else {
        throw .damaged(file.path, "the compressed cluster at offset \(offset) does not unpack")
      }
      if part.count < clusterSize {
        part.copyMemory(from: UnsafeRawBufferPointer(whole.bytes).slice(0, part.count))
      }
    }
  }
}
