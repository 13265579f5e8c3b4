// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// An ELF file of nothing but names, for debuggers and for `--symbols`: a section without bytes for code and one for data, in which all names
/// lie, their table, and the kernel's notes, which say what build it is.
package struct KernelSymbolFile {
  package let bytes: [UInt8]

  private static let machine: UInt16 = 243
  private static let sectionNames = Array("\0.text\0.data\0.symtab\0.strtab\0.notes\0.shstrtab\0".utf8)
  /// How far a function may reach: none is larger, and behind the last one of a module nothing may follow for long.
  private static let reach: UInt64 = 1 << 20

  /// - Parameters:
  ///   - symbols: of the kernel and its modules.
  ///   - notes: those of the kernel, as they lie in its memory.
  package init(_ symbols: [KernelSymbol], notes: [UInt8]) {
    // Local names come first in such tables.
    let sorted = symbols.filter { $0.address != 0 }.sorted { $0.address < $1.address }
    let ordered = sorted.filter { !$0.isGlobal } + sorted.filter(\.isGlobal)
    let ends = Self.ends(sorted)
    var (names, table) = (ByteWriter(), ByteWriter())
    names.uint8(0)
    table.raw([UInt8](repeating: 0, count: 24))
    for symbol in ordered {
      table.uint32(UInt32(names.bytes.count))
      table.uint8((symbol.isGlobal ? 1 : 0) << 4 | (symbol.isFunction ? 2 : 1))
      table.uint8(0)
      table.uint16(symbol.isFunction ? 1 : 2)
      table.uint64(symbol.address)
      table.uint64(
        symbol.isFunction ? min((ends[symbol.address] ?? symbol.address) - symbol.address, Self.reach) : 0)
      names.raw(Array(symbol.name.utf8) + [0])
    }
    let start = sorted.first?.address ?? 0
    let size = (sorted.last?.address ?? 0) - start + min(Self.reach, UInt64.max - (sorted.last?.address ?? 0))
    var file = ELFFile(address: start, size: size)
    // Without bytes (NOBITS): memory is the guest's.
    file.add(".text", type: 8, flags: 6, address: start, size: size)
    file.add(".data", type: 8, flags: 3, address: start, size: size)
    let firstGlobal = UInt32(sorted.count { !$0.isGlobal } + 1)
    file.add(".symtab", type: 2, bytes: table.bytes, link: 4, info: firstGlobal, entrySize: 24)
    file.add(".strtab", type: 3, bytes: names.bytes)
    file.add(".notes", type: 7, bytes: notes)
    file.add(".shstrtab", type: 3, bytes: Self.sectionNames)
    bytes = file.finished()
  }

  /// Where each address's function ends: at the next name.
  private static func ends(_ sorted: [KernelSymbol]) -> [UInt64: UInt64] {
    var ends: [UInt64: UInt64] = [:]
    var next: UInt64?
    var current: UInt64?
    for symbol in sorted.reversed() {
      if symbol.address != current {
        next = current
        current = symbol.address
      }
      ends[symbol.address] = next ?? symbol.address
    }
    return ends
  }

  /// Sections one behind the other, between headers and their table. What is loaded is one segment, without bytes: memory is the guest's.
  private struct ELFFile {
    private static let headersSize = 64 + 56
    private let segment: (address: UInt64, size: UInt64)
    private var body: [UInt8] = []
    private var sections = ByteWriter()
    private var count: UInt16 = 1

    init(address: UInt64, size: UInt64) {
      segment = (address, size)
      sections.raw([UInt8](repeating: 0, count: 64))
    }

    mutating func add(
      _ name: String, type: UInt32, flags: UInt64 = 0, address: UInt64 = 0, size: UInt64? = nil,
      bytes: [UInt8] = [], link: UInt32 = 0, info: UInt32 = 0, entrySize: UInt64 = 0
    ) {
      sections.uint32(UInt32(KernelSymbolFile.sectionName(name)))
      sections.uint32(type)
      for number in [flags, address, UInt64(Self.headersSize + body.count), size ?? UInt64(bytes.count)] {
        sections.uint64(number)
      }
      sections.uint32(link)
      sections.uint32(info)
      sections.uint64(type == 7 ? 4 : 8)
      sections.uint64(entrySize)
      body += bytes
      body += [UInt8](repeating: 0, count: (8 - body.count % 8) % 8)
      count += 1
    }

    func finished() -> [UInt8] {
      var headers = ByteWriter()
      // 64 bits, little-endian.
      headers.raw([0x7f] + Array("ELF".utf8) + [2, 1, 1] + [UInt8](repeating: 0, count: 9))
      headers.uint16(2)
      headers.uint16(KernelSymbolFile.machine)
      headers.uint32(1)
      for number in [0, 64, UInt64(Self.headersSize + body.count)] { headers.uint64(number) }
      headers.uint32(0)
      for number in [UInt16(64), 56, 1, 64, count, count - 1] { headers.uint16(number) }
      // To load, to be read, written and executed.
      headers.uint32(1)
      headers.uint32(7)
      for number in [0, segment.address, segment.address, 0, segment.size, 4096] { headers.uint64(number) }
      return headers.bytes + body + sections.bytes
    }
  }

  private static func sectionName(_ name: String) -> Int {
    let wanted = [0] + Array(name.utf8) + [0]
    return (sectionNames.indices.first { sectionNames[$0...].starts(with: wanted) } ?? -1) + 1
  }
}
