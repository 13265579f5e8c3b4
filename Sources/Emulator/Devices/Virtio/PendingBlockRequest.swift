// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// A request of a driver that a drive is working on.
///
/// It became one or more `BlockRequest`s ("parts", as a discard may name several ranges) with ids from
/// `firstID` on.
struct PendingBlockRequest: Equatable {
  /// Where the answer goes. A device that is reset forgets this, but the parts are still under way.
  struct Destination: Equatable {
    var head: UInt16
    /// For what a read brings.
    var data: [GuestSegment]
    var statusAddress: UInt64
  }

  static let partLimit = 16

  var firstID: UInt64
  /// Bit n: the part with id `firstID + n` has not been completed. Never zero.
  var outstanding: UInt16
  /// Some part did not succeed.
  var hasFailed = false
  /// Bytes to read or write; requests of other kinds have neither.
  var readCount = 0
  var writeCount = 0
  /// Nil once the device has been reset.
  var destination: Destination?

  var byteCount: Int { readCount + writeCount }
  var lastOutstandingID: UInt64 { firstID + UInt64(15 - outstanding.leadingZeroBitCount) }

  /// The bit of `outstanding` for a part; nil when `id` is none of this request's, or is completed already.
  func bit(of id: UInt64) -> UInt16? {
    guard id >= firstID, id - firstID < UInt64(Self.partLimit) else { return nil }
    let bit: UInt16 = 1 << UInt16(id - firstID)
    return outstanding & bit != 0 ? bit : nil
  }

  /// Which byte of what a read brings comes to a physical address; nil when none does. Where ranges overlap, the last one
  /// is written last.
  func dataOffset(of address: UInt64) -> Int? {
    var offset = 0
    var found: Int?
    for segment in destination?.data ?? [] {
      if address >= segment.address, address - segment.address < UInt64(segment.count) {
        found = offset + Int(address - segment.address)
      }
      offset += segment.count
    }
    return found
  }

  // MARK: State

  func save(to writer: inout ByteWriter) {
    writer.uint64(firstID)
    writer.uint16(outstanding)
    writer.bool(hasFailed)
    writer.uint32(UInt32(readCount))
    writer.uint32(UInt32(writeCount))
    writer.bool(destination != nil)
    guard let destination else { return }
    writer.uint16(destination.head)
    writer.uint64(destination.statusAddress)
    writer.varint(UInt64(destination.data.count))
    for segment in destination.data {
      writer.uint64(segment.address)
      writer.uint32(UInt32(segment.count))
    }
  }

  /// Reads a request that is possible in itself: its bytes are whole sectors and few enough, and its ranges
  /// lie in RAM and are as long as it says.
  init(from reader: inout ByteReader, memory: GuestMemory) throws(ByteCodingError) {
    let start = reader.offset
    firstID = try reader.uint64()
    outstanding = try reader.uint16()
    hasFailed = try reader.bool()
    readCount = Int(try reader.uint32())
    writeCount = Int(try reader.uint32())
    guard firstID < VirtioBlock.idLimit, outstanding != 0, readCount == 0 || writeCount == 0,
      byteCount <= VirtioBlock.requestLimit, byteCount % BlockRequest.sectorSize == 0,
      byteCount == 0 || outstanding == 1 && !hasFailed
    else { throw .malformed(offset: start, what: "a block request that cannot be") }
    guard try reader.bool() else { return }
    let head = try reader.uint16()
    let statusAddress = try reader.uint64()
    let segmentCount = try reader.count(limit: VirtQueue.maximumSize, "block request ranges")
    var segments: [GuestSegment] = []
    var total = 0
    for _ in 0..<segmentCount {
      let address = try reader.uint64()
      let count = Int(try reader.uint32())
      guard count > 0, memory.pointer(at: address, count: count) != nil else {
        throw .malformed(offset: start, what: "a block request outside memory")
      }
      total += count
      segments.append(GuestSegment(address: address, count: count))
    }
    guard total == readCount, memory.pointer(at: statusAddress, count: 1) != nil else {
      throw .malformed(offset: start, what: "a block request whose ranges do not fit")
    }
    destination = Destination(head: head, data: segments, statusAddress: statusAddress)
  }

  init(firstID: UInt64, partCount: Int, destination: Destination) {
    self.firstID = firstID
    outstanding = UInt16.max >> UInt16(Self.partLimit - partCount)
    self.destination = destination
  }
}
