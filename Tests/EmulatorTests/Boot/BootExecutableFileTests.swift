// SPDX-License-Identifier: Apache-2.0

import Emulator
import TestSupport
import Testing

@Suite struct BootExecutableFileTests {
  private typealias Segment = BootTestFiles.Segment

  @Test func readsSegmentsEntryAndSymbols() throws {
    let file = try ExecutableFile(BootTestFiles.program, freeAddress: 0)
    #expect(file.entry == 0x8000_0004)
    #expect(file.segments.map(\.physicalAddress) == [0x8000_0000, 0x8000_1000])
    #expect(file.segments.map(\.memorySize) == [8, 0x800])
    #expect(Array(file.segments[0].bytes) == BootTestFiles.code)
    #expect(Array(file.segments[1].bytes) == [1, 2, 3, 4])
    #expect(file.physicalAddress(ofSymbol: "tohost") == 0x8000_1000)
    #expect(file.physicalAddress(ofSymbol: "fromhost") == 0x8000_1040)
    // Neither a prefix of a name nor its tail is that name.
    #expect(file.physicalAddress(ofSymbol: "to") == nil)
    #expect(file.physicalAddress(ofSymbol: "host") == nil)
  }

  @Test func translatesVirtualAddressesAndSortsSegments() throws {
    let file = try ExecutableFile(
      BootTestFiles.elf(
        segments: [
          Segment(address: 0x8040_0000, virtualAddress: 0xffff_ffff_8020_0000, bytes: [9]),
          Segment(address: 0x8020_0000, virtualAddress: 0xffff_ffff_8000_0000, bytes: BootTestFiles.code),
        ],
        entry: 0xffff_ffff_8000_0004, symbols: [("tohost", 0xffff_ffff_8020_0000), ("gone", 0x1000)]),
      freeAddress: 0)
    #expect(file.entry == 0x8020_0004)
    #expect(file.segments.map(\.physicalAddress) == [0x8020_0000, 0x8040_0000])
    #expect(file.physicalAddress(ofSymbol: "tohost") == 0x8040_0000)
    #expect(file.physicalAddress(ofSymbol: "gone") == nil)
  }

  @Test func skipsWhatIsNotLoaded() throws {
    let file = try ExecutableFile(
      BootTestFiles.elf(
        segments: [
          Segment(address: 0, bytes: [1, 2], type: 0x7000_0003),
          Segment(address: 0x8000_0000, bytes: BootTestFiles.code),
          Segment(address: 0x8000_0000, bytes: []),
        ],
        entry: 0x8000_0000), freeAddress: 0)
    #expect(file.segments.count == 1)
    #expect(file.physicalAddress(ofSymbol: "tohost") == nil)
  }

  @Test func placesWhatCanLieAnywhere() throws {
    func file(_ address: UInt64, memorySize: UInt64 = 64) throws(ImageFormatError) -> ExecutableFile {
      try ExecutableFile(
        BootTestFiles.elf(
          segments: [Segment(address: address, bytes: BootTestFiles.code, memorySize: memorySize)],
          entry: address + 4, symbols: [("tohost", address + 16)], isPositionIndependent: true),
        freeAddress: 0x8020_0000)
    }
    let free = try file(0x120)
    #expect(free.segments.map(\.physicalAddress) == [0x8020_0120])
    #expect(free.entry == 0x8020_0124)
    #expect(free.physicalAddress(ofSymbol: "tohost") == 0x8020_0130)
    // One that was linked for a place in RAM stays there.
    let fixed = try file(0x8000_0000)
    #expect(fixed.segments.map(\.physicalAddress) == [0x8000_0000])
    #expect(fixed.entry == 0x8000_0004)
    #expect(throws: ImageFormatError.self) { try file(0, memorySize: .max - 0x1000) }
  }

  /// A change of the valid program, and a word that the one-line reason must contain.
  @Test(arguments: [
    (0, [0x7e as UInt8], "not an ELF"), (4, [1], "32-bit"), (5, [2], "big-endian"),
    (6, [2], "ELF version"), (16, [1, 0], "type 1"), (18, [62, 0], "machine number 62"),
    (24, BootTestFiles.littleEndian(0x8000_0008), "entry point"),
    (24, BootTestFiles.littleEndian(0x7fff_ffff), "entry point"),
    (32, BootTestFiles.littleEndian(.max), "program headers"),
    (32, BootTestFiles.littleEndian(.max - 55), "program headers"),
    (54, [55, 0], "program headers have 55"), (56, [0xff, 0xff], "program headers"),
    (56, [0, 0], "nothing to load"),
    (64 + 8, BootTestFiles.littleEndian(.max), "segment 0"),  // p_offset
    (64 + 8, BootTestFiles.littleEndian(.max - 7), "segment 0"),
    (64 + 24, BootTestFiles.littleEndian(.max - 6), "end of the address space"),  // p_paddr
    (64 + 24, BootTestFiles.littleEndian(0x8000_0ff9), "overlap"),
    (64 + 32, BootTestFiles.littleEndian(9), "larger in the file"),  // p_filesz
    (64 + 40, BootTestFiles.littleEndian(.max), "end of the address space"),  // p_memsz
  ])
  func refuses(offset: Int, bytes: [UInt8], expected: String) throws {
    let error = #expect(throws: ImageFormatError.self) {
      try ExecutableFile(BootTestFiles.patch(BootTestFiles.program, at: offset, bytes), freeAddress: 0)
    }
    let reason = try #require(error?.reason)
    #expect(reason.contains(expected), "\(reason)")
    #expect(!reason.contains("\n"))
  }

  @Test func everyTruncationOfWhatIsLoadedIsAnError() throws {
    let program = BootTestFiles.program
    let loaded = 64 + 2 * 56 + 8 + 4
    for count in 0..<loaded {
      #expect(throws: ImageFormatError.self, "\(count) of \(program.count) bytes") {
        try ExecutableFile(Array(program.prefix(count)), freeAddress: 0)
      }
    }
    // The rest of it, symbols and sections, is nothing that a machine needs.
    for count in loaded..<program.count {
      let file = try ExecutableFile(Array(program.prefix(count)), freeAddress: 0)
      #expect(file.physicalAddress(ofSymbol: "tohost") == nil)
    }
    let odd = try ExecutableFile(BootTestFiles.patch(program, at: 58, [63, 0]), freeAddress: 0)
    #expect(odd.physicalAddress(ofSymbol: "tohost") == nil)
  }

  /// What GNU ld makes of -Ttext=0x80000000: the headers come along on the page before the text.
  @Test func leavesOutWhatLiesBelowMemory() throws {
    let headers = Segment(address: 0x7fff_f000, bytes: Array(repeating: 1, count: 0x100))
    let apart = try ExecutableFile(
      BootTestFiles.elf(
        segments: [headers, Segment(address: 0x8000_0000, bytes: BootTestFiles.code)], entry: 0x8000_0000),
      freeAddress: 0)
    #expect(apart.segments.map(\.physicalAddress) == [0x8000_0000])
    #expect(apart.entry == 0x8000_0000)
    let padding = [UInt8](repeating: 7, count: 0x1000)
    let together = try ExecutableFile(
      BootTestFiles.elf(
        segments: [Segment(address: 0x7fff_f000, bytes: padding + BootTestFiles.code, memorySize: 0x2000)],
        entry: 0x8000_0004, symbols: [("tohost", 0x8000_0100)]), freeAddress: 0)
    #expect(together.segments.map(\.physicalAddress) == [0x8000_0000])
    #expect(Array(together.segments[0].bytes) == BootTestFiles.code)
    #expect(together.segments[0].memorySize == 0x1000)
    #expect(together.entry == 0x8000_0004)
    #expect(together.physicalAddress(ofSymbol: "tohost") == 0x8000_0100)
    // A position-independent one with its headers there stays where it was linked as well.
    let free = try ExecutableFile(
      BootTestFiles.elf(
        segments: [headers, Segment(address: 0x8000_0000, bytes: BootTestFiles.code)], entry: 0x8000_0000,
        isPositionIndependent: true), freeAddress: 0x8020_0000)
    #expect(free.segments.map(\.physicalAddress) == [0x8000_0000])
  }

  /// Without physical addresses the virtual ones count.
  @Test func loadsWhereItWasLinked() throws {
    let file = try ExecutableFile(
      BootTestFiles.elf(
        segments: [
          Segment(address: 0, virtualAddress: 0x8000_1000, bytes: [1, 2]),
          Segment(address: 0, virtualAddress: 0x8000_0000, bytes: BootTestFiles.code),
        ], entry: 0x8000_0000), freeAddress: 0)
    #expect(file.segments.map(\.physicalAddress) == [0x8000_0000, 0x8000_1000])
    #expect(file.entry == 0x8000_0000)
  }

  /// The zeroes behind a segment's bytes may reach into other segments, whose bytes count.
  @Test func zeroesMakeRoomForBytes() throws {
    let file = try ExecutableFile(
      BootTestFiles.elf(
        segments: [
          Segment(address: 0x8000_0000, bytes: BootTestFiles.code, memorySize: 0x4000),
          Segment(address: 0x8000_1000, bytes: [1, 2, 3, 4]),
          Segment(address: 0x8000_2000, bytes: [], memorySize: 0x1000),
        ], entry: 0x8000_0000), freeAddress: 0)
    #expect(file.segments.map(\.physicalAddress) == [0x8000_0000, 0x8000_1000, 0x8000_2000])
    #expect(file.segments.map(\.memorySize) == [0x1000, 0x1000, 0x2000])
  }

  /// Damaged files are refused or keep what the type promises; no damage traps.
  @Test(arguments: 1...4) func survivesDamage(seed: UInt64) throws {
    print("seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let program = BootTestFiles.program
    let extremes: [UInt64] = [0, 1, .max, .max - 1, 1 << 63, 0x8000_0000, 0xffff_ffff]
    var accepted = 0
    for _ in 0..<5000 {
      var damaged = program
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let offset = Int.random(in: 0..<damaged.count - 8, using: &random)
        if Bool.random(using: &random) {
          damaged[offset] = UInt8.random(in: 0...255, using: &random)
        } else {
          let value = extremes.randomElement(using: &random)!  // the list is not empty
          damaged = BootTestFiles.patch(damaged, at: offset, BootTestFiles.littleEndian(value))
        }
      }
      guard let file = try? ExecutableFile(damaged, freeAddress: 0) else { continue }
      accepted += 1
      var end: UInt64 = 0
      for segment in file.segments {
        #expect(segment.physicalAddress >= end)
        #expect(UInt64(segment.bytes.count) <= segment.memorySize)
        end = segment.physicalEnd
      }
      #expect(file.segments.contains { file.entry >= $0.physicalAddress && file.entry < $0.physicalEnd })
      _ = file.physicalAddress(ofSymbol: "tohost")
    }
    // Much of a file is content, whose damage nobody can see.
    #expect(accepted > 100)
  }
}
