// SPDX-License-Identifier: Apache-2.0

import ByteCoding

extension ExecutableFile {
  /// The physical address of a symbol, or nil when the file has no such symbol in any of its segments.
  ///
  /// A file without a symbol table has no symbols, and neither has one whose table is damaged or cut off: nothing that is loaded
  /// needs it. Of several symbols with the same name the first counts.
  package func physicalAddress(ofSymbol name: String) -> UInt64? {
    guard let table = try? Self.readSymbols(file, header) else { return nil }
    let wanted = Array(name.utf8) + [0]
    for symbol in table.symbols where table.names(from: symbol).starts(with: wanted) {
      return Self.physical(symbol.value &+ displacement, in: segments)
    }
    return nil
  }

  /// An entry of a symbol table that is defined in this file (ELF specification, "Symbol Table").
  package struct Symbol {
    package var nameOffset: Int
    package var type: UInt8
    package var value: UInt64
    package var size: UInt64
    /// Where the section ends that it is in, of what is loaded. 0 for one of a section that is not loaded, whose value is no address; nil for
    /// one that is in none.
    package var sectionEnd: UInt64?
  }

  package struct Symbols {
    package var symbols: [Symbol]
    package var names: ArraySlice<UInt8>

    /// What stands in the table of names from the symbol's name on: the name ends with a zero.
    func names(from symbol: Symbol) -> ArraySlice<UInt8> { names[(names.startIndex + symbol.nameOffset)...] }
  }

  /// The symbol table of a file, or nil when it has none. Symbols whose names lie outside the table of names are left out.
  package static func readSymbols(_ file: [UInt8], _ header: Header) throws(ImageFormatError) -> Symbols? {
    let sections = try readSections(file, header)
    // The format allows one symbol table (SHT_SYMTAB, type 2).
    guard let table = sections.first(where: { $0.type == 2 }) else { return nil }
    guard let strings = sections[checked: table.link], strings.type == 3 else {
      throw .inconsistent(what: "its symbol table has no table of names")
    }
    let symbolBytes = try part("the symbol table", of: file, at: table.offset, count: table.size)
    let names = try part("the symbols' names", of: file, at: strings.offset, count: strings.size)
    let symbolSize = 24
    guard table.size % UInt64(symbolSize) == 0 else {
      throw .inconsistent(what: "its symbol table is no whole number of symbols")
    }
    var symbols: [Symbol] = []
    for start in stride(from: symbolBytes.startIndex, to: symbolBytes.endIndex, by: symbolSize) {
      let (symbol, section) = fields(of: symbolBytes[start...]) {
        (reader) throws(ByteCodingError) in
        let nameOffset = Int(try reader.uint32())
        let type = try reader.uint8() & 0xf  // st_info; the rest of it is the binding
        _ = try reader.uint8()  // st_other
        let section = try reader.uint16()
        return (
          Symbol(
            nameOffset: nameOffset, type: type, value: try reader.uint64(), size: try reader.uint64(),
            sectionEnd: sections[checked: UInt32(section)]?.loadedEnd),
          section
        )
      }
      if section != 0, symbol.nameOffset < names.count { symbols.append(symbol) }
    }
    return Symbols(symbols: symbols, names: names)
  }

  private struct Section {
    var type: UInt32
    /// The end of its addresses; 0 when it is not loaded (SHF_ALLOC).
    var loadedEnd: UInt64
    var offset: UInt64
    var size: UInt64
    var link: UInt32
  }

  private static func readSections(_ file: [UInt8], _ header: Header) throws(ImageFormatError) -> [Section] {
    guard header.sectionHeaderCount == 0 || header.sectionHeaderSize == sectionHeaderSize else {
      throw .inconsistent(
        what: "its section headers have \(header.sectionHeaderSize) bytes, not \(sectionHeaderSize)")
    }
    let table = try part(
      "the table of section headers", of: file, at: header.sectionHeaderOffset,
      count: header.sectionHeaderCount * sectionHeaderSize)
    return (0..<Int(header.sectionHeaderCount)).map { index in
      fields(of: table[(table.startIndex + index * Int(sectionHeaderSize))...]) {
        (reader) throws(ByteCodingError) in
        _ = try reader.uint32()  // sh_name
        let type = try reader.uint32()
        let flags = try reader.uint64()
        let address = try reader.uint64()
        let offset = try reader.uint64()
        let size = try reader.uint64()
        return Section(
          type: type, loadedEnd: flags & 2 == 0 ? 0 : address &+ size, offset: offset, size: size,
          link: try reader.uint32())
      }
    }
  }
}

extension Array {
  fileprivate subscript(checked index: UInt32) -> Element? {
    Int(index) < count ? self[Int(index)] : nil
  }
}
