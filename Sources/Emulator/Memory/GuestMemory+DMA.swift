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
    var page = Int((address &- base) >> Self.pageShift)
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
