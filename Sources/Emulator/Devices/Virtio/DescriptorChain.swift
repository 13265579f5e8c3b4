// SPDX-License-Identifier: Apache-2.0

/// A range of guest memory that a descriptor names. It lies in RAM, and is not empty.
package struct GuestSegment: Equatable, Sendable {
  package var address: UInt64
  package var count: Int

  package init(address: UInt64, count: Int) {
    self.address = address
    self.count = count
  }
}

/// One request of a driver: the ranges the device may read, then those it may write.
///
/// The ranges of each kind are used as if they were one: devices do not depend on how a driver cuts them up
/// (virtio specification 1.2, section 2.7.4). All of them lie in RAM, whose size is fixed, so copying cannot
/// fail.
package struct DescriptorChain: Equatable, Sendable {
  /// Index of the first descriptor: what the used ring names the request by.
  package var head: UInt16
  package var readable: [GuestSegment] = []
  package var writable: [GuestSegment] = []
  package var readableCount = 0
  package var writableCount = 0

  package init(head: UInt16) { self.head = head }
}

extension [GuestSegment] {
  /// At most `count` bytes from `offset` bytes into the ranges.
  func read(offset: Int = 0, count: Int, from memory: GuestMemory) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    forEachPart(offset: offset, count: count) { address, length in
      guard let source = memory.pointer(at: address, count: length) else { return }
      bytes.append(contentsOf: UnsafeRawBufferPointer(start: source, count: length))
    }
    return bytes
  }

  /// Writes `bytes` into the ranges, as many as there is room for.
  func write(_ bytes: [UInt8], to memory: GuestMemory) {
    var done = 0
    forEachPart(offset: 0, count: bytes.count) { address, length in
      memory.write(bytes[done..<done + length], at: address)
      done += length
    }
  }

  /// The ranges of the first `count` bytes.
  func first(_ count: Int) -> [GuestSegment] {
    var parts: [GuestSegment] = []
    forEachPart(offset: 0, count: count) { parts.append(GuestSegment(address: $0, count: $1)) }
    return parts
  }

  /// Address of the last byte.
  var lastByte: UInt64? { last.map { $0.address + UInt64($0.count) - 1 } }

  private func forEachPart(offset: Int, count: Int, _ body: (UInt64, Int) -> Void) {
    var skip = offset
    var left = count
    for segment in self where left > 0 {
      if skip >= segment.count {
        skip -= segment.count
        continue
      }
      let length = Swift.min(segment.count - skip, left)
      body(segment.address + UInt64(skip), length)
      skip = 0
      left -= length
    }
  }
}
