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
    #expect(try file.physicalAddress(ofSymbol: "tohost") == 0x8000_1000)
    #expect(try file.physicalAddress(ofSymbol: "fromhost") == 0x8000_1040)
    // Neither a prefix of a name nor its tail is that name.
    #expect(try file.physicalAddress(ofSymbol: "to") == nil)
    #expect(try file.physicalAddress(ofSymbol: "host") == nil)
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
    #expect(try file.physicalAddress(ofSymbol: "tohost") == 0x8040_0000)
    #expect(try file.physicalAddress(ofSymbol: "gone") == nil)
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
    #expect(try file.physicalAddress(ofSymbol: "tohost") == nil)
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
    #expect(try free.physicalAddress(ofSymbol: "tohost") == 0x8020_0130)
    // One that was linked for a place in RAM stays there.
    let fixed = try file(0x8000_0000)
    #expect(fixed.segments.map(\.physicalAddress) == [0x8000_0000])
    #expect(fixed.entry == 0x8000_0004)
    #expect(throws: ImageFormatError.self) { try file(0, memorySize: .max - 0x1000) }
  }

  /// A change of the valid program, and a word that the one-line reason must contain.
  @Test(arguments: [
    (0, [0x7e as UInt8], "not an ELF"), (4, [1], "not 64-bit"), (5, [2], "not little-endian"),
    (6, [2], "ELF version"), (16, [1, 0], "type 1"), (18, [62, 0], "machine number 62"),
    (24, BootTestFiles.littleEndian(0x8000_0008), "entry point"),
    (24, BootTestFiles.littleEndian(0x7fff_ffff), "entry point"),
    (32, BootTestFiles.littleEndian(.max), "program headers"),
    (32, BootTestFiles.littleEndian(.max - 55), "program headers"),
    (54, [55, 0], "program headers have 55"), (56, [0xff, 0xff], "program headers"),
    (56, [0, 0], "nothing to load"), (58, [63, 0], "section headers have 63"),
    (64 + 8, BootTestFiles.littleEndian(.max), "segment 0"),  // p_offset
    (64 + 8, BootTestFiles.littleEndian(.max - 7), "segment 0"),
    (64 + 24, BootTestFiles.littleEndian(.max - 6), "end of the address space"),  // p_paddr
    (64 + 24, BootTestFiles.littleEndian(0x8000_0ff9), "overlap"),
    (64 + 32, BootTestFiles.littleEndian(9), "larger in the file"),  // p_filesz
    (64 + 40, BootTestFiles.littleEndian(.max), "end of the address space"),  // p_memsz
    (64 + 40, BootTestFiles.littleEndian(0x1001), "overlap"),
  ])
  func refuses(offset: Int, bytes: [UInt8], expected: String) throws {
    let error = #expect(throws: ImageFormatError.self) {
      try ExecutableFile(BootTestFiles.patch(BootTestFiles.program, at: offset, bytes), freeAddress: 0)
    }
    let reason = try #require(error?.reason)
    #expect(reason.contains(expected), "\(reason)")
    #expect(!reason.contains("\n"))
  }

  @Test func everyTruncationIsAnError() throws {
    let program = BootTestFiles.program
    for count in 0..<program.count {
      #expect(throws: ImageFormatError.self, "\(count) of \(program.count) bytes") {
        let file = try ExecutableFile(Array(program.prefix(count)), freeAddress: 0)
        _ = try file.physicalAddress(ofSymbol: "tohost")
      }
    }
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
      _ = try? file.physicalAddress(ofSymbol: "tohost")
    }
    // Much of a file is content, whose damage nobody can see.
    #expect(accepted > 100)
  }
}
