// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Access on behalf of devices and of the host: physical, little-endian, coherent with code and page tables.
extension GuestMemory {
  package func read(at address: UInt64, count: Int) -> [UInt8]? {
    guard let source = pointer(at: address, count: count) else { return nil }
    return [UInt8](UnsafeRawBufferPointer(start: source, count: count))
  }

  /// Writes all of `data`, or nothing and answers false when part of it would lie outside RAM.
  @discardableResult
  package func write(_ data: UnsafeRawBufferPointer, at address: UInt64) -> Bool {
    guard let target = pointer(at: address, count: data.count) else { return false }
    prepareStore(at: address, count: data.count)
    UnsafeMutableRawBufferPointer(start: target, count: data.count).copyMemory(from: data)
    return true
  }

  @discardableResult
  package func write(_ data: [UInt8], at address: UInt64) -> Bool {
    data.withUnsafeBytes { write($0, at: address) }
  }

  @discardableResult
  package func write(_ data: ArraySlice<UInt8>, at address: UInt64) -> Bool {
    data.withUnsafeBytes { write($0, at: address) }
  }

  /// Sets `count` bytes to zero, or nothing and answers false when part of them would lie outside RAM.
  @discardableResult
  package func clear(at address: UInt64, count: Int) -> Bool {
    guard let target = pointer(at: address, count: count) else { return false }
    prepareStore(at: address, count: count)
    UnsafeMutableRawBufferPointer(start: target, count: count).initializeMemory(
      as: UInt8.self, repeating: 0)
    return true
  }

  /// Makes a page equal to the `pageSize` bytes at `source`. Only the bytes from the first one that differs to the last one are
  /// stored: what is derived from the others stays as good as it is. False: they were equal.
  @discardableResult
  package func replace(page: Int, with source: UnsafeRawPointer) -> Bool {
    let target = bytes + page * Self.pageSize
    guard memcmp(target, source, Self.pageSize) != 0 else { return false }
    var first = 0
    while target.load(fromByteOffset: first, as: UInt64.self)
      == source.loadUnaligned(fromByteOffset: first, as: UInt64.self)
    {
      first += 8
    }
    var last = Self.pageSize - 8
    while target.load(fromByteOffset: last, as: UInt64.self)
      == source.loadUnaligned(fromByteOffset: last, as: UInt64.self)
    {
      last -= 8
    }
    let count = last + 8 - first
    prepareStore(at: base + UInt64(page * Self.pageSize + first), count: count)
    (target + first).copyMemory(from: source + first, byteCount: count)
    return true
  }

  /// An unsigned integer of any alignment.
  package func load<Integer: FixedWidthInteger & UnsignedInteger>(
    _ type: Integer.Type, at address: UInt64
  ) -> Integer? {
    guard let source = pointer(at: address, count: MemoryLayout<Integer>.size) else { return nil }
    return Integer(littleEndian: source.loadUnaligned(as: Integer.self))
  }

  @discardableResult
  package func store<Integer: FixedWidthInteger & UnsignedInteger>(
    _ value: Integer, at address: UInt64
  ) -> Bool {
    guard let target = pointer(at: address, count: MemoryLayout<Integer>.size) else { return false }
    prepareStore(at: address, count: MemoryLayout<Integer>.size)
    target.storeBytes(of: value.littleEndian, as: Integer.self)
    return true
  }

  /// Must precede every store that does not go through a write TLB.
  package func prepareStore(at address: UInt64, count: Int) {
    guard count > 0 else { return }
    var page = page(of: address)
    let last = Int((address &- base &+ UInt64(count) &- 1) >> Self.pageShift)
    while page <= last {
      if flags[page] & PageFlags.needsCare != 0 {
        let pageStart = base + UInt64(page) << Self.pageShift
        let from = max(address, pageStart)
        let to = min(address + UInt64(count), pageStart + UInt64(Self.pageSize))
        noteStore(page: page, offset: Int(from - pageStart), count: Int(to - from))
      }
      page += 1
    }
  }
}
