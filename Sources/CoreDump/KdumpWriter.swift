// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

/// Writes a kdump-compressed file, version 6 of the disk dump header, each page compressed by zlib: what `crash`,
/// makedumpfile and drgn read.
///
///     header │ sub header, notes │ 1st bitmap │ 2nd bitmap │ page descriptors │ one page of zeros │ pages
///
/// Everything starts at a multiple of the block size, 4096, as far as the descriptors. The bitmaps have a bit for each
/// page of the physical address space from 0 on: in the 1st it is memory, in the 2nd it is in the dump. Both are the
/// same here. The descriptors are those of the bits that are set, in their order. All pages of zeros share one.
public final class KdumpWriter: CoreWriter {
  private static let blockSize = 4096
  private static let subHeaderSize = 104
  private static let descriptorSize = 24
  private static let compressedByZlib: UInt32 = 1
  /// Pages are handed on in pieces of this size.
  private static let pieceSize = 1 << 20

  private let core: CoreDescription
  private let output: any CoreOutput
  private let notes: (bytes: [UInt8], kernelInformationOffset: Int?)
  private let compressor = Compressor(level: 1, windowBits: 15)
  /// Index of the first descriptor of each region.
  private var firstPages: [Int] = []
  private let pageCount: Int
  private let descriptorsOffset: UInt64
  /// For each page, where its bytes are and how many; 0 for a page that was not given, which is never read as such.
  private var places: [(offset: UInt64, size: UInt32)]
  private var zeroPage: (offset: UInt64, size: UInt32) = (0, 0)
  private var end: UInt64
  private var piece: [UInt8] = []
  public private(set) var byteCount: UInt64 = 0

  /// Regions must consist of whole pages.
  public init(_ core: CoreDescription, output: any CoreOutput) {
    precondition(
      core.regions.allSatisfy {
        $0.address % CoreDescription.pageSize == 0 && $0.size % CoreDescription.pageSize == 0
      })
    self.core = core
    self.output = output
    notes = CoreNotes.all(of: core)
    var count = 0
    for region in core.regions {
      firstPages.append(count)
      count += Int(region.size / CoreDescription.pageSize)
    }
    pageCount = count
    places = Array(repeating: (0, 0), count: count)
    let blocks = 1 + Self.subHeaderBlocks(notes.bytes.count) + 2 * Self.bitmapBlocks(core)
    descriptorsOffset = UInt64(blocks * Self.blockSize)
    end = descriptorsOffset + UInt64(count * Self.descriptorSize)
  }

  private static func blocks(_ byteCount: Int) -> Int { (byteCount + blockSize - 1) / blockSize }
  private static func subHeaderBlocks(_ noteCount: Int) -> Int { blocks(subHeaderSize + noteCount) }

  /// One more than the number of the last page of memory.
  private static func pageNumberEnd(_ core: CoreDescription) -> UInt64 {
    (core.regions.last?.end ?? 0) / CoreDescription.pageSize
  }
  private static func bitmapBlocks(_ core: CoreDescription) -> Int {
    blocks(Int((pageNumberEnd(core) + 7) / 8))
  }

  public func begin() throws(OutputError) {
    let pageNumberEnd = Self.pageNumberEnd(core)
    var writer = ByteWriter(reserving: Int(descriptorsOffset))
    writer.raw("KDUMP   ".utf8)
    writer.uint32(6)
    let release = core.kernelInformation?.value(of: "OSRELEASE")
    (core.systemName ?? release.map { SystemName(release: $0) } ?? .unknown).encode(to: &writer)
    // Padding and the time of the dump, which is the recording's own affair.
    writer.raw(repeatElement(0, count: 22))
    writer.uint32(Self.compressedByZlib)
    writer.uint32(UInt32(Self.blockSize))
    writer.uint32(UInt32(Self.subHeaderBlocks(notes.bytes.count)))
    writer.uint32(UInt32(2 * Self.bitmapBlocks(core)))
    writer.uint32(UInt32(clamping: pageNumberEnd))
    writer.raw(repeatElement(0, count: 16))  // total_ram_blocks, device_blocks, written_blocks, current_cpu
    writer.uint32(UInt32(core.harts.count))
    pad(&writer)

    let notesOffset = UInt64(Self.blockSize + Self.subHeaderSize)
    writer.uint64(0)  // phys_base: not on RISC-V
    writer.uint32(1)  // level: pages of zeros are left out
    writer.uint32(0)  // not split into several files
    writer.uint64(0)
    writer.uint64(0)
    writer.uint64(notes.kernelInformationOffset.map { notesOffset + UInt64($0) } ?? 0)
    writer.uint64(UInt64(core.kernelInformation?.text.count ?? 0))
    writer.uint64(notesOffset)
    writer.uint64(UInt64(notes.bytes.count))
    writer.uint64(0)  // nothing was erased
    writer.uint64(0)
    writer.uint64(0)
    writer.uint64(0)
    writer.uint64(pageNumberEnd)
    writer.raw(notes.bytes)
    pad(&writer)

    let bitmap = bitmap()
    writer.raw(bitmap)
    writer.raw(bitmap)
    try put(writer.bytes, at: 0)

    let zeros = [UInt8](repeating: 0, count: Int(CoreDescription.pageSize))
    zeros.withUnsafeBytes { zeroPage = append($0) }
  }

  private func pad(_ writer: inout ByteWriter) {
    writer.raw(repeatElement(0, count: (Self.blockSize - writer.count % Self.blockSize) % Self.blockSize))
  }

  private func bitmap() -> [UInt8] {
    var bits = [UInt8](repeating: 0, count: Self.bitmapBlocks(core) * Self.blockSize)
    for region in core.regions {
      for page in (region.address / CoreDescription.pageSize)..<(region.end / CoreDescription.pageSize) {
        bits[Int(page / 8)] |= 1 << UInt8(page % 8)
      }
    }
    return bits
  }

  public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(OutputError) -> Int {
    guard let index = core.regionIndex(at: address, count: UInt64(bytes.count)) else {
      preconditionFailure("memory of no region is written")
    }
    let pageSize = Int(CoreDescription.pageSize)
    precondition(address % CoreDescription.pageSize == 0 && bytes.count % pageSize == 0)
    let first =
      firstPages[index] + Int((address - core.regions[index].address) / CoreDescription.pageSize)
    var count = 0
    for number in 0..<bytes.count / pageSize {
      let page = UnsafeRawBufferPointer(rebasing: bytes[number * pageSize..<(number + 1) * pageSize])
      if ZeroBytes.areAll(page) {
        places[first + number] = zeroPage
      } else {
        places[first + number] = append(page)
        count += 1
      }
      if piece.count >= Self.pieceSize { try putPiece() }
    }
    return count
  }

  /// Puts a page behind the others, compressed if that makes it smaller.
  private func append(_ page: UnsafeRawBufferPointer) -> (offset: UInt64, size: UInt32) {
    let start = piece.count
    if let compressed = compressor.compress(page, limit: page.count - 1) {
      piece += compressed
    } else {
      piece += page
    }
    let size = piece.count - start
    defer { end += UInt64(size) }
    return (end, UInt32(size))
  }

  private func putPiece() throws(OutputError) {
    guard !piece.isEmpty else { return }
    try put(piece, at: end - UInt64(piece.count))
    piece.removeAll(keepingCapacity: true)
  }

  public func finish() throws(OutputError) {
    try putPiece()
    var writer = ByteWriter(reserving: pageCount * Self.descriptorSize)
    for place in places {
      writer.uint64(place.offset)
      writer.uint32(place.size)
      writer.uint32(place.size == UInt32(CoreDescription.pageSize) ? 0 : Self.compressedByZlib)
      writer.uint64(0)
    }
    try put(writer.bytes, at: descriptorsOffset)
  }

  private func put(_ bytes: [UInt8], at offset: UInt64) throws(OutputError) {
    try output.write(bytes, at: offset)
    byteCount += UInt64(bytes.count)
  }
}
