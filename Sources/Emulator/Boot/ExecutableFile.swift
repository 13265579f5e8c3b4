// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// An ELF64 little-endian RISC-V executable, as far as loading it goes: its PT_LOAD segments by physical address, and
/// its entry point.
///
/// The file comes from a stranger. After a successful parse these hold: every segment's bytes lie in the file, no
/// segment wraps around the address space, no two have bytes for one place, and the entry point lies in one of them. Some of the
/// file may be for places below RAM: linkers like to put its headers there. Nothing of that is loaded, as on QEMU.
package struct ExecutableFile: Sendable, Equatable {
  /// A part of memory: `bytes`, then zeroes up to `memorySize`.
  package struct Segment: Sendable, Equatable {
    package var physicalAddress: UInt64
    package var virtualAddress: UInt64
    package var bytes: ArraySlice<UInt8>
    package var memorySize: UInt64
    package var physicalEnd: UInt64 { physicalAddress + memorySize }

    /// What of it lies at `address` or above; nil when nothing does.
    func cut(below address: UInt64) -> Segment? {
      guard physicalAddress < address else { return self }
      guard physicalEnd > address else { return nil }
      let count = address - physicalAddress
      return Segment(
        physicalAddress: address, virtualAddress: virtualAddress &+ count,
        bytes: bytes.dropFirst(Int(min(count, UInt64(bytes.count)))), memorySize: memorySize - count)
    }
  }

  /// At least one, in ascending order of physical address. None of them begins below RAM.
  package let segments: [Segment]
  /// Physical address of the first instruction.
  package let entry: UInt64
  let file: [UInt8]
  let header: Header
  /// What the load address adds to every address in the file: 0 for all but position-independent executables.
  let displacement: UInt64

  /// The fields of the file header that matter here (ELF specification, "ELF Header").
  package struct Header: Sendable, Equatable {
    var isPositionIndependent: Bool
    var entry: UInt64
    var programHeaderOffset: UInt64
    var sectionHeaderOffset: UInt64
    var programHeaderCount: UInt64
    var sectionHeaderCount: UInt64
    var sectionHeaderSize: UInt64
    /// The section that has the names of sections.
    var sectionNameIndex: Int
  }

  static let headerSize: UInt64 = 64
  static let programHeaderSize: UInt64 = 56
  static let sectionHeaderSize: UInt64 = 64

  /// Whether `file` claims to be an ELF file of any kind.
  package static func isOne(_ file: [UInt8]) -> Bool { file.starts(with: [0x7f, 0x45, 0x4c, 0x46]) }

  /// - Parameter freeAddress: where a position-independent executable goes that was linked for no place in RAM, as
  ///   OpenSBI is since 1.6: its addresses count from there.
  package init(_ file: [UInt8], freeAddress: UInt64) throws(ImageFormatError) {
    self.file = file
    header = try Self.readHeader(file)
    var loaded = try Self.readSegments(file, header)
    guard let lowest = loaded.first?.physicalAddress, let highest = loaded.map(\.physicalEnd).max() else {
      throw .unsupported(what: "an ELF file with nothing to load", use: "a linked executable")
    }
    // Linked for places of which none is RAM.
    let isFree = header.isPositionIndependent && highest <= MemoryMap.memoryBase
    displacement = isFree ? freeAddress : 0
    if !isFree, lowest == 0, highest <= MemoryMap.memoryBase { Self.loadWhereLinked(&loaded) }
    guard !highest.addingReportingOverflow(displacement).overflow else {
      throw .inconsistent(what: "its segments run past the end of the address space")
    }
    for index in loaded.indices {
      loaded[index].physicalAddress += displacement
      loaded[index].virtualAddress &+= displacement
    }
    // What is below RAM goes nowhere; without anything else the whole is reported as lying outside.
    let inMemory = loaded.compactMap { $0.cut(below: MemoryMap.memoryBase) }
    if !inMemory.isEmpty { loaded = inMemory }
    try Self.separate(&loaded)
    segments = loaded
    guard let entry = Self.physical(header.entry &+ displacement, in: loaded) else {
      throw .inconsistent(what: "its entry point \(hexadecimal(header.entry)) lies in none of its segments")
    }
    self.entry = entry
  }

  /// Some linkers leave every physical address 0: then the virtual ones count, when they are places in RAM.
  private static func loadWhereLinked(_ segments: inout [Segment]) {
    guard
      segments.allSatisfy({
        $0.physicalAddress == 0 && $0.virtualAddress >= MemoryMap.memoryBase
          && !$0.virtualAddress.addingReportingOverflow($0.memorySize).overflow
      })
    else { return }
    for index in segments.indices { segments[index].physicalAddress = segments[index].virtualAddress }
    segments.sort { $0.physicalAddress < $1.physicalAddress }
  }

  /// Takes care that ascending segments do not overlap. The zeroes behind a segment's bytes may reach into the next one, whose bytes
  /// count; two segments with bytes for one place contradict each other.
  private static func separate(_ segments: inout [Segment]) throws(ImageFormatError) {
    for index in segments.indices.dropLast() {
      let next = segments[index + 1].physicalAddress
      guard next < segments[index].physicalEnd else { continue }
      guard next - segments[index].physicalAddress >= UInt64(segments[index].bytes.count) else {
        throw .inconsistent(what: "two of its segments overlap at \(hexadecimal(next))")
      }
      // The rest of the zeroes lies behind the next segment, or in it.
      let rest = segments[index].physicalEnd
      segments[index].memorySize = next - segments[index].physicalAddress
      if rest > segments[index + 1].physicalEnd {
        segments[index + 1].memorySize = rest - segments[index + 1].physicalAddress
      }
    }
    segments.removeAll { $0.memorySize == 0 }
  }

  /// The physical address of a virtual address, or nil when no segment holds it.
  static func physical(_ address: UInt64, in segments: [Segment]) -> UInt64? {
    for segment in segments where address &- segment.virtualAddress < segment.memorySize {
      return segment.physicalAddress + (address &- segment.virtualAddress)
    }
    return nil
  }

  /// `count` bytes of the file at `offset`, checked.
  static func part(
    _ name: @autoclosure () -> String, of file: [UInt8], at offset: UInt64, count: UInt64
  ) throws(ImageFormatError) -> ArraySlice<UInt8> {
    let (end, overflow) = offset.addingReportingOverflow(count)
    guard !overflow, end <= UInt64(file.count) else {
      throw .truncated(
        part: name(), needed: overflow ? .max : end, available: UInt64(file.count))
    }
    return file[Int(offset)..<Int(end)]
  }

  /// Runs `read` over bytes whose number the caller has made sure of.
  static func fields<Value>(
    of bytes: ArraySlice<UInt8>, _ read: (inout ByteReader) throws(ByteCodingError) -> Value
  ) -> Value {
    var reader = ByteReader(bytes)
    do { return try read(&reader) } catch { preconditionFailure("a part is as long as its fields: \(error)") }
  }

  package static func readHeader(_ file: [UInt8]) throws(ImageFormatError) -> Header {
    guard isOne(file) else { throw .unsupported(what: "not an ELF file", use: "an ELF executable for rv64") }
    let bytes = try part("the ELF header", of: file, at: 0, count: headerSize)
    // e_ident: class, data encoding, version.
    let identity = Array(bytes.prefix(16))
    guard identity[4] == 2 else {
      throw .unsupported(
        what: identity[4] == 1 ? "a 32-bit ELF file" : "an ELF file of class \(identity[4])",
        use: "an executable for rv64")
    }
    guard identity[5] == 1 else {
      throw .unsupported(
        what: identity[5] == 2 ? "a big-endian ELF file" : "an ELF file of byte order \(identity[5])",
        use: "an executable for rv64")
    }
    guard identity[6] == 1 else { throw .inconsistent(what: "its ELF version is \(identity[6]), not 1") }
    let (type, machine, entrySize, header) = fields(of: bytes.dropFirst(16)) {
      (reader) throws(ByteCodingError) in
      let type = try reader.uint16()
      let machine = try reader.uint16()
      _ = try reader.uint32()  // e_version, again
      let entry = try reader.uint64()
      let programHeaderOffset = try reader.uint64()
      let sectionHeaderOffset = try reader.uint64()
      _ = try reader.uint32()  // e_flags: the calling convention, of no matter to the machine
      _ = try reader.uint16()  // e_ehsize
      let entrySize = try reader.uint16()
      let programHeaderCount = try reader.uint16()
      let sectionSize = try reader.uint16()
      let sectionHeaderCount = try reader.uint16()
      let sectionNameIndex = try reader.uint16()
      return (
        type, machine, UInt64(entrySize),
        Header(
          isPositionIndependent: type == 3, entry: entry, programHeaderOffset: programHeaderOffset,
          sectionHeaderOffset: sectionHeaderOffset,
          programHeaderCount: UInt64(programHeaderCount), sectionHeaderCount: UInt64(sectionHeaderCount),
          sectionHeaderSize: UInt64(sectionSize), sectionNameIndex: Int(sectionNameIndex))
      )
    }
    guard machine == 243 else {
      throw .unsupported(
        what: "an ELF file for another processor (machine number \(machine))", use: "an executable for rv64")
    }
    // ET_EXEC, or ET_DYN: a position-independent executable.
    guard type == 2 || type == 3 else {
      throw .unsupported(
        what: "an ELF file of type \(type), which is not an executable", use: "a linked executable")
    }
    guard header.programHeaderCount == 0 || entrySize == programHeaderSize else {
      throw .inconsistent(what: "its program headers have \(entrySize) bytes, not \(programHeaderSize)")
    }
    return header
  }

  private static func readSegments(_ file: [UInt8], _ header: Header) throws(ImageFormatError) -> [Segment] {
    let table = try part(
      "the table of program headers", of: file, at: header.programHeaderOffset,
      count: header.programHeaderCount * programHeaderSize)
    var segments: [Segment] = []
    for index in 0..<Int(header.programHeaderCount) {
      let start = table.startIndex + index * Int(programHeaderSize)
      let (type, offset, virtualAddress, physicalAddress, fileSize, memorySize) = fields(of: table[start...])
      {
        (reader) throws(ByteCodingError) in
        let type = try reader.uint32()
        _ = try reader.uint32()  // p_flags: RAM has no protection of its own
        return (
          type, try reader.uint64(), try reader.uint64(), try reader.uint64(), try reader.uint64(),
          try reader.uint64()
        )
      }
      guard type == 1, memorySize > 0 else { continue }  // PT_LOAD
      guard fileSize <= memorySize else {
        throw .inconsistent(what: "segment \(index) is larger in the file than in memory")
      }
      guard !physicalAddress.addingReportingOverflow(memorySize).overflow else {
        throw .inconsistent(what: "segment \(index) runs past the end of the address space")
      }
      let bytes = try part("segment \(index)", of: file, at: offset, count: fileSize)
      segments.append(
        Segment(
          physicalAddress: physicalAddress, virtualAddress: virtualAddress, bytes: bytes,
          memorySize: memorySize))
    }
    return segments.sorted { ($0.physicalAddress, $0.bytes.count) < ($1.physicalAddress, $1.bytes.count) }
  }
}
