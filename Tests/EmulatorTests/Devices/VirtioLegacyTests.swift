// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import TestSupport
import Testing

/// The legacy interface, with the entropy device behind it.
@Suite struct VirtioLegacyTests {
  let board = DeviceTestBoard(virtio: .legacy)
  let transport: VirtioTransport
  private let queue = MemoryMap.memoryBase + 0x4000
  private let buffer = MemoryMap.memoryBase + 0x8000

  init() { transport = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board)) }

  private func start() {
    transport.write32(0x70, 0)
    transport.write32(0x70, 3)
    transport.write32(0x20, 0)
    transport.write32(0x28, 4096)
    transport.write32(0x30, 0)
    transport.write32(0x38, 8)
    transport.write32(0x3c, 4096)
    transport.write32(0x40, UInt32(queue >> 12))
    transport.write32(0x70, 7)
  }

  private func request(index: UInt16, count: Int, flags: UInt16 = 2) {
    board.memory.store(buffer, at: queue)
    board.memory.store(UInt32(count), at: queue + 8)
    board.memory.store(flags, at: queue + 12)
    board.memory.store(index &+ 1, at: queue + 128 + 2)
    transport.write32(0x50, 0)
  }

  @Test func identityIsThatOfQEMU() {
    #expect(transport.read32(4) == 1 && transport.read32(0x34) == 1024)
    #expect(transport.read64(0) == 0x1_7472_6976)
    #expect(transport.read32(0x10) == 0x3900_0000)
    transport.write32(0x14, 1)
    #expect(transport.read32(0x10) == 0)
    let empty = VirtioTransport(board: board, slot: 4, device: nil)
    #expect(empty.read32(4) == 1 && empty.read32(8) == 0)
  }

  @Test func aQueueIsOnePieceOfMemory() {
    start()
    #expect(transport.read32(0x40) == UInt32(queue >> 12))
    request(index: 0, count: 6)
    #expect(board.memory.read(at: buffer, count: 8) == [1, 2, 3, 4, 5, 6, 0, 0])
    // The used ring is on the next page.
    #expect(board.memory.load(UInt16.self, at: queue + 4096 + 2) == 1)
    #expect(board.memory.load(UInt32.self, at: queue + 4096 + 8) == 6)
    #expect(transport.read32(0x60) == 1 && board.highSources.contains(4))
  }

  @Test func smallPagesAndAlignments() {
    start()
    transport.write32(0x28, 256)
    transport.write32(0x3c, 4)
    transport.write32(0x3c, 12)
    transport.write32(0x40, UInt32(queue >> 8))
    request(index: 0, count: 2)
    #expect(board.memory.load(UInt16.self, at: queue + 128 + 20 + 2) == 1)
  }

  @Test func pageZeroAndStatusZeroReset() {
    for reset in [{ transport.write32(0x40, 0) }, { transport.write32(0x70, 0) }] {
      start()
      reset()
      #expect(transport.read32(0x40) == 0 && transport.read32(0x70) == 0)
      // The page size stays.
      transport.write32(0x40, UInt32(queue >> 12))
      #expect(transport.read32(0x40) == UInt32(queue >> 12))
    }
  }

  @Test func aBrokenDriverIsIgnoredUntilItResetsTheDevice() {
    start()
    request(index: 0, count: 0)
    #expect(transport.read32(0x70) == 7 && transport.read32(0x60) == 0)
    request(index: 0, count: 4)
    #expect(board.testGate.entropyCounts.isEmpty)
    start()
    request(index: 0, count: 4)
    #expect(board.testGate.entropyCounts == [4])
    transport.write32(0x40, 0xffff_ffff)
    request(index: 1, count: 4)
    #expect(board.testGate.entropyCounts == [4])
  }

  @Test func stateRoundTrip() throws {
    start()
    request(index: 0, count: 4)
    let saved = transport.savedBytes()
    let copy = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved && copy.read32(0x40) == UInt32(queue >> 12))
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try copy.restoreAll(Array(saved.prefix(count))) }
    }
    transport.reset()
    let fresh = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    #expect(transport.savedBytes() == fresh.savedBytes())
  }

  @Test(arguments: [0x1e9a_0001, 0x1e9a_0002] as [UInt64]) func anyAccessesLeaveAStateThatCanBeSaved(
    seed: UInt64
  ) throws {
    print("legacy virtio seed \(seed)")
    var random = SeededGenerator(seed: seed)
    let copy = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    let end = MemoryMap.memoryBase + board.memory.size
    for step in 0..<20_000 {
      let numbers: [UInt32] = [
        0, 1, 2, 3, 7, 8, 256, 4096, UInt32(queue >> 12), UInt32(end >> 12) - 1, .max,
        UInt32(truncatingIfNeeded: random.next()),
      ]
      let value = numbers[Int(random.next() % UInt64(numbers.count))]
      let offset = random.next() % 0x30 * 4
      switch random.next() % 8 {
      case 0: _ = transport.read(offset: offset, size: [1, 2, 4, 8][Int(random.next() % 4)])
      case 1: start()
      case 2:
        let place = queue + random.next() % 0x1100
        board.memory.store(UInt16(truncatingIfNeeded: value), at: place)
      case 3: request(index: UInt16(random.next() % 12), count: Int(random.next() % 64))
      default: transport.write32(offset, value)
      }
      if step % 50 == 0 {
        let saved = transport.savedBytes()
        try copy.restoreAll(saved)
        try #require(copy.savedBytes() == saved, "seed \(seed), step \(step)")
      }
    }
    #expect(board.testGate.entropyCounts.count > 100)
  }
}
