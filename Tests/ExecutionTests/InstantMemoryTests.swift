// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import HostSystem
import TestSupport
import Testing

@Suite struct InstantMemoryTests {
  /// One thread takes chunks while another stores to all pages, over and over: what is taken is what was there at the
  /// instant, each chunk once, and nothing but what was wanted. The room is the same for one instant after the other.
  @Test(arguments: [1, 4, 16]) func memoryIsTakenAsItWas(pagesPerChunk: Int) {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    // The last chunk may be shorter.
    let pageCount = 510
    let memory = GuestMemory(base: 0x8000_0000, size: UInt64(pageCount * GuestMemory.pageSize))
    let room = CopyRoom(byteCount: InstantMemory.roomSize(for: memory.size, pagesPerChunk: pagesPerChunk))
    for round in 0..<20 as Range<UInt64> {
      for page in 0..<pageCount {
        memory.store(
          UInt64(page) << 32 | round, at: memory.base + UInt64(page * GuestMemory.pageSize))
      }
      // Some pages only, or all.
      let first = Int.random(in: 0..<16, using: &random) * 16
      let wanted = round % 4 == 0 ? nil : [first..<first + 64, 400..<pageCount]
      let instant = InstantMemory(memory, room: room, pagesPerChunk: pagesPerChunk, pages: wanted)
      instant.begin()
      let taken = TakenPages()
      let base = memory.base
      let thread = HostThread { taken.takeAll(instant, base: base) }
      for _ in 0..<2000 {
        let page = UInt64.random(in: 0..<UInt64(pageCount), using: &random)
        memory.store(~0 as UInt64, at: memory.base + page * UInt64(GuestMemory.pageSize))
      }
      thread.join()
      instant.end()
      let expected = (wanted ?? [0..<pageCount]).flatMap { Array($0) }
      #expect(taken.words.map(\.page).sorted() == expected, "seed \(seed), round \(round)")
      let areAsTheyWere = taken.words.allSatisfy { $0.word == UInt64($0.page) << 32 | round }
      #expect(areAsTheyWere, "seed \(seed), round \(round)")
    }
  }

  /// Whoever takes comes after all pages have changed.
  @Test func everythingIsKept() {
    let memory = GuestMemory(base: 0x8000_0000, size: UInt64(64 * GuestMemory.pageSize))
    func fill(_ value: UInt64) {
      for page in 0..<64 as Range<UInt64> { memory.store(value + page, at: memory.base + page * 4096) }
    }
    fill(100)
    let room = CopyRoom(byteCount: InstantMemory.roomSize(for: memory.size, pagesPerChunk: 4))
    let instant = InstantMemory(memory, room: room, pagesPerChunk: 4, pages: [8..<24])
    instant.begin()
    fill(1000)
    fill(2000)
    let taken = TakenPages()
    taken.takeAll(instant, base: memory.base)
    #expect(taken.words.map(\.page) == Array(8..<24))
    #expect(taken.words.map(\.word) == (108..<124).map { $0 })
    instant.end()
  }

  /// The first words of pages, filled in by one thread and read after it was joined.
  private final class TakenPages: @unchecked Sendable {
    var words: [(page: Int, word: UInt64)] = []

    func takeAll(_ memory: InstantMemory, base: UInt64) {
      let buffer = memory.makeBuffer()
      defer { buffer.deallocate() }
      while memory.takeNext(
        buffer: buffer,
        { bytes, address in
          for offset in stride(from: 0, to: bytes.count, by: GuestMemory.pageSize) {
            let page = (Int(address - base) + offset) / GuestMemory.pageSize
            words.append((page, bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
          }
        })
      {}
    }
  }
}
