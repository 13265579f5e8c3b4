// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A split virtqueue (virtio specification 1.2, section 2.7), seen from the device.
///
/// All of it but the counters below lies in guest memory and may hold anything at any time. What is taken
/// from there is checked when it is taken, once, and a violation is thrown; no value of the guest's is used
/// unchecked.
package struct VirtQueue {
  /// Most entries a queue may have, and most descriptors of a chain, as on QEMU.
  package static let maximumSize = 1024
  private static let byteLimit = 1 << 32
  /// How often to ask for a request in one go: as often as there can be one, and once more to learn that
  /// there is none. Only a driver that makes the device's own answers fall into its available ring could keep
  /// it busy for longer.
  package static let batchLimit = maximumSize + 1

  private enum DescriptorFlags {
    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
  }
  private static let descriptorSize = 16
  private static let noInterrupt: UInt16 = 1

  /// Entries, a power of two.
  package private(set) var size: Int
  /// The most entries that it may be set to.
  private let limit: Int
  package private(set) var isReady = false
  /// Guest addresses of the descriptor table, the driver's (available) ring and the device's (used) ring.
  package var descriptorAddress: UInt64 = 0
  package var driverAddress: UInt64 = 0
  package var deviceAddress: UInt64 = 0

  /// Free-running counters as in the rings: taken from the available ring, put into the used ring.
  private var takenIndex: UInt16 = 0
  private var usedIndex: UInt16 = 0
  /// `usedIndex` when an interrupt was last considered.
  private var signalledIndex: UInt16 = 0
  /// Requests taken and not yet put back.
  private var inFlightCount = 0

  package init(limit: Int = VirtQueue.maximumSize) {
    self.limit = limit
    size = limit
  }

  // MARK: Set-up

  /// Sets the number of entries; what cannot be one is ignored.
  package mutating func setSize(_ value: UInt32) {
    guard !isReady, value > 0, value <= UInt32(limit), value & (value - 1) == 0 else { return }
    size = Int(value)
  }

  package mutating func makeReady(in memory: GuestMemory) throws(VirtQueueViolation) {
    guard areRingsInside(memory) else { throw .ringOutsideMemory }
    isReady = true
  }

  /// Puts the three parts in one piece of memory, as the legacy interface does (2.7.2), with the device's ring at the next
  /// multiple of `alignment`. The queue is ready then.
  package mutating func place(
    at address: UInt64, alignment: UInt64, in memory: GuestMemory
  ) throws(VirtQueueViolation) {
    isReady = false
    descriptorAddress = address
    driverAddress = address &+ UInt64(size * Self.descriptorSize)
    // Without the event index at the driver's ring's end, as QEMU counts.
    let end = driverAddress &+ UInt64(4 + 2 * size)
    deviceAddress = (end &+ (alignment - 1)) & ~(alignment - 1)
    try makeReady(in: memory)
  }

  package mutating func stop() { isReady = false }

  private func areRingsInside(_ memory: GuestMemory) -> Bool {
    memory.pointer(at: descriptorAddress, count: size * Self.descriptorSize) != nil
      && memory.pointer(at: driverAddress, count: size * 2 + 6) != nil
      && memory.pointer(at: deviceAddress, count: size * 8 + 6) != nil
  }

  /// A number in one of the rings, all of which lie in RAM while the queue is ready.
  private func load<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, at address: UInt64, in memory: GuestMemory
  ) throws(VirtQueueViolation) -> Integer {
    guard let value = memory.load(type, at: address) else { throw .ringOutsideMemory }
    return value
  }

  // MARK: Taking requests

  /// The next request, or nil when there is none. Not ready: none.
  package mutating func next(
    in memory: GuestMemory, features: UInt64
  ) throws(VirtQueueViolation) -> DescriptorChain? {
    guard isReady else { return nil }
    let available = try load(UInt16.self, at: driverAddress + 2, in: memory)
    let waiting = available &- takenIndex
    guard waiting <= UInt16(size) else { throw .tooManyRequests }
    if waiting == 0 {
      // With the event index, this asks the driver to notify when it makes the next request available.
      if features & VirtioFeature.eventIndex != 0 {
        memory.store(takenIndex, at: deviceAddress + 4 + UInt64(size) * 8)
      }
      return nil
    }
    guard inFlightCount < size else { throw .tooManyRequests }
    let slot = UInt64(takenIndex & UInt16(size - 1))
    let head = try load(UInt16.self, at: driverAddress + 4 + slot * 2, in: memory)
    let chain = try chain(
      head: head, in: memory, mayBeIndirect: features & VirtioFeature.indirectDescriptors != 0)
    takenIndex &+= 1
    inFlightCount += 1
    return chain
  }

  /// How many requests the driver says are there to be taken. Nothing is checked.
  package func availableCount(in memory: GuestMemory) -> Int {
    guard isReady, let available = memory.load(UInt16.self, at: driverAddress + 2) else { return 0 }
    return Int(available &- takenIndex)
  }

  private func chain(
    head: UInt16, in memory: GuestMemory, mayBeIndirect: Bool
  ) throws(VirtQueueViolation) -> DescriptorChain {
    var chain = DescriptorChain(head: head)
    var table = descriptorAddress
    var tableCount = size
    var index = Int(head)
    var isIndirect = false
    // Counts both the direct descriptors and those of the indirect table, so a loop in either ends.
    var descriptorCount = 0
    while true {
      guard index < tableCount else { throw .indexOutOfRange }
      let descriptor = table + UInt64(index * Self.descriptorSize)
      let address = try load(UInt64.self, at: descriptor, in: memory)
      let count = try load(UInt32.self, at: descriptor + 8, in: memory)
      let flags = try load(UInt16.self, at: descriptor + 12, in: memory)
      let next = try load(UInt16.self, at: descriptor + 14, in: memory)

      if flags & DescriptorFlags.indirect != 0 {
        // An indirect table ends a chain and does not nest; its descriptor's write flag means nothing
        // (2.7.5.3).
        guard mayBeIndirect, !isIndirect, flags & DescriptorFlags.next == 0, count > 0,
          count % UInt32(Self.descriptorSize) == 0, count <= UInt32(Self.maximumSize * Self.descriptorSize)
        else { throw .badIndirectTable }
        guard memory.pointer(at: address, count: Int(count)) != nil else { throw .bufferOutsideMemory }
        isIndirect = true
        table = address
        tableCount = Int(count) / Self.descriptorSize
        index = 0
        continue
      }

      descriptorCount += 1
      guard descriptorCount <= (isIndirect ? Self.maximumSize : size) else { throw .chainTooLong }
      try Self.add(
        address: address, count: Int(count), isWritable: flags & DescriptorFlags.write != 0, to: &chain,
        in: memory)
      guard flags & DescriptorFlags.next != 0 else { return chain }
      index = Int(next)
    }
  }

  private static func add(
    address: UInt64, count: Int, isWritable: Bool, to chain: inout DescriptorChain, in memory: GuestMemory
  ) throws(VirtQueueViolation) {
    guard count > 0, count <= byteLimit - chain.readableCount - chain.writableCount else { throw .badLength }
    guard memory.pointer(at: address, count: count) != nil else { throw .bufferOutsideMemory }
    let segment = GuestSegment(address: address, count: count)
    if isWritable {
      chain.writable.append(segment)
      chain.writableCount += count
    } else {
      guard chain.writable.isEmpty else { throw .readableAfterWritable }
      chain.readable.append(segment)
      chain.readableCount += count
    }
  }

  // MARK: Giving answers

  /// Puts a request back, `writtenCount` bytes of which the device has written.
  package mutating func put(head: UInt16, writtenCount: Int, in memory: GuestMemory) {
    inFlightCount = max(inFlightCount - 1, 0)
    guard isReady else { return }
    let element = deviceAddress + 4 + UInt64(usedIndex & UInt16(size - 1)) * 8
    memory.store(UInt32(head), at: element)
    memory.store(UInt32(clamping: writtenCount), at: element + 4)
    usedIndex &+= 1
    memory.store(usedIndex, at: deviceAddress + 2)
  }

  /// Whether the driver wants an interrupt for what has been put since this was last asked (2.7.7 and
  /// 2.7.10).
  package mutating func takeInterruptNeed(in memory: GuestMemory, features: UInt64) -> Bool {
    guard isReady, signalledIndex != usedIndex else { return false }
    let previous = signalledIndex
    signalledIndex = usedIndex
    if features & VirtioFeature.eventIndex == 0 {
      return (memory.load(UInt16.self, at: driverAddress) ?? 0) & Self.noInterrupt == 0
    }
    // The driver wants to hear of the entry `event`: is it among those put since `previous`?
    let event = memory.load(UInt16.self, at: driverAddress + 4 + UInt64(size) * 2) ?? 0
    return usedIndex &- event &- 1 < usedIndex &- previous
  }

  // MARK: State

  package func save(to writer: inout ByteWriter) {
    writer.uint16(UInt16(size))
    writer.bool(isReady)
    writer.uint64(descriptorAddress)
    writer.uint64(driverAddress)
    writer.uint64(deviceAddress)
    writer.uint16(takenIndex)
    writer.uint16(usedIndex)
    writer.uint16(signalledIndex)
    writer.uint16(UInt16(inFlightCount))
  }

  package init(
    from reader: inout ByteReader, memory: GuestMemory, limit: Int = VirtQueue.maximumSize
  ) throws(ByteCodingError) {
    self.limit = limit
    let start = reader.offset
    size = Int(try reader.uint16())
    isReady = try reader.bool()
    descriptorAddress = try reader.uint64()
    driverAddress = try reader.uint64()
    deviceAddress = try reader.uint64()
    takenIndex = try reader.uint16()
    usedIndex = try reader.uint16()
    signalledIndex = try reader.uint16()
    inFlightCount = Int(try reader.uint16())
    guard size > 0, size <= limit, size & (size - 1) == 0,
      inFlightCount <= Self.maximumSize, !isReady || areRingsInside(memory)
    else { throw .malformed(offset: start, what: "a virtqueue that cannot be") }
  }
}
