import ByteCoding

extension ExecutableFile {
  /// The physical address of a symbol, or nil when the file has no such symbol in any of its segments.
  ///
  /// A file without a symbol table has no symbols; one with a damaged table is damaged. Of several symbols with the
  /// same name the first counts.
  package func physicalAddress(ofSymbol name: String) throws(ImageFormatError) -> UInt64? {
    let sections = try readSections()
    // The format allows one symbol table (SHT_SYMTAB, type 2).
    guard let table = sections.first(where: { $0.type == 2 }) else { return nil }
    guard let strings = sections[checked: table.link], strings.type == 3 else {
      throw .inconsistent(what: "its symbol table has no table of names")
    }
    let symbolBytes = try Self.part("the symbol table", of: file, at: table.offset, count: table.size)
    let nameBytes = try Self.part("the symbols' names", of: file, at: strings.offset, count: strings.size)
    let symbolSize = 24
    guard table.size % UInt64(symbolSize) == 0 else {
      throw .inconsistent(what: "its symbol table is no whole number of symbols")
    }
    let wanted = Array(name.utf8) + [0]
    for start in stride(from: symbolBytes.startIndex, to: symbolBytes.endIndex, by: symbolSize) {
      let (nameOffset, section, value) = Self.fields(of: symbolBytes[start...]) {
        (reader) throws(ByteCodingError) in
        let nameOffset = try reader.uint32()
        _ = try reader.uint16()  // st_info and st_other: binding and visibility do not matter here
        return (nameOffset, try reader.uint16(), try reader.uint64())
      }
      guard section != 0, Int(nameOffset) < nameBytes.count,
        nameBytes[(nameBytes.startIndex + Int(nameOffset))...].starts(with: wanted)
      else { continue }
      return Self.physical(value &+ displacement, in: segments)
    }
    return nil
  }

  private struct Section {
    var type: UInt32
    var offset: UInt64
    var size: UInt64
    var link: UInt32
  }

  private func readSections() throws(ImageFormatError) -> [Section] {
    let table = try Self.part(
      "the table of section headers", of: file, at: header.sectionHeaderOffset,
      count: header.sectionHeaderCount * Self.sectionHeaderSize)
    return (0..<Int(header.sectionHeaderCount)).map { index in
      Self.fields(of: table[(table.startIndex + index * Int(Self.sectionHeaderSize))...]) {
        (reader) throws(ByteCodingError) in
        _ = try reader.uint32()  // sh_name
        let type = try reader.uint32()
        _ = try reader.raw(16)  // sh_flags, sh_addr
        return Section(
          type: type, offset: try reader.uint64(), size: try reader.uint64(), link: try reader.uint32())
      }
    }
  }
}

extension Array {
  fileprivate subscript(checked index: UInt32) -> Element? {
    Int(index) < count ? self[Int(index)] : nil
  }
}
