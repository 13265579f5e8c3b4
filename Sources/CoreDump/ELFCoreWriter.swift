// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

/// Writes an ELF core: 64 bits, little-endian, RISC-V.
///
///     ELF header │ section header (only for very many segments) │ program headers │ notes │ memory of each region
///
/// A segment for each mapping comes first, then one for each region with its physical addresses as virtual ones: a debugger that
/// finds an address in several segments takes the first. All of them point to the same bytes of the file. Pages of zeros
/// are holes in it.
public final class ELFCoreWriter: CoreWriter {
  private static let headerSize = 64
  private static let programHeaderSize = 56
  /// From this number on it stands in section header 0 (PN_XNUM of the ELF specification).
  private static let segmentCountLimit = 0xffff
  private static let machine: UInt16 = 243  // EM_RISCV
  /// Double-precision calling convention. Compressed instructions (1) would be true too: crash 8.0.6 takes that bit for the mark of
  /// an incomplete dump.
  private static let flags: UInt32 = 4

  private struct Segment {
    var type: UInt32
    var offset: UInt64
    var virtualAddress: UInt64
    var physicalAddress: UInt64
    var size: UInt64
    var alignment: UInt64
  }

  private let core: CoreDescription
  private let output: any CoreOutput
  private let notes: [UInt8]
  private var segments: [Segment] = []
  /// Where each region's memory begins in the file.
  private var regionOffsets: [UInt64] = []
  private let fileSize: UInt64
  public private(set) var byteCount: UInt64 = 0

  public init(_ core: CoreDescription, output: any CoreOutput) {
    self.core = core
    self.output = output
    notes = CoreNotes.all(of: core).bytes
    let loads = core.mappings.flatMap { mapping in
      core.regions.indices.compactMap { Self.part(of: mapping, in: core.regions[$0], index: $0) }
    }
    let count = 1 + loads.count + core.regions.count
    let sectionSize = count >= Self.segmentCountLimit ? 64 : 0
    let notesOffset = UInt64(Self.headerSize + sectionSize + count * Self.programHeaderSize)

    // Memory lies in the file as in its pages, so that it can be mapped.
    var end = notesOffset + UInt64(notes.count)
    for region in core.regions {
      let inPage = region.address % CoreDescription.pageSize
      end =
        (end + CoreDescription.pageSize - 1) / CoreDescription.pageSize * CoreDescription.pageSize + inPage
      regionOffsets.append(end)
      end += region.size
    }
    fileSize = end
    segments.append(
      Segment(
        type: 4, offset: notesOffset, virtualAddress: 0, physicalAddress: 0, size: UInt64(notes.count),
        alignment: 4))
    for (index, part) in loads {
      segments.append(load(part, region: index))
    }
    for (index, region) in core.regions.enumerated() {
      let identity = CoreDescription.Mapping(
        virtualAddress: region.address, physicalAddress: region.address, size: region.size)
      segments.append(load(identity, region: index))
    }
  }

  private static func part(
    of mapping: CoreDescription.Mapping, in region: CoreDescription.Region, index: Int
  ) -> (Int, CoreDescription.Mapping)? {
    let range = mapping.physicalAddress..<mapping.physicalAddress + mapping.size
    guard let common = region.clipped(to: range) else { return nil }
    return (
      index,
      .init(
        virtualAddress: mapping.virtualAddress + (common.address - mapping.physicalAddress),
        physicalAddress: common.address, size: common.size)
    )
  }

  private func load(_ mapping: CoreDescription.Mapping, region index: Int) -> Segment {
    Segment(
      type: 1, offset: regionOffsets[index] + (mapping.physicalAddress - core.regions[index].address),
      virtualAddress: mapping.virtualAddress, physicalAddress: mapping.physicalAddress, size: mapping.size,
      // None is stated: by 4096 crash 8.0.6 takes the file for a network dump, and finds no registers.
      alignment: 0)
  }

  public func begin() throws(OutputError) {
    try output.setSize(fileSize)
    try put(headers() + notes, at: 0)
  }

  private func headers() -> [UInt8] {
    let isLong = segments.count >= Self.segmentCountLimit
    var writer = ByteWriter(reserving: 128 + segments.count * Self.programHeaderSize)
    // The magic number; 64 bits, little-endian, version 1, no system's own.
    writer.raw([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
    writer.uint64(0)
    writer.uint16(4)  // ET_CORE
    writer.uint16(Self.machine)
    writer.uint32(1)
    writer.uint64(0)
    writer.uint64(UInt64(Self.headerSize + (isLong ? 64 : 0)))
    writer.uint64(isLong ? UInt64(Self.headerSize) : 0)
    writer.uint32(Self.flags)
    writer.uint16(UInt16(Self.headerSize))
    writer.uint16(UInt16(Self.programHeaderSize))
    writer.uint16(UInt16(min(segments.count, Self.segmentCountLimit)))
    writer.uint16(64)
    writer.uint16(isLong ? 1 : 0)
    writer.uint16(0)
    if isLong {
      writer.raw(repeatElement(0, count: 44))
      writer.uint32(UInt32(segments.count))  // sh_info
      writer.raw(repeatElement(0, count: 16))
    }
    for segment in segments {
      writer.uint32(segment.type)
      writer.uint32(segment.type == 1 ? 7 : 0)  // may be read, written and executed
      writer.uint64(segment.offset)
      writer.uint64(segment.virtualAddress)
      writer.uint64(segment.physicalAddress)
      writer.uint64(segment.size)
      writer.uint64(segment.type == 1 ? segment.size : 0)
      writer.uint64(segment.alignment)
    }
    return writer.bytes
  }

  public func write(_ bytes: UnsafeRawBufferPointer, at address: UInt64) throws(OutputError) -> Int {
    guard let index = core.regionIndex(at: address, count: UInt64(bytes.count)) else {
      preconditionFailure("memory of no region is written")
    }
    let start = regionOffsets[index] + (address - core.regions[index].address)
    let pageSize = Int(CoreDescription.pageSize)
    var pageCount = 0
    /// Where bytes begin that are to be written and that nothing but such bytes follows so far.
    var pending: Int?
    var offset = 0
    while offset < bytes.count {
      let inPage = Int(truncatingIfNeeded: (address + UInt64(offset)) % CoreDescription.pageSize)
      let count = min(pageSize - inPage, bytes.count - offset)
      if ZeroBytes.areAll(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count])) {
        if let from = pending { try put(bytes, from..<offset, at: start) }
        pending = nil
      } else {
        pageCount += 1
        pending = pending ?? offset
      }
      offset += count
    }
    if let from = pending { try put(bytes, from..<offset, at: start) }
    return pageCount
  }

  public func finish() throws(OutputError) {}

  private func put(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>, at start: UInt64)
    throws(OutputError)
  {
    try output.write(UnsafeRawBufferPointer(rebasing: bytes[range]), at: start + UInt64(range.lowerBound))
    byteCount += UInt64(range.count)
  }

  private func put(_ bytes: [UInt8], at offset: UInt64) throws(OutputError) {
    try output.write(bytes, at: offset)
    byteCount += UInt64(bytes.count)
  }
}
