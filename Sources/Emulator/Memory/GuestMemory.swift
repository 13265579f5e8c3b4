#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The guest's RAM and what is known of each of its pages.
///
/// RAM is one host mapping, zero at first. Every store that changes it passes one of two ways: the write TLB of a
/// hart, for a page whose flags are all clear, or `noteStore`, which sees to what the flags ask for. So the flags are the
/// one place where dirty tracking, code invalidation and page-table coherence meet, and a page without flags costs
/// nothing to write.
package final class GuestMemory {
  package static let pageSize = 4096
  package static let pageShift: UInt64 = 12

  /// Physical address of the first byte.
  package let base: UInt64
  /// Bytes, a multiple of `pageSize`.
  package let size: UInt64
  package let bytes: UnsafeMutableRawPointer
  package var pageCount: Int { Int(size >> Self.pageShift) }

  /// One entry a page; see `PageFlags`.
  let flags: UnsafeMutablePointer<PageFlags.Bits>
  /// Indices of the pages written since the last `beginDirtyEpoch`, in order of their first store.
  package private(set) var dirtyPages: [Int32] = []
  /// One a keeper at work, in the order in which they began.
  var keepingEpochs: [KeepingEpoch] = []
  /// Called for what a flagged page needs besides dirty tracking. Set once by the interpreter, which outlives every
  /// use of this memory by a guest.
  unowned(unsafe) var observer: any GuestMemoryObserver = NoObserver.shared

  package init(base: UInt64, size: UInt64) {
    precondition(size > 0 && size % UInt64(Self.pageSize) == 0, "RAM is made of whole pages")
    self.base = base
    self.size = size
    // Anonymous memory: zero, and taken from the host only as the guest touches it.
    let mapping = mmap(
      nil, Int(size), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapping, mapping != MAP_FAILED else { fatalError("no memory for a guest of \(size) bytes") }
    bytes = mapping
    let count = Int(size >> Self.pageShift)
    flags = .allocate(capacity: count)
    flags.initialize(repeating: 0, count: count)
  }

  deinit {
    munmap(bytes, Int(size))
    flags.deallocate()
  }

  /// The host address of `count` bytes at a physical address, or nil when they are not all RAM.
  @inline(__always)
  package func pointer(at address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    let offset = address &- base
    guard offset < size, UInt64(count) <= size &- offset else { return nil }
    return bytes + Int(offset)
  }

  func appendDirty(_ page: Int) { dirtyPages.append(Int32(truncatingIfNeeded: page)) }
  func removeAllDirty() { dirtyPages.removeAll(keepingCapacity: true) }

  package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset < bytes.count {
      if bytes.load(fromByteOffset: offset, as: UInt64.self) != 0 { return false }
      offset += 8
    }
    return true
  }

  /// Sets all of RAM to zero. Pages that are zero already are not written.
  package func clear() {
    for page in 0..<pageCount {
      let start = bytes + page * Self.pageSize
      if Self.isZero(UnsafeRawBufferPointer(start: start, count: Self.pageSize)) { continue }
      clear(at: base + UInt64(page * Self.pageSize), count: Self.pageSize)
    }
  }
}
