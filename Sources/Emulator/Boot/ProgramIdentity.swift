// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Which build of a program an ELF file is of, whatever `strip` and `objcopy` have made of the file since.
///
/// The file comes from a stranger, and may be large: of one with gigabytes of debugging information only headers, notes and what
/// would be loaded are read.
package struct ProgramIdentity: Equatable, Sendable {
  /// Where a part of it lies, by virtual address.
  package struct Extent: Equatable, Sendable {
    package var address: UInt64
    /// In memory; at least 1.
    package var size: UInt64

    package init(address: UInt64, size: UInt64) {
      self.address = address
      self.size = size
    }

    package func overlaps(_ other: Extent) -> Bool {
      address <= other.address &+ (other.size - 1) && other.address <= address &+ (size - 1)
    }
  }

  /// The GNU build-id, which survives whatever is stripped and split off.
  package var buildID: [UInt8]?
  /// What is loaded. Debugging information that was split off still says where the program lies.
  package var extents: [Extent]
  /// Digest of what is loaded; nil where the file has nothing of it any more.
  package var contents: UInt64?
  /// It is for users of Linux: it asks for a dynamic linker, or says so in a note, as whatever is linked with the GNU C library does. No
  /// firmware and no kernel does.
  package var isForUsers: Bool
  /// Checksum (CRC-32) of the file that debugging information was split off to, as `.gnu_debuglink` has it.
  package var debugLink: UInt32?

  /// More than any program has that is booted.
  package static let extentLimit = 64
  private static let noteLimit: UInt64 = 1 << 20
  private static let nameLimit: UInt64 = 1 << 20
  private static let debugLinkLimit: UInt64 = 1 << 12
  private static let contentLimit: UInt64 = 4 << 30

  package init(_ file: [UInt8]) throws(ImageFormatError) {
    try self.init(size: UInt64(file.count)) { offset, count in Array(file[Int(offset)..<Int(offset) + count])
    }
  }

  /// - Parameter read: bytes that lie in the file; nil when they cannot be read.
  package init(size: UInt64, read: (_ offset: UInt64, _ count: Int) -> [UInt8]?) throws(ImageFormatError) {
    func part(_ name: String, at offset: UInt64, count: UInt64) throws(ImageFormatError) -> [UInt8] {
      let (end, overflow) = offset.addingReportingOverflow(count)
      guard !overflow, end <= size, let bytes = read(offset, Int(count)) else {
        throw .truncated(part: name, needed: overflow ? .max : end, available: size)
      }
      return bytes
    }
    let head = try part("the ELF header", at: 0, count: min(size, ExecutableFile.headerSize))
    let header = try ExecutableFile.readHeader(head)
    let table = try part(
      "the table of program headers", at: header.programHeaderOffset,
      count: header.programHeaderCount * ExecutableFile.programHeaderSize)
    let programHeaders = Self.programHeaders(table)
    let loads = programHeaders.filter { $0.type == 1 && $0.memorySize > 0 }
    guard loads.count <= Self.extentLimit else {
      throw .inconsistent(what: "it has \(loads.count) segments to load")
    }
    extents = loads.map { Extent(address: $0.address, size: $0.memorySize) }
    isForUsers = programHeaders.contains { $0.type == 3 }
    // Nothing but names and debugging information is lost with a damaged table of sections.
    let sections =
      header.sectionHeaderSize != ExecutableFile.sectionHeaderSize
      ? []
      : (try? part(
        "the table of section headers", at: header.sectionHeaderOffset,
        count: header.sectionHeaderCount * ExecutableFile.sectionHeaderSize)).map(Self.sections) ?? []
    // objcopy leaves notes where it says in the section headers, and forgets to say so in the program headers.
    let notes =
      sections.filter { $0.type == 7 }.map { ($0.offset, $0.size) }
      + programHeaders.filter { $0.type == 4 }.map { ($0.offset, $0.fileSize) }
    buildID = nil
    for (offset, size) in notes where size <= Self.noteLimit {
      guard let bytes = try? part("notes", at: offset, count: size) else { continue }
      if buildID == nil { buildID = Self.buildIDs(in: bytes).first }
      // NT_GNU_ABI_TAG, of Linux.
      if Self.descriptions(ofType: 1, in: bytes).contains(where: { $0.starts(with: [0, 0, 0, 0]) }) {
        isForUsers = true
      }
    }
    debugLink = Self.section(".gnu_debuglink", of: sections, header) { offset, size in
      try? part("a section", at: offset, count: size)
    }.flatMap(Self.debugLink)
    contents = nil
    // Where debugging information was split off, the sections are there without what was in them.
    guard !sections.contains(where: \.isLoaded) || sections.contains(where: \.isLoadedContent) else { return }
    var digest: UInt64 = 0
    var count: UInt64 = 0
    for load in loads where load.fileSize > 0 {
      guard load.fileSize <= Self.contentLimit - count else { return }
      count += load.fileSize
      var bytes = try part("a segment", at: load.offset, count: load.fileSize)
      // Where the header is loaded too: it says where the sections are that may have been stripped.
      if load.offset < ExecutableFile.headerSize {
        for place in 0..<min(bytes.count, Int(ExecutableFile.headerSize - load.offset)) { bytes[place] = 0 }
      }
      digest = Digest.of(bytes, seed: digest ^ load.address)
    }
    if count > 0 { contents = digest }
  }

  /// Every GNU build-id that notes in `bytes` say: those of a section of notes, or of a flat image that has such sections in it.
  package static func buildIDs(in bytes: [UInt8]) -> [[UInt8]] { descriptions(ofType: 3, in: bytes) }

  /// What GNU's notes of a type say.
  private static func descriptions(ofType type: UInt32, in bytes: [UInt8]) -> [[UInt8]] {
    // A note is three words (lengths of the name and of the description, type) and both of these.
    let headSize = 16
    guard bytes.count > headSize else { return [] }
    let name = UInt32(0x47) | 0x4e << 8 | 0x55 << 16  // "GNU" and a zero
    return bytes.withUnsafeBytes { raw in
      func word(_ offset: Int) -> UInt32 {
        UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt32.self))
      }
      var found: [[UInt8]] = []
      for offset in stride(from: 0, through: raw.count - headSize, by: 4)
      where word(offset + 12) == name && word(offset) == 4 && word(offset + 8) == type {
        let size = Int(word(offset + 4))
        guard (1...buildIDLimit).contains(size), size <= raw.count - offset - headSize else { continue }
        found.append(Array(raw[offset + headSize..<offset + headSize + size]))
        if found.count == buildIDCountLimit { break }
      }
      return found
    }
  }

  /// Bytes of the longest build-id that is taken for one.
  package static let buildIDLimit = 64
  /// A kernel has its own and those of the vDSOs in it.
  package static let buildIDCountLimit = 16

  /// What is added to every address of the ELF file when it is booted: 0 for all but those that may lie anywhere.
  package static func displacement(of file: [UInt8], asKernel isKernel: Bool) -> UInt64 {
    let free = MemoryMap.memoryBase + (isKernel ? BootLayout.alignment : 0)
    return (try? ExecutableFile(file, freeAddress: free))?.displacement ?? 0
  }

  // MARK: Tables

  private struct ProgramHeader {
    var type: UInt32
    var offset: UInt64
    var address: UInt64
    var fileSize: UInt64
    var memorySize: UInt64
  }

  private static func programHeaders(_ table: [UInt8]) -> [ProgramHeader] {
    stride(from: 0, to: table.count, by: Int(ExecutableFile.programHeaderSize)).map { start in
      ExecutableFile.fields(of: table[start...]) { (reader) throws(ByteCodingError) in
        let type = try reader.uint32()
        _ = try reader.uint32()  // p_flags
        let offset = try reader.uint64()
        let address = try reader.uint64()
        _ = try reader.uint64()  // p_paddr
        return ProgramHeader(
          type: type, offset: offset, address: address, fileSize: try reader.uint64(),
          memorySize: try reader.uint64())
      }
    }
  }

  private struct Section {
    /// Where its name begins in the section of names.
    var name: Int
    var type: UInt32
    var flags: UInt64
    var offset: UInt64
    var size: UInt64

    /// SHF_ALLOC.
    var isLoaded: Bool { flags & 2 != 0 }

    /// It is loaded, and the file has it (not SHT_NOBITS). Notes stay in what was split off.
    var isLoadedContent: Bool { isLoaded && type != 8 && type != 7 && size > 0 }
  }

  private static func sections(_ table: [UInt8]) -> [Section] {
    stride(from: 0, to: table.count, by: Int(ExecutableFile.sectionHeaderSize)).map { start in
      ExecutableFile.fields(of: table[start...]) { (reader) throws(ByteCodingError) in
        let name = Int(try reader.uint32())
        let type = try reader.uint32()
        let flags = try reader.uint64()
        _ = try reader.uint64()  // sh_addr
        return Section(
          name: name, type: type, flags: flags, offset: try reader.uint64(), size: try reader.uint64())
      }
    }
  }

  /// What a section has that is not loaded; nil when there is none of that name, or it is larger than such a one would be.
  private static func section(
    _ name: String, of sections: [Section], _ header: ExecutableFile.Header,
    read: (_ offset: UInt64, _ size: UInt64) -> [UInt8]?
  ) -> [UInt8]? {
    guard sections.indices.contains(header.sectionNameIndex) else { return nil }
    let table = sections[header.sectionNameIndex]
    guard table.size <= nameLimit, let names = read(table.offset, table.size) else { return nil }
    let wanted = Array(name.utf8) + [0]
    let found = sections.first {
      !$0.isLoaded && $0.size <= debugLinkLimit && $0.name < names.count
        && names[$0.name...].starts(with: wanted)
    }
    return found.flatMap { read($0.offset, $0.size) }
  }

  /// A name with a zero, filled up to whole words, and the checksum.
  private static func debugLink(_ section: [UInt8]) -> UInt32? {
    guard section.count >= 8, section.count % 4 == 0 else { return nil }
    return section.suffix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
