// SPDX-License-Identifier: Apache-2.0

import CoreDump
import Foundation
import TestSupport
import Testing

@Suite struct WriterTests {
  static func hart(_ number: UInt64) -> CoreDescription.Hart {
    CoreDescription.Hart(
      programCounter: 0x8000_0000 + number, integerRegisters: (1...31).map { number << 32 | $0 },
      floatingPointRegisters: (0...31).map { number << 48 | $0 }, floatingPointStatus: UInt32(number),
      controlAndStatusRegisters: [
        .init(name: "mstatus", value: 100 + number), .init(name: "mepc", value: 200 + number),
      ])
  }

  static let information = VMCoreInfo(
    text: Array("OSRELEASE=6.12.1-riscv64\nPAGESIZE=4096\nSYMBOL(x)=1\n".utf8))

  /// Random memory: pages of zeros, of noise and of text, and regions of which some do not end with a page.
  struct Guest {
    var core: CoreDescription
    var memory: [UInt64: [UInt8]] = [:]

    init(_ random: inout SeededGenerator, wholePages: Bool) {
      core = CoreDescription(regions: [], harts: (0..<3).map { WriterTests.hart($0) })
      var address: UInt64 = 0x1000
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        address += UInt64.random(in: 1...100, using: &random) * 4096
        let odd = wholePages ? 0 : UInt64.random(in: 0..<4096, using: &random)
        let size = UInt64.random(in: 1...40, using: &random) * 4096 - (wholePages ? 0 : odd / 2)
        core.regions.append(.init(address: address + odd, size: size))
        var bytes: [UInt8] = []
        while bytes.count < size {
          switch Int.random(in: 0..<3, using: &random) {
          case 0: bytes += [UInt8](repeating: 0, count: 4096)
          case 1: bytes += (0..<4096).map { _ in UInt8.random(in: 0...255, using: &random) }
          default: bytes += (0..<4096).map { UInt8($0 / 300) }
          }
        }
        memory[address + odd] = Array(bytes.prefix(Int(size)))
        address += odd + size
        address = (address + 4095) / 4096 * 4096
      }
    }

    /// Hands all memory to a writer, in pieces of one to five pages, in any order.
    func write(to writer: any CoreWriter, _ random: inout SeededGenerator) throws {
      try writer.begin()
      var pieces: [(UInt64, ArraySlice<UInt8>)] = []
      for (start, bytes) in memory.sorted(by: { $0.key < $1.key }) {
        var offset = 0
        while offset < bytes.count {
          let inPage = Int((start + UInt64(offset)) % 4096)
          let count = min(Int.random(in: 1...5, using: &random) * 4096 - inPage, bytes.count - offset)
          pieces.append((start + UInt64(offset), bytes[offset..<offset + count]))
          offset += count
        }
      }
      pieces.shuffle(using: &random)
      for (address, bytes) in pieces { _ = try bytes.withUnsafeBytes { try writer.write($0, at: address) } }
      try writer.finish()
    }
  }

  private func expectNotes(_ notes: [CoreOnDisk.Description.Note], of core: CoreDescription) {
    let status = notes.filter { $0.owner == "CORE" && $0.type == 1 }
    #expect(status.map(\.thread) == [1, 2, 3])
    #expect(status.allSatisfy { $0.size == 376 })
    func hexadecimal(_ values: [UInt64]) -> [String] { values.map { "0x" + String($0, radix: 16) } }
    for (note, hart) in zip(status, core.harts) {
      #expect(note.registers == hexadecimal([hart.programCounter] + hart.integerRegisters))
    }
    let floatingPoint = notes.filter { $0.owner == "CORE" && $0.type == 2 }
    #expect(floatingPoint.map(\.registers) == core.harts.map { hexadecimal($0.floatingPointRegisters) })
    #expect(floatingPoint.map(\.status) == [0, 1, 2])
    let control = notes.filter { $0.owner == "GDB" && $0.type == 0x900 }
    #expect(control.map(\.registers) == (0..<3).map { hexadecimal([100 + $0, 200 + $0]) })
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func anELFCoreHoldsWhatItWasGiven(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var guest = Guest(&random, wholePages: false)
    guest.core.kernelInformation = Self.information
    let output = MemoryOutput()
    let writer = ELFCoreWriter(guest.core, output: output)
    try guest.write(to: writer, &random)
    #expect(UInt64(output.written.count) == writer.byteCount)

    let file = try CoreOnDisk(output.bytes)
    let found = try file.describe()
    expectNotes(found.notes, of: guest.core)
    #expect(found.notes.last?.owner == "VMCOREINFO")
    #expect(found.notes.last?.text == Self.information.map { String(decoding: $0.text, as: UTF8.self) })
    for (address, bytes) in guest.memory {
      #expect(try file.read("\(address)", "\(bytes.count)") == bytes, "seed \(seed)")
      // A whole page of zeros is a hole.
      let segment = try #require(
        found.segments?.first { UInt64($0.physical.dropFirst(2), radix: 16) == address })
      let offset = try #require(Int(segment.offset.dropFirst(2), radix: 16))
      var place = Int(4096 - address % 4096) % 4096
      while place + 4096 <= bytes.count {
        let isZero = bytes[place..<place + 4096].allSatisfy { $0 == 0 }
        #expect(output.written.contains(offset + place) == !isZero)
        place += 4096
      }
    }
  }

  @Test(arguments: [4, 5] as [UInt64]) func aKdumpHoldsWhatItWasGiven(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var guest = Guest(&random, wholePages: true)
    let isLinux = seed == 4
    guest.core.kernelInformation = isLinux ? Self.information : nil
    let output = MemoryOutput()
    try guest.write(to: KdumpWriter(guest.core, output: output), &random)
    let file = try CoreOnDisk(output.bytes)
    let found = try file.describe()
    expectNotes(found.notes, of: guest.core)
    #expect(
      found.information
        == guest.core.kernelInformation.map { String(decoding: $0.text, as: UTF8.self) } ?? "")
    #expect(
      found.names
        == (isLinux
          ? ["Linux", "(none)", "6.12.1-riscv64", "(unknown)", "riscv64", "(none)"]
          : ["(unknown)", "(none)", "(unknown)", "(unknown)", "riscv64", "(none)"]))
    #expect(found.harts == 3)
    var zeroPages = 0
    for (address, bytes) in guest.memory {
      #expect(try file.read("\(address)", "\(bytes.count)") == bytes, "seed \(seed)")
      for start in stride(from: 0, to: bytes.count, by: 4096)
      where bytes[start..<start + 4096].allSatisfy({ $0 == 0 }) {
        zeroPages += 1
      }
    }
    #expect(zeroPages > 1)
    #expect(found.distinct == (found.pages ?? 0) - zeroPages + 1, "pages of zeros share one place")
  }

  @Test func virtualAddressesShareTheBytesOfPhysicalOnes() throws {
    var core = CoreDescription(
      regions: [.init(address: 0x8000_0000, size: 0x4000), .init(address: 0x9000_0000, size: 0x2000)],
      harts: [Self.hart(0)])
    core.mappings = [
      .init(virtualAddress: 0x1_0000, physicalAddress: 0x8000_1000, size: 0x2000),
      // Only its middle is memory.
      .init(virtualAddress: 0x4_0000, physicalAddress: 0x8fff_f000, size: 0x4000),
      .init(virtualAddress: 0x9_0000, physicalAddress: 0x1000_0000, size: 0x1000),
      .init(virtualAddress: ~0xfff, physicalAddress: 0x8000_3000, size: 0x1000),
    ]
    let output = MemoryOutput()
    let writer = ELFCoreWriter(core, output: output)
    try writer.begin()
    for region in core.regions {
      for page in stride(from: region.address, to: region.end, by: 4096) {
        let bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: page >> 12 | page >> 24), count: 4096)
        _ = try bytes.withUnsafeBytes { try writer.write($0, at: page) }
      }
    }
    try writer.finish()
    let file = try CoreOnDisk(output.bytes)
    let segments = try #require(try file.describe().segments)
    let wanted: [[String]] = [
      ["0x10000", "0x80001000", "0x2000"], ["0x41000", "0x90000000", "0x2000"],
      ["0xfffffffffffff000", "0x80003000", "0x1000"], ["0x80000000", "0x80000000", "0x4000"],
      ["0x90000000", "0x90000000", "0x2000"],
    ]
    #expect(segments.map { [$0.virtual, $0.physical, $0.size] } == wanted)
    #expect(try file.read("virtual", "0x11000", "1") == [0x82])
    #expect(try file.read("virtual", "0x42000", "1") == [0x91])
    #expect(try file.read("virtual", "0x80002000", "1") == [0x82])
  }

  /// More segments than the ELF header can count.
  @Test func verySegmentedAddressSpacesAreCounted() throws {
    var core = CoreDescription(regions: [.init(address: 0x8000_0000, size: 0x1000)], harts: [Self.hart(0)])
    for number in 0..<70_000 {
      core.mappings.append(
        .init(virtualAddress: UInt64(number) * 0x2000, physicalAddress: 0x8000_0000, size: 0x1000))
    }
    let output = MemoryOutput()
    let writer = ELFCoreWriter(core, output: output)
    try writer.begin()
    _ = try [UInt8](repeating: 7, count: 4096).withUnsafeBytes { try writer.write($0, at: 0x8000_0000) }
    let file = try CoreOnDisk(output.bytes)
    #expect(try file.describe().segments?.count == 70_001)
    #expect(try file.read("virtual", "\(69_999 * 0x2000)", "4") == [7, 7, 7, 7])
  }
}
