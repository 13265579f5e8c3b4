// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// One virtio-mmio slot of QEMU's `virt` board: the registers of virtio specification 1.2, section 4.2.2
/// (version 2) or of the legacy interface (version 1, section 4.2.4), the status machine, and the queues. What kind of device it is,
/// `device` says; a slot without one answers device ID 0.
///
/// A driver that breaks a queue's rules gets a device that needs a reset (section 2.1.2), and a configuration
/// interrupt that says so; until the reset its requests are ignored.
package final class VirtioTransport: Device {
  enum Register {
    static let magic: UInt64 = 0x00
    static let version: UInt64 = 0x04
    static let deviceID: UInt64 = 0x08
    static let vendorID: UInt64 = 0x0c
    static let deviceFeatures: UInt64 = 0x10
    static let deviceFeaturesSelect: UInt64 = 0x14
    static let driverFeatures: UInt64 = 0x20
    static let driverFeaturesSelect: UInt64 = 0x24
    static let guestPageSize: UInt64 = 0x28  // legacy
    static let queueSelect: UInt64 = 0x30
    static let queueSizeMaximum: UInt64 = 0x34
    static let queueSize: UInt64 = 0x38
    static let queueAlignment: UInt64 = 0x3c  // legacy
    static let queuePageNumber: UInt64 = 0x40  // legacy
    static let queueReady: UInt64 = 0x44
    static let queueNotify: UInt64 = 0x50
    static let interruptStatus: UInt64 = 0x60
    static let interruptAcknowledge: UInt64 = 0x64
    static let status: UInt64 = 0x70
    static let queueDescriptorLow: UInt64 = 0x80
    static let queueDescriptorHigh: UInt64 = 0x84
    static let queueDriverLow: UInt64 = 0x90
    static let queueDriverHigh: UInt64 = 0x94
    static let queueDeviceLow: UInt64 = 0xa0
    static let queueDeviceHigh: UInt64 = 0xa4
    static let sharedMemoryLengthLow: UInt64 = 0xb0
    static let sharedMemoryLengthHigh: UInt64 = 0xb4
    static let sharedMemoryBaseLow: UInt64 = 0xb8
    static let sharedMemoryBaseHigh: UInt64 = 0xbc
    static let configurationGeneration: UInt64 = 0xfc
    static let configuration: UInt64 = 0x100
    static let end: UInt64 = 0x200
  }

  enum Status {
    static let driverOK: UInt8 = 0x04
    static let featuresOK: UInt8 = 0x08
    static let needsReset: UInt8 = 0x40
  }

  private enum InterruptReason {
    static let usedBuffer: UInt8 = 1
    static let configurationChange: UInt8 = 2
    static let all: UInt8 = 3
  }

  /// "virt", little-endian.
  private static let magic: UInt64 = 0x7472_6976
  /// "QEMU", little-endian, so that guests see the board they know.
  private static let vendorID: UInt64 = 0x554d_4551

  package var name: String { device?.name ?? "virtio-slot-\(slot)" }
  package let slot: Int
  unowned let board: any Board
  let device: (any VirtioDevice)?
  let offeredFeatures: UInt64

  var status: UInt8 = 0
  var interruptStatus: UInt8 = 0
  var deviceFeaturesSelect: UInt32 = 0
  var driverFeaturesSelect: UInt32 = 0
  /// What the driver has accepted; a subset of what is offered once `Status.featuresOK` is set.
  var driverFeatures: UInt64 = 0
  var queueSelect: UInt32 = 0
  var queues: [VirtQueue]
  /// The legacy interface, which has some registers of its own: see `VirtioTransport+Legacy`.
  let isLegacy: Bool
  var legacy = LegacyRegisters()

  /// Slot `slot`, with PLIC source `MemoryMap.InterruptSource.virtioFirst + slot`. A nil device leaves it
  /// empty.
  package init(board: any Board, slot: Int, device: (any VirtioDevice)?) {
    precondition(slot >= 0 && slot < MemoryMap.virtioSlotCount, "no such virtio slot")
    self.board = board
    self.slot = slot
    self.device = device
    isLegacy = board.configuration.virtio == .legacy
    let common = isLegacy ? VirtioFeature.legacyTransport : VirtioFeature.transport
    offeredFeatures = device.map { $0.features | common } ?? 0
    queues = []
    emptyQueues()
    device?.plug(into: self)
  }

  // MARK: For the device

  /// The driver has set the device up and has not broken it. A legacy driver may use its queues before it says that it is ready.
  package var isLive: Bool {
    isLegacy
      ? status & Status.needsReset == 0 : status & (Status.driverOK | Status.needsReset) == Status.driverOK
  }

  /// The next request in a queue; nil when there is none, or the queue turns out to be broken.
  package func nextRequest(queue index: Int) -> DescriptorChain? {
    guard isLive else { return nil }
    do {
      return try queues[index].next(in: board.memory, features: driverFeatures)
    } catch {
      fail()
      return nil
    }
  }

  /// Takes requests until their bytes to write are `writableCount` at least. Nil when `countLimit` requests are not enough, or
  /// there are too few: then none is taken.
  package func takeRequests(
    queue index: Int, writableCount: Int, countLimit: Int
  ) -> [DescriptorChain]? {
    let before = queues[index]
    var chains: [DescriptorChain] = []
    var room = 0
    while room < writableCount, chains.count < countLimit, let chain = nextRequest(queue: index) {
      chains.append(chain)
      room += chain.writableCount
    }
    if room >= writableCount { return chains }
    queues[index] = before
    return nil
  }

  package func isReady(queue index: Int) -> Bool { queues[index].isReady }

  /// How many requests there are in a queue, as its driver says.
  package func availableCount(queue index: Int) -> Int { queues[index].availableCount(in: board.memory) }

  /// Puts an answered request back. `signalUsed` must follow once all that are ready have been put.
  package func putRequest(queue index: Int, head: UInt16, writtenCount: Int) {
    guard isLive else { return }
    queues[index].put(head: head, writtenCount: writtenCount, in: board.memory)
  }

  /// Interrupts the driver, if it wants to know of the requests put back.
  package func signalUsed(queue index: Int) {
    guard isLive, queues[index].takeInterruptNeed(in: board.memory, features: driverFeatures) else { return }
    raise(InterruptReason.usedBuffer)
  }

  /// The driver broke the rules: from now on the device needs a reset.
  package func fail() {
    guard status & Status.needsReset == 0 else { return }
    status |= Status.needsReset
    if status & Status.driverOK != 0, !hidesNeedForReset { raise(InterruptReason.configurationChange) }
  }

  /// A driver that does not know of virtio 1.0 is not told that the device needs a reset.
  private var hidesNeedForReset: Bool { isLenient && driverFeatures & VirtioFeature.version1 == 0 }

  // MARK: Interrupts

  /// The configuration space is another one now.
  package func signalConfigurationChange() {
    if isLive { raise(InterruptReason.configurationChange) }
  }

  private func raise(_ reason: UInt8) {
    interruptStatus |= reason
    updateInterrupt()
  }

  func updateInterrupt() {
    board.setInterruptLine(
      source: MemoryMap.InterruptSource.virtioFirst + slot, level: interruptStatus != 0)
  }

  // MARK: Registers

  /// The queue that the queue registers mean; nil when the driver selected none that exists.
  var selectedQueue: Int? { queueSelect < UInt32(queues.count) ? Int(queueSelect) : nil }

  private var isLenient: Bool { board.configuration.revision.hasLenientVirtio }

  package func accepts(offset: UInt64, size: Int) -> Bool { offset + UInt64(size) <= Register.end }

  /// Eight bytes are two words, the low one first.
  package func read(offset: UInt64, size: Int) -> UInt64 {
    if size == 8, isLenient {
      let low = read(offset: offset, size: 4)
      return low | read(offset: offset + 4, size: 4) << 32
    }
    if offset >= Register.configuration {
      return readConfiguration(offset: offset - Register.configuration, size: size)
    }
    guard size == 4 else { return 0 }
    switch offset {
    case Register.magic: return Self.magic
    case Register.version: return isLegacy ? 1 : 2
    case Register.vendorID: return Self.vendorID
    case Register.deviceID: return UInt64(device?.deviceID ?? 0)
    default: return device == nil ? 0 : readState(offset: offset)
    }
  }

  private func readState(offset: UInt64) -> UInt64 {
    if isLegacy, let value = readLegacyRegister(offset) { return value }
    switch offset {
    case Register.deviceFeatures:
      switch deviceFeaturesSelect {
      case 0: return offeredFeatures & 0xffff_ffff
      case 1: return offeredFeatures >> 32
      // QEMU's has two halves and takes any other number for the second.
      default: return isLenient ? offeredFeatures >> 32 : 0
      }
    case Register.queueSizeMaximum:
      return selectedQueue == nil ? 0 : UInt64(device?.queueSizeMaximum ?? 0)
    case Register.queueReady: return selectedQueue.map { queues[$0].isReady ? 1 : 0 } ?? 0
    case Register.interruptStatus: return UInt64(interruptStatus)
    case Register.status: return UInt64(hidesNeedForReset ? status & ~Status.needsReset : status)
    case Register.sharedMemoryLengthLow, Register.sharedMemoryLengthHigh, Register.sharedMemoryBaseLow,
      Register.sharedMemoryBaseHigh:
      // All ones: there is no such region.
      return 0xffff_ffff
    case Register.configurationGeneration: return UInt64(device?.configurationGeneration ?? 0)
    default: return 0
    }
  }

  private func readConfiguration(offset: UInt64, size: Int) -> UInt64 {
    let configuration = device?.configuration ?? []
    var value: UInt64 = 0
    if isLenient, device != nil, offset + UInt64(size) > UInt64(configuration.count) {
      // As on QEMU, and on a bus that nobody drives.
      return ~0 >> UInt64(64 - size * 8)
    }
    for index in 0..<UInt64(size) where offset + index < UInt64(configuration.count) {
      value |= UInt64(configuration[Int(offset + index)]) << (index * 8)
    }
    return value
  }

  /// Reading has no effect.
  package func inspect(offset: UInt64) -> UInt8? {
    guard offset < Register.end else { return nil }
    if offset >= Register.configuration { return UInt8(truncatingIfNeeded: read(offset: offset, size: 1)) }
    return byte(of: read(offset: offset & ~3, size: 4), at: offset)
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    if size == 8, isLenient {
      write(offset: offset, size: 4, value: value & 0xffff_ffff)
      return write(offset: offset + 4, size: 4, value: value >> 32)
    }
    guard device != nil, size == 4 else { return }
    let value = UInt32(truncatingIfNeeded: value)
    if isLegacy, writeLegacyRegister(offset, value) { return }
    switch offset {
    case Register.deviceFeaturesSelect: deviceFeaturesSelect = value
    case Register.driverFeaturesSelect: driverFeaturesSelect = value
    case Register.driverFeatures: acceptFeatures(value)
    case Register.queueSelect: queueSelect = value
    case Register.queueNotify: notify(queue: value)
    case Register.interruptAcknowledge:
      interruptStatus &= ~UInt8(truncatingIfNeeded: value)
      updateInterrupt()
    case Register.status: writeStatus(UInt8(truncatingIfNeeded: value))
    default:
      if let selectedQueue { writeQueueRegister(offset, queue: selectedQueue, value: value) }
    }
  }

  private func acceptFeatures(_ value: UInt32) {
    guard status & Status.featuresOK == 0 else { return }
    switch driverFeaturesSelect {
    case 0: driverFeatures = driverFeatures & ~0xffff_ffff | UInt64(value)
    case 1: driverFeatures = driverFeatures & 0xffff_ffff | UInt64(value) << 32
    default: break
    }
  }

  /// Zero resets. Otherwise features are agreed on, those that were not offered left out, whether or not the driver knows that this
  /// is no legacy device: QEMU is as lenient, and drivers rely on it. A device that needs a reset goes on needing it.
  ///
  /// In machines of the first revision only a driver that accepts nothing but what was offered, and version 1, comes through.
  private func writeStatus(_ value: UInt8) {
    if value == 0 { return isLegacy ? resetLegacyDevice() : reset() }
    var new = value & ~Status.needsReset | status & Status.needsReset
    if status & Status.featuresOK == 0, new & Status.featuresOK != 0 {
      let isExact = driverFeatures & ~offeredFeatures == 0 && driverFeatures & VirtioFeature.version1 != 0
      if isLenient {
        driverFeatures &= offeredFeatures
      } else if !isExact {
        new &= ~Status.featuresOK
      }
      if new & Status.featuresOK != 0 { device?.featuresAccepted() }
    }
    status = new
  }

  private func notify(queue index: UInt32) {
    guard isLive, index < UInt32(queues.count) else { return }
    device?.process(queue: Int(index), on: self)
  }

  /// A queue that is ready keeps its place and size until it is stopped.
  private func writeQueueRegister(_ offset: UInt64, queue index: Int, value: UInt32) {
    if offset == Register.queueReady {
      if value & 1 == 0 {
        queues[index].stop()
      } else if !queues[index].isReady {
        do { try queues[index].makeReady(in: board.memory) } catch { fail() }
      }
      return
    }
    guard !queues[index].isReady else { return }
    let low = UInt64(value)
    let high = low << 32
    switch offset {
    case Register.queueSize: queues[index].setSize(value)
    case Register.queueDescriptorLow: Self.setLow(&queues[index].descriptorAddress, low)
    case Register.queueDescriptorHigh: Self.setHigh(&queues[index].descriptorAddress, high)
    case Register.queueDriverLow: Self.setLow(&queues[index].driverAddress, low)
    case Register.queueDriverHigh: Self.setHigh(&queues[index].driverAddress, high)
    case Register.queueDeviceLow: Self.setLow(&queues[index].deviceAddress, low)
    case Register.queueDeviceHigh: Self.setHigh(&queues[index].deviceAddress, high)
    default: break
    }
  }

  private static func setLow(_ address: inout UInt64, _ low: UInt64) {
    address = address & ~0xffff_ffff | low
  }
  private static func setHigh(_ address: inout UInt64, _ high: UInt64) {
    address = address & 0xffff_ffff | high
  }

  // MARK: State

  package func reset() {
    status = 0
    interruptStatus = 0
    deviceFeaturesSelect = 0
    driverFeaturesSelect = 0
    driverFeatures = 0
    queueSelect = 0
    legacy = LegacyRegisters()
    emptyQueues()
    device?.reset()
    updateInterrupt()
  }

  private func emptyQueues() {
    guard let device else { return }
    queues = (0..<device.queueCount).map { _ in VirtQueue(limit: device.queueSizeMaximum) }
  }

  package func save(to writer: inout ByteWriter) {
    guard let device else { return }
    writer.uint8(status)
    writer.uint8(interruptStatus)
    writer.uint32(deviceFeaturesSelect)
    writer.uint32(driverFeaturesSelect)
    writer.uint64(driverFeatures)
    writer.uint32(queueSelect)
    if isLegacy { legacy.save(to: &writer) }
    for queue in queues { queue.save(to: &writer) }
    device.save(to: &writer)
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    guard let device else { return }
    status = try reader.uint8()
    interruptStatus = try reader.uint8(within: InterruptReason.all, "virtio interrupt status")
    deviceFeaturesSelect = try reader.uint32()
    driverFeaturesSelect = try reader.uint32()
    let start = reader.offset
    driverFeatures = try reader.uint64()
    guard status & Status.featuresOK == 0 || driverFeatures & ~offeredFeatures == 0 else {
      throw .malformed(offset: start, what: "virtio features that were not offered")
    }
    queueSelect = try reader.uint32()
    if isLegacy { legacy = try LegacyRegisters(from: &reader) }
    for index in queues.indices {
      queues[index] = try VirtQueue(from: &reader, memory: board.memory, limit: device.queueSizeMaximum)
    }
    try device.restore(from: &reader)
  }
}
