// SPDX-License-Identifier: Apache-2.0

import CoreDump
import TestSupport
import Testing

/// Tables in memory that begins at 0, and what the manual's own procedure makes of them.
private struct Tables {
  var entries: [UInt64]
  var levels: Int

  init(count: Int, levels: Int) {
    entries = Array(repeating: 0, count: count * 512)
    self.levels = levels
  }

  func table(at address: UInt64) -> [UInt64]? {
    let start = Int(address / 8)
    return start + 512 <= entries.count ? Array(entries[start..<start + 512]) : nil
  }

  /// The table as memory has it.
  func page(at address: UInt64) -> [UInt8]? { table(at: address).map(bytes(of:)) }

  var satp: UInt64 { UInt64(levels == 3 ? 8 : 9) << 60 | 5 << 44 }

  /// What the address stands for; nil: a fault.
  func translate(_ address: UInt64) -> UInt64? {
    var table: UInt64 = 0
    for level in stride(from: levels - 1, through: 0, by: -1) {
      guard let entries = self.table(at: table) else { return nil }
      let entry = entries[Int(address >> UInt64(12 + 9 * level) & 511)]
      guard entry & 1 != 0, entry & 6 != 4 else { return nil }
      let frame = (entry >> 10) << 12
      if entry & 14 != 0 {
        let span = UInt64(1) << UInt64(12 + 9 * level)
        return frame % span == 0 ? frame | address & (span - 1) : nil
      }
      table = frame
    }
    return nil
  }
}

/// The lowest byte first.
private func bytes(of entries: [UInt64]) -> [UInt8] {
  entries.flatMap { entry in (0..<8).map { UInt8(truncatingIfNeeded: entry >> UInt64($0 * 8)) } }
}

private func find(_ address: UInt64, in mappings: [CoreDescription.Mapping]) -> UInt64? {
  mappings.first { address >= $0.virtualAddress && address - $0.virtualAddress < $0.size }
    .map { $0.physicalAddress + (address - $0.virtualAddress) }
}

@Suite struct PageTableWalkTests {
  /// Random tables, some of them pointing to themselves, compared with the manual's procedure.
  @Test(arguments: [3, 4], [11, 12, 13] as [UInt64])
  func findsWhatTheManualsProcedureFinds(levels: Int, seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var tables = Tables(count: 12, levels: levels)
    var addresses: [UInt64] = []
    for table in 0..<12 {
      for _ in 0..<6 {
        let index = Int.random(in: 0..<512, using: &random)
        // Mostly a table behind this one, so that there are trees, and sometimes any.
        let isLeaf = table >= 8 || Int.random(in: 0..<4, using: &random) == 0
        let bits: UInt64 = isLeaf ? UInt64.random(in: 1...15, using: &random) : 1
        let page =
          isLeaf
          ? UInt64.random(in: 0..<1 << 20, using: &random)
            << UInt64([0, 9, 18][Int.random(in: 0..<3, using: &random)])
          : UInt64.random(in: UInt64(min(table + 1, 11))...11, using: &random)
        tables.entries[table * 512 + index] = page << 10 | bits
      }
    }
    func collect(_ table: UInt64, _ level: Int, _ base: UInt64) {
      guard let entries = tables.table(at: table) else { return }
      for (index, entry) in entries.enumerated() where entry & 1 != 0 {
        var address = base | UInt64(index) << UInt64(12 + 9 * level)
        if level == levels - 1, index >= 256 { address |= ~0 << UInt64(12 + 9 * levels) }
        addresses.append(address + UInt64.random(in: 0..<4096, using: &random))
        if entry & 14 == 0, level > 0 { collect((entry >> 10) << 12, level - 1, address) }
      }
    }
    collect(0, levels - 1, 0)
    let walk = PageTableWalk(satp: [tables.satp], tableLimit: 1_000_000) { tables.page(at: $0) }
    #expect(!walk.isCutOff)
    for address in addresses {
      #expect(find(address, in: walk.mappings) == tables.translate(address), "seed \(seed)")
    }
    for (one, next) in zip(walk.mappings, walk.mappings.dropFirst()) {
      #expect(one.virtualAddress + one.size <= next.virtualAddress, "they are in order and do not overlap")
    }
  }

  @Test func neighboursAreOneMapping() {
    var tables = Tables(count: 3, levels: 3)
    tables.entries[0] = 1 << 10 | 1
    tables.entries[512] = 2 << 10 | 1
    for page in 0..<100 { tables.entries[1024 + page] = UInt64(0x80000 + page) << 10 | 0xf }
    for page in 100..<110 { tables.entries[1024 + page] = UInt64(0x90000 + page) << 10 | 0xf }
    let walk = PageTableWalk(satp: [0, tables.satp, tables.satp], tableLimit: 10) { tables.page(at: $0) }
    let wanted: [CoreDescription.Mapping] = [
      .init(virtualAddress: 0, physicalAddress: 0x8000_0000, size: 0x6_4000),
      .init(virtualAddress: 0x6_4000, physicalAddress: 0x9006_4000, size: 0xa000),
    ]
    #expect(walk.mappings == wanted)
  }

  /// Where harts differ the first one that maps an address counts.
  @Test func addressSpacesOfSeveralHartsAreMerged() {
    func space(_ mapped: [(Range<Int>, UInt64)]) -> Tables {
      var tables = Tables(count: 3, levels: 3)
      tables.entries[0] = 1 << 10 | 1
      tables.entries[512] = 2 << 10 | 1
      for (range, page) in mapped {
        for index in range { tables.entries[1024 + index] = (page + UInt64(index)) << 10 | 0xf }
      }
      return tables
    }
    let first = space([(10..<20, 0x80000), (40..<50, 0x80000), (511..<512, 0x80000)])
    let second = space([(0..<15, 0x90000), (18..<45, 0x90000), (60..<512, 0x90000)])
    // The second one's tables stand behind the first one's.
    let shift: UInt64 = 3 << 12
    let walk = PageTableWalk(satp: [first.satp, second.satp + 3], tableLimit: 100) { address in
      guard address >= shift else { return first.page(at: address) }
      return second.page(at: address - shift)
    }
    // Its root's and directory's entries still point to the first one's place.
    #expect(walk.mappings.contains { $0.virtualAddress == 10 * 4096 && $0.physicalAddress == 0x8000_a000 })
    var moved = second
    moved.entries[0] = 4 << 10 | 1
    moved.entries[512] = 5 << 10 | 1
    let merged = PageTableWalk(satp: [first.satp, second.satp + 3], tableLimit: 100) { address in
      guard address >= shift else { return first.page(at: address) }
      return moved.page(at: address - shift)
    }
    for page in 0..<512 {
      let address = UInt64(page) * 4096
      #expect(
        find(address, in: merged.mappings) == first.translate(address) ?? second.translate(address),
        "page \(page)")
    }
  }

  /// Sv48 tables that all point to themselves would be walked for ever.
  @Test func hostileTablesAreBounded() {
    var tables = Tables(count: 1, levels: 4)
    for index in 0..<512 { tables.entries[index] = 1 }
    let walk = PageTableWalk(satp: [tables.satp], tableLimit: 10_000) { tables.page(at: $0) }
    #expect(walk.isCutOff)
    for index in 0..<512 { tables.entries[index] = UInt64(index * 7 % 512) << 10 | (index % 2 == 0 ? 1 : 15) }
    let table = bytes(of: tables.entries)
    let full = PageTableWalk(satp: [tables.satp], tableLimit: 1_000_000) { _ in table }
    #expect(full.isCutOff)
    #expect(full.mappings.count <= PageTableWalk.mappingLimit)
  }
}

@Suite struct VMCoreInfoTests {
  private static let text = Array("OSRELEASE=6.12.1\nPAGESIZE=4096\nNUMBER(x)=3\n".utf8)

  private func note(
    _ text: [UInt8], name: String = "VMCOREINFO", type: UInt8 = 0, size: Int? = nil
  ) -> [UInt8] {
    let count = size ?? text.count
    return [11, 0, 0, 0, UInt8(count & 255), UInt8(count >> 8 & 255), 0, 0, type, 0, 0, 0] + Array(name.utf8)
      + [0, 0] + text
  }

  private func find(_ memory: [UInt8]) -> VMCoreInfo? {
    memory.withUnsafeBytes { raw in
      VMCoreInfo(pageStart: raw) { count in count <= memory.count ? Array(memory.prefix(count)) : nil }
    }
  }

  @Test func theKernelsNoteIsFoundAndRead() {
    let found = find(note(Self.text) + [1, 2, 3])
    #expect(found?.text == Self.text)
    #expect(found?.value(of: "OSRELEASE") == "6.12.1")
    #expect(found?.value(of: "NUMBER(x)") == "3")
    #expect(found?.value(of: "SYMBOL(y)") == nil)
  }

  @Test func whatOnlyLooksLikeItIsNot() {
    #expect(find(note(Self.text, name: "VMCOREINFX")) == nil)
    #expect(find(note(Self.text, type: 1)) == nil)
    #expect(find(note(Self.text, size: 5000)) == nil)
    #expect(find(note(Self.text, size: Self.text.count + 1)) == nil, "memory ends before")
    #expect(find(note([], size: 0)) == nil)
    #expect(find(note(Array("PAGESIZE=4096\n".utf8))) == nil, "no release")
    #expect(find(note(Self.text + [0x80])) == nil, "no text")
  }
}
