// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Testing

/// Registers and rings, with the entropy device behind them, which answers everything at once.
@Suite struct VirtioTransportTests {
  typealias Driver = VirtioTestDriver

  let board = DeviceTestBoard()
  let transport: VirtioTransport
  let driver: VirtioTestDriver

  init() {
    transport = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    driver = VirtioTestDriver(board: board, transport: transport)
  }

  private var isInterrupting: Bool { board.highSources.contains(4) }

  // MARK: Registers

  @Test func identity() {
    #expect(transport.read32(0) == 0x7472_6976)
    #expect(transport.read32(4) == 2)
    #expect(transport.read32(8) == 4)
    #expect(transport.read32(0xc) == 0x554d_4551)
    #expect(transport.read32(0x34) == 1024)
    #expect(transport.read8(0) == 0 && transport.read64(0) == 0x2_7472_6976)
    transport.write32(0x30, 1)
    #expect(transport.read32(0x34) == 0)
    #expect(transport.read32(0xb0) == 0xffff_ffff)
    #expect(transport.name == "virtio-rng")
  }

  @Test func emptySlot() throws {
    let empty = VirtioTransport(board: board, slot: 7, device: nil)
    #expect(empty.read32(0) == 0x7472_6976 && empty.read32(4) == 2 && empty.read32(8) == 0)
    for offset in stride(from: 0x10, to: 0x200, by: 4) {
      empty.write32(UInt64(offset), 0xffff_ffff)
      #expect(empty.read32(UInt64(offset)) == 0)
    }
    #expect(empty.savedBytes().isEmpty)
    try empty.restoreAll([])
  }

  /// Neither VERSION_1 nor keeping to what was offered is needed, as on QEMU: xv6 does not know of the former.
  @Test func featuresAreAgreedOnWithoutMuchAdo() {
    transport.write32(0x14, 0)
    #expect(transport.read32(0x10) == 0x3000_0000)
    for half in [1, 2, .max] as [UInt32] {
      transport.write32(0x14, half)
      #expect(transport.read32(0x10) == 1)
    }
    transport.write32(0x70, 3)
    transport.write32(0x70, 11)
    #expect(transport.read32(0x70) == 11)
    transport.write32(0x70, 0)
    transport.write32(0x24, 0)
    transport.write32(0x20, .max)
    transport.write32(0x70, 11)
    #expect(transport.read32(0x70) == 11)
    // What was not offered is not there in the saved state either.
    #expect(throws: Never.self) { try transport.restoreAll(transport.savedBytes()) }
  }

  @Test func featuresMustBeOfferedAndModernInTheFirstRevision() {
    let board = DeviceTestBoard(revision: .first)
    let transport = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    transport.write32(0x14, 2)
    #expect(transport.read32(0x10) == 0 && transport.read64(0) == 0)
    // Without VERSION_1, and with a bit that was not offered, the device does not agree.
    transport.write32(0x70, 3)
    transport.write32(0x70, 11)
    #expect(transport.read32(0x70) == 3)
    transport.write32(0x24, 1)
    transport.write32(0x20, 3)
    transport.write32(0x70, 11)
    #expect(transport.read32(0x70) == 3)
    transport.write32(0x20, 1)
    transport.write32(0x70, 11)
    #expect(transport.read32(0x70) == 11)
  }

  @Test func nothingHappensBeforeTheDriverIsReady() {
    driver.start()
    transport.write32(0x70, 11)
    driver.setChain([(Driver.buffers, 4, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.usedIndex == 0)
    transport.write32(0x70, 15)
    driver.notify()
    #expect(driver.usedIndex == 1)
  }

  @Test func queueSizesAreChecked() {
    func acceptVersion1() {
      transport.write32(0x24, 1)
      transport.write32(0x20, 1)
    }
    acceptVersion1()
    transport.write32(0x38, 0)
    transport.write32(0x38, 3)
    transport.write32(0x38, 2048)
    transport.write32(0x38, 0x1_0000)
    // It stayed at the maximum: rings for 1024 entries at the end of RAM do not fit, those for 8 do.
    let end = MemoryMap.memoryBase + board.memory.size
    driver.setRings(descriptors: end - 128, driver: Driver.driverRing, device: Driver.deviceRing)
    transport.write32(0x44, 1)
    #expect(transport.read32(0x44) == 0 && driver.needsReset)
    // A driver that does not know of virtio 1.0 does not see that.
    transport.write32(0x20, 0)
    #expect(!driver.needsReset)
    transport.write32(0x70, 0)
    acceptVersion1()
    transport.write32(0x38, 8)
    driver.setRings(descriptors: end - 128, driver: Driver.driverRing, device: Driver.deviceRing)
    transport.write32(0x44, 1)
    #expect(transport.read32(0x44) == 1 && !driver.needsReset)
  }

  @Test(
    arguments: [
      (0, Driver.driverRing, Driver.deviceRing), (Driver.descriptors, .max - 1, Driver.deviceRing),
      (Driver.descriptors, Driver.driverRing, Driver.base + (1 << 20) - 69),
    ] as [(UInt64, UInt64, UInt64)])
  func ringsMustLieInMemory(descriptors: UInt64, driverRing: UInt64, deviceRing: UInt64) {
    driver.start()
    transport.write32(0x44, 0)
    driver.setRings(descriptors: descriptors, driver: driverRing, device: deviceRing)
    transport.write32(0x44, 1)
    #expect(driver.needsReset)
    #expect(driver.interruptStatus == 2)
    #expect(isInterrupting)
  }

  @Test func interruptsLastUntilAcknowledged() {
    driver.start()
    driver.setChain([(Driver.buffers, 4, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.interruptStatus == 1 && isInterrupting)
    transport.write32(0x64, 2)
    #expect(isInterrupting)
    transport.write32(0x64, 1)
    #expect(driver.interruptStatus == 0 && !isInterrupting)
  }

  // MARK: Queues

  @Test func entropyFillsWhatCanBeWritten() {
    driver.start()
    driver.setChain([
      (Driver.buffers, 3, false), (Driver.buffers + 16, 5, true), (Driver.buffers + 32, 6, true),
    ])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.used(0) == [0, 11])
    #expect(board.testGate.entropyCounts == [11])
    #expect(
      board.memory.read(at: Driver.buffers, count: 24) == Array(repeating: 0, count: 16) + [
        1, 2, 3, 4, 5, 0, 0, 0,
      ])
    #expect(board.memory.read(at: Driver.buffers + 32, count: 8) == [6, 7, 8, 9, 10, 11, 0, 0])
  }

  @Test func entropyIsBounded() {
    driver.start()
    driver.setChain([(Driver.buffers, 100_000, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.used(0) == [0, 65536])
    driver.setChain([(Driver.buffers, 1, false)], first: 1)
    driver.makeAvailable(1)
    driver.notify()
    #expect(driver.used(1) == [1, 0])
    #expect(board.testGate.entropyCounts == [65536])
  }

  @Test func ringsWrapAround() {
    driver.start()
    for round in 0..<20 {
      let head = round % 8
      driver.setChain([(Driver.buffers, round + 1, true)], first: head)
      driver.makeAvailable(head)
      driver.notify()
      #expect(driver.usedIndex == UInt16(round + 1))
      #expect(driver.used(round) == [UInt32(head), UInt32(round + 1)])
    }
  }

  @Test func indirectTablesEndChains() {
    driver.start(features: Driver.indirectFeature)
    let table = Driver.buffers + 0x1000
    driver.setDescriptor(0, address: Driver.buffers, count: 2, flags: Driver.write, table: table + 16)
    driver.setDescriptor(
      0, address: Driver.buffers + 8, count: 3, flags: Driver.next | Driver.write, next: 1, table: table)
    // A direct descriptor first; the write flag of the indirect one means nothing.
    driver.setDescriptor(0, address: Driver.buffers + 16, count: 4, flags: Driver.next, next: 5)
    driver.setDescriptor(5, address: table, count: 32, flags: Driver.indirect | Driver.write)
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.used(0) == [0, 5])
    #expect(board.memory.read(at: Driver.buffers, count: 12) == [4, 5, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0])
  }

  /// Each breaks one rule, and nothing else is wrong with it.
  @Test(arguments: Violation.allCases) func violationsBreakTheDevice(violation: Violation) {
    driver.start(features: violation == .indirectNotAgreed ? 0 : Driver.indirectFeature)
    driver.setChain([(Driver.buffers, 4, true)])
    violation.commit(driver)
    driver.makeAvailable(0)
    if violation == .tooManyAvailable {
      board.memory.store(9 as UInt16, at: Driver.driverRing + 2)
    }
    if violation == .headOutOfRange {
      board.memory.store(8 as UInt16, at: Driver.driverRing + 4)
    }
    driver.notify()
    #expect(driver.needsReset)
    #expect(driver.interruptStatus == 2)
    #expect(isInterrupting)
    #expect(driver.usedIndex == 0)
    #expect(board.testGate.entropyCounts.isEmpty)
    // The driver cannot write the bit away, and nothing is done until it resets the device.
    transport.write32(0x70, 15)
    driver.setChain([(Driver.buffers, 4, true)])
    driver.notify()
    #expect(driver.needsReset && driver.usedIndex == 0)
    driver.start()
    driver.setChain([(Driver.buffers, 4, true)])
    driver.makeAvailable(0)
    driver.notify()
    #expect(!driver.needsReset && driver.usedIndex == 1)
  }

  enum Violation: CaseIterable {
    case tooManyAvailable, headOutOfRange, nextOutOfRange, loop, emptyBuffer, bufferOutside, bufferAcrossEnd
    case bufferWraps, tooManyBytes, readableAfterWritable, indirectNotAgreed, indirectWithNext, indirectEmpty
    case indirectOddSize, indirectTooLong, indirectOutside, indirectNested, indirectNextOutOfRange,
      indirectLoop

    func commit(_ driver: VirtioTestDriver) {
      let table = Driver.buffers
      let buffer = Driver.buffers + 0x5000
      let end = MemoryMap.memoryBase + driver.memory.size
      func set(_ address: UInt64, _ count: Int, _ flags: UInt16, next: Int = 0) {
        driver.setDescriptor(0, address: address, count: count, flags: flags, next: next)
      }
      driver.setDescriptor(0, address: buffer, count: 4, flags: Driver.write, table: table)
      switch self {
      case .tooManyAvailable, .headOutOfRange: break
      case .nextOutOfRange: set(buffer, 4, Driver.write | Driver.next, next: 8)
      case .loop: set(buffer, 4, Driver.write | Driver.next, next: 0)
      case .emptyBuffer: set(buffer, 0, Driver.write)
      case .bufferOutside: set(0x1000, 4, Driver.write)
      case .bufferAcrossEnd: set(end - 3, 4, Driver.write)
      case .bufferWraps: set(.max - 1, 4, Driver.write)
      case .tooManyBytes: set(buffer, 0xffff_ffff, Driver.write)
      case .readableAfterWritable:
        set(buffer, 4, Driver.write | Driver.next, next: 1)
        driver.setDescriptor(1, address: buffer, count: 4)
      case .indirectNotAgreed: set(table, 16, Driver.indirect)
      case .indirectWithNext: set(table, 16, Driver.indirect | Driver.next, next: 1)
      case .indirectEmpty: set(table, 0, Driver.indirect)
      case .indirectOddSize: set(table, 24, Driver.indirect)
      case .indirectTooLong: set(table, 1025 * 16, Driver.indirect)
      case .indirectOutside: set(end - 16, 32, Driver.indirect)
      case .indirectNested:
        driver.setDescriptor(0, address: table + 16, count: 16, flags: Driver.indirect, table: table)
        set(table, 16, Driver.indirect)
      case .indirectNextOutOfRange:
        driver.setDescriptor(0, address: buffer, count: 4, flags: Driver.next, next: 1, table: table)
        set(table, 16, Driver.indirect)
      case .indirectLoop:
        driver.setDescriptor(0, address: buffer, count: 4, flags: Driver.next, next: 0, table: table)
        set(table, 16, Driver.indirect)
      }
    }
  }

  @Test func interruptsCanBeSuppressedWithoutEventIndex() {
    driver.start()
    driver.setChain([(Driver.buffers, 4, true)])
    board.memory.store(1 as UInt16, at: Driver.driverRing)
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.usedIndex == 1 && driver.interruptStatus == 0)
    board.memory.store(0 as UInt16, at: Driver.driverRing)
    driver.makeAvailable(0)
    driver.notify()
    #expect(driver.acknowledge())
  }

  @Test func eventIndexSaysWhenToInterruptAndNotify() {
    driver.start(features: Driver.eventIndexFeature)
    driver.setChain([(Driver.buffers, 4, true)])
    let usedEvent = Driver.driverRing + 4 + 16
    let availableEvent = Driver.deviceRing + 4 + 64
    var interrupts: [Bool] = []
    // Interrupt when entry 3 is used: not before, and not again.
    for round in 0..<6 {
      if round == 1 { board.memory.store(3 as UInt16, at: usedEvent) }
      driver.makeAvailable(0)
      driver.notify()
      interrupts.append(driver.acknowledge())
      #expect(board.memory.load(UInt16.self, at: availableEvent) == UInt16(round + 1))
    }
    #expect(interrupts == [true, false, false, true, false, false])
    // Three at once, the entry asked for among them.
    board.memory.store(7 as UInt16, at: usedEvent)
    for _ in 0..<3 { driver.makeAvailable(0) }
    driver.notify()
    #expect(driver.usedIndex == 9 && driver.acknowledge())
  }

  // MARK: State

  @Test func stateRoundTrip() throws {
    driver.start(features: Driver.eventIndexFeature | Driver.indirectFeature)
    driver.setChain([(Driver.buffers, 4, true)])
    for _ in 0..<3 {
      driver.makeAvailable(0)
      driver.notify()
    }
    let saved = transport.savedBytes()
    let copy = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    try copy.restoreAll(saved)
    #expect(copy.savedBytes() == saved)
    driver.makeAvailable(0)
    copy.write32(0x50, 0)
    #expect(driver.usedIndex == 4 && driver.used(3) == [0, 4])
    transport.reset()
    let fresh = VirtioTransport(board: board, slot: 3, device: VirtioEntropy(board: board))
    #expect(transport.savedBytes() == fresh.savedBytes())
  }

  @Test func badStateIsRefused() {
    driver.start()
    let saved = transport.savedBytes()
    for count in 0..<saved.count {
      #expect(throws: ByteCodingError.self) { try transport.restoreAll(Array(saved.prefix(count))) }
    }
    // Interrupt status; features not offered; queue sizes of 0 and 9; a descriptor table outside memory.
    for (index, value) in [(1, 4), (10, 1), (22, 0), (22, 9), (32, 1)] as [(Int, UInt8)] {
      var bad = saved
      bad[index] = value
      #expect(throws: ByteCodingError.self, "byte \(index)") { try transport.restoreAll(bad) }
    }
  }
}
