// SPDX-License-Identifier: Apache-2.0

import Emulator

/// A driver of one queue of a virtio device: it writes rings and descriptors as it is told, right or
/// wrong.
final class VirtioTestDriver {
  static let base = MemoryMap.memoryBase
  static let descriptors = base + 0x1000
  static let driverRing = base + 0x3000
  static let deviceRing = base + 0x4000
  /// Free for buffers.
  static let buffers = base + 0x8000

  static let next: UInt16 = 1
  static let write: UInt16 = 2
  static let indirect: UInt16 = 4
  static let indirectFeature: UInt64 = 1 << 28
  static let eventIndexFeature: UInt64 = 1 << 29
  static let version1: UInt64 = 1 << 32

  let board: DeviceTestBoard
  let transport: VirtioTransport
  let size: Int
  let queue: Int
  /// Where this queue's rings lie, from those of the first on.
  private let offset: UInt64
  private(set) var availableIndex: UInt16 = 0

  var memory: GuestMemory { board.memory }

  /// - Parameter ringOffset: for a queue beside others.
  init(
    board: DeviceTestBoard, transport: VirtioTransport, size: Int = 8, queue: Int = 0, ringOffset: UInt64 = 0
  ) {
    self.queue = queue
    offset = ringOffset
    self.board = board
    self.transport = transport
    self.size = size
  }

  /// The specification's steps of initialization (3.1.1), with this queue.
  func start(features: UInt64 = 0) {
    memory.write([UInt8](repeating: 0, count: 0x7000), at: Self.base + 0x1000)
    transport.write32(0x70, 0)
    transport.write32(0x70, 1)
    transport.write32(0x70, 3)
    let accepted = features | Self.version1
    for half in 0..<2 as Range<UInt32> {
      transport.write32(0x24, half)
      transport.write32(0x20, UInt32(truncatingIfNeeded: accepted >> (32 * UInt64(half))))
    }
    transport.write32(0x70, 11)
    setUp()
    transport.write32(0x70, 15)
  }

  /// Sets up this queue of a device that has been started.
  func setUp() {
    availableIndex = 0
    transport.write32(0x30, UInt32(queue))
    transport.write32(0x38, UInt32(size))
    setRings(
      descriptors: Self.descriptors + offset, driver: Self.driverRing + offset,
      device: Self.deviceRing + offset)
    transport.write32(0x44, 1)
  }

  func setRings(descriptors: UInt64, driver: UInt64, device: UInt64) {
    for (offset, address) in [(0x80, descriptors), (0x90, driver), (0xa0, device)] as [(UInt64, UInt64)] {
      transport.write32(offset, UInt32(truncatingIfNeeded: address))
      transport.write32(offset + 4, UInt32(truncatingIfNeeded: address >> 32))
    }
  }

  func setDescriptor(
    _ index: Int, address: UInt64, count: Int, flags: UInt16 = 0, next: Int = 0,
    table: UInt64? = nil
  ) {
    let place = (table ?? Self.descriptors + offset) + UInt64(index * 16)
    memory.store(address, at: place)
    memory.store(UInt32(count), at: place + 8)
    memory.store(flags, at: place + 12)
    memory.store(UInt16(next), at: place + 14)
  }

  /// Lays out a chain from descriptor `first` on; true means that the device writes there.
  func setChain(_ parts: [(address: UInt64, count: Int, isWritable: Bool)], first: Int = 0) {
    for (offset, part) in parts.enumerated() {
      let isLast = offset == parts.count - 1
      setDescriptor(
        first + offset, address: part.address, count: part.count,
        flags: (part.isWritable ? Self.write : 0) | (isLast ? 0 : Self.next),
        next: isLast ? 0 : first + offset + 1)
    }
  }

  func makeAvailable(_ head: Int) {
    memory.store(UInt16(head), at: Self.driverRing + offset + 4 + UInt64(Int(availableIndex) % size) * 2)
    availableIndex &+= 1
    memory.store(availableIndex, at: Self.driverRing + offset + 2)
  }

  func notify() { transport.write32(0x50, UInt32(queue)) }

  var usedIndex: UInt16 { memory.load(UInt16.self, at: Self.deviceRing + offset + 2) ?? 0 }

  func used(_ index: Int) -> [UInt32] {
    let place = Self.deviceRing + offset + 4 + UInt64(index % size) * 8
    return [memory.load(UInt32.self, at: place) ?? 0, memory.load(UInt32.self, at: place + 4) ?? 0]
  }

  var needsReset: Bool { transport.read32(0x70) & 0x40 != 0 }
  var interruptStatus: UInt32 { transport.read32(0x60) }

  /// Takes note of the interrupt; true when there was one for used buffers.
  func acknowledge() -> Bool {
    let status = interruptStatus
    transport.write32(0x64, status)
    return status & 1 != 0
  }
}
