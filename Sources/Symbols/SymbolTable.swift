// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The names in an ELF file by their virtual addresses: what lies where in a guest.
package struct SymbolTable: Sendable {
  private struct Entry {
    var address: UInt64
    /// 0 where the file does not say.
    var size: UInt64
    /// How far behind it an address may lie and still be called after it where the file does not say a size.
    var reach: UInt64
    var nameOffset: Int
    var isFunction: Bool
  }

  /// How far that is at most.
  private static let reach: UInt64 = 1 << 20

  /// Ascending; one for each address.
  private let entries: [Entry]
  /// Others of the same addresses.
  private let aliases: [Entry]
  private let names: [UInt8]

  /// Reads an executable for rv64; one without symbols gives an empty table.
  package init(_ file: [UInt8]) throws(ImageFormatError) {
    guard let table = try ExecutableFile.readSymbols(file, ExecutableFile.readHeader(file)) else {
      entries = []
      aliases = []
      names = []
      return
    }
    let names = Array(table.names)
    // Untyped symbols (labels of assemblers), data and functions; sections and files are no places, and neither is what is not loaded.
    let places = table.symbols.filter { symbol in
      symbol.type <= 2 && symbol.sectionEnd != 0 && names[symbol.nameOffset] != 0
        // Labels of compilers: "$x" marks code, ".L" is local.
        && names[symbol.nameOffset] != UInt8(ascii: "$") && names[symbol.nameOffset] != UInt8(ascii: ".")
    }
    // Of several at an address the one with the most specific type counts, of those the first.
    let sorted = places.enumerated().sorted {
      ($0.element.value, $1.element.type, $0.offset) < ($1.element.value, $0.element.type, $1.offset)
    }.map(\.element)
    let isPlaced = places.contains { $0.sectionEnd != nil }
    var entries: [Entry] = []
    var aliases: [Entry] = []
    for symbol in sorted {
      // One without a size ends with its section. One in no section is a number that may be no address, unless all are.
      let rest =
        symbol.sectionEnd.map { $0 > symbol.value ? $0 - symbol.value : 0 } ?? (isPlaced ? 0 : Self.reach)
      let entry = Entry(
        address: symbol.value, size: symbol.size, reach: min(rest, Self.reach), nameOffset: symbol.nameOffset,
        isFunction: symbol.type == 2)
      if entries.last?.address == symbol.value { aliases.append(entry) } else { entries.append(entry) }
    }
    self.entries = entries
    self.aliases = aliases
    self.names = names
  }

  package var isEmpty: Bool { entries.isEmpty }

  /// What an address is called: "name", or "name+0x12" for one behind its start. Nil when no symbol reaches so far.
  package func name(of address: UInt64) -> String? {
    guard let entry = entry(at: address) else { return nil }
    let distance = address - entry.address
    return distance == 0 ? name(of: entry) : "\(name(of: entry))+0x\(String(distance, radix: 16))"
  }

  /// The same for the address that a call returns to: it belongs to what called, also where that ends with the call.
  package func name(ofReturnTo address: UInt64) -> String? {
    guard address > 0, let entry = entry(at: address - 1) else { return nil }
    return "\(name(of: entry))+0x\(String(address - entry.address, radix: 16))"
  }

  /// What an address is called, without the distance.
  package func owner(of address: UInt64) -> String? { entry(at: address).map { name(of: $0) } }

  /// From the start of what an address is called after to its end, as far as the file says where that is.
  package func extent(around address: UInt64) -> Range<UInt64>? {
    guard let entry = entry(at: address) else { return nil }
    let end = entry.address.addingReportingOverflow(entry.size)
    return end.overflow || entry.size == 0 ? nil : entry.address..<end.partialValue
  }

  private func entry(at address: UInt64) -> Entry? {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address <= address { low = middle + 1 } else { high = middle }
    }
    guard low > 0 else { return nil }
    let entry = entries[low - 1]
    let distance = address - entry.address
    return distance < (entry.size > 0 ? entry.size : entry.reach) || distance == 0 ? entry : nil
  }

  private func name(of entry: Entry) -> String {
    String(decoding: names[entry.nameOffset...].prefix { $0 != 0 }, as: UTF8.self)
  }

  /// The addresses of that name, ascending: a program may have several functions of one name.
  package func addresses(of name: String) -> [UInt64] {
    let wanted = Array(name.utf8) + [0]
    return (entries + aliases).filter { names[$0.nameOffset...].starts(with: wanted) }.map(\.address)
      .sorted()
  }

  /// All that `name(of:)` names addresses by, ascending: what is called after each, and whether the file says that it is a function.
  package var places: [(address: UInt64, byteCount: UInt64, name: String, isFunction: Bool)] {
    entries.map { ($0.address, $0.size > 0 ? $0.size : $0.reach, name(of: $0), $0.isFunction) }
  }

  /// Of what is called so; nil where the file does not say, or there are several of different sizes.
  package func size(of name: String) -> UInt64? {
    let wanted = Array(name.utf8) + [0]
    let sizes = Set((entries + aliases).filter { names[$0.nameOffset...].starts(with: wanted) }.map(\.size))
    return sizes.count == 1 ? sizes.first.flatMap { $0 > 0 ? $0 : nil } : nil
  }

  package var allNames: [String] { (entries + aliases).map { name(of: $0) } }
}
