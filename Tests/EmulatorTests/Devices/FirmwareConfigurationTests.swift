// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

@Suite struct FirmwareConfigurationTests {
  let board = DeviceTestBoard(hasFlash: true)
  let device: FirmwareConfiguration
  private let request = MemoryMap.memoryBase + 0x1000
  private let target = MemoryMap.memoryBase + 0x2000

  init() { device = FirmwareConfiguration(board: board) }

  private func select(_ key: UInt16) { device.write(offset: 8, size: 2, value: UInt64(key.byteSwapped)) }

  private func transfer(_ control: UInt32, _ length: UInt32, _ address: UInt64) -> UInt32? {
    board.memory.store(control.byteSwapped, at: request)
    board.memory.store(length.byteSwapped, at: request + 4)
    board.memory.store(address.byteSwapped, at: request + 8)
    device.write64(16, request.byteSwapped)
    return board.memory.load(UInt32.self, at: request)?.byteSwapped
  }

  @Test func portReadsInTheOrderOfMemory() {
    select(0)
    #expect(device.read8(0) == UInt8(ascii: "Q"))
    #expect(device.read(offset: 0, size: 2) == 0x4d45)
    #expect(device.read64(0) == UInt64(UInt8(ascii: "U")))
    select(1)
    #expect(device.read32(0) == 3)
    #expect(device.read64(16) == 0x4746_4320_554d_4551)
    select(0x999)
    #expect(device.read64(0) == 0)
  }

  @Test func directoryNamesTheMemoryDescription() {
    #expect(transfer(0x0019_000a, 68, target) == 0)
    let bytes = board.memory.read(at: target, count: 68) ?? []
    #expect(Array(bytes[0..<12]) == [0, 0, 0, 1, 0, 0, 0, 16, 0, 0x20, 0, 0])
    #expect(bytes[12..<27].elementsEqual("etc/vmcoreinfo\0".utf8))
  }

  @Test func transfers() throws {
    // Past the end there are zeros, and no error.
    board.memory.store(~UInt64(0), at: target)
    #expect(transfer(0x0000_000a, 8, target) == 0)
    #expect(board.memory.load(UInt64.self, at: target) == 0x554d_4551)
    // What cannot be written, and what is no memory.
    #expect(transfer(0x0000_0018, 4, target) == 1)
    #expect(transfer(0x0000_000a, 4, 0x1000) == 1)
    #expect(transfer(0x0000_000a, .max, target) == 1)
    #expect(device.memoryDescriptionNote == nil)
    board.memory.write([1, 0, 1, 0, 0x00, 0x08, 0, 0] + [0x00, 0x10, 0, 0x80, 0, 0, 0, 0], at: target)
    #expect(transfer(0x0020_0018, 16, target) == 0)
    #expect(
      device.memoryDescriptionNote?.address == 0x8000_1000 && device.memoryDescriptionNote?.size == 0x800)
    let copy = FirmwareConfiguration(board: board)
    try copy.restoreAll(device.savedBytes())
    #expect(copy.savedBytes() == device.savedBytes())
    #expect(copy.memoryDescriptionNote?.size == 0x800)
    device.reset()
    #expect(device.memoryDescriptionNote == nil)
  }
}
