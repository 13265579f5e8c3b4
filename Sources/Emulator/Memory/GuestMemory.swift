// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem

/// The guest's RAM, what lies behind it, and what is known of each of its pages.
///
/// RAM is one host mapping, zero at first. Behind it, in the same mapping, are pages that are not on the bus as RAM is:
/// what flash holds, and what the firmware is given (`AttachedStorage`). They are kept, digested and put into snapshots as RAM
/// is, and code that stands there is decoded as code in RAM is.
/// Every store that changes it passes one of two ways: the write TLB of a
/// hart, for a page whose flags are all clear, or `noteStore`, which sees to what the flags ask for. So the flags are the
/// one place where keepers of pages, code invalidation and page-table coherence meet, and a page without flags costs
/// nothing to write.
package final class GuestMemory {
  package static let pageSize = 4096
  package static let pageShift: UInt64 = 12

  /// Physical address of the first byte.
  package let base: UInt64
  /// Bytes of RAM, a multiple of `pageSize`.
  package let size: UInt64
  package let bytes: UnsafeMutableRawPointer
  /// What lies behind RAM.
  package let attached: AttachedStorage
  /// Bytes of RAM and of what lies behind it.
  package var totalSize: UInt64 { size + attached.size }
  /// Pages of both.
  package var pageCount: Int { Int(totalSize >> Self.pageShift) }
  package var ramPageCount: Int { Int(size >> Self.pageShift) }
  /// Bit n: bank n of flash reads as an array of bytes, and may be cached as such.
  var arrayBanks: UInt8 = 0
  /// A page of flash may be in a TLB.
  var isFlashCached = false

  /// One entry a page, and one that is never used, so that machine code may read two at once; see `PageFlags`. They
  /// stand in front of RAM, in the same mapping.
  let flags: UnsafeMutablePointer<PageFlags.Bits>
  private let flagByteCount: Int
  /// One a keeper at work, in the order in which they began.
  var keepingEpochs: [KeepingEpoch] = []
  /// Sees to what a flagged page needs besides dirty tracking; nil for memory that no hart uses, from which nothing is
  /// derived. Set by the interpreter for as long as it lives.
  var observer: Unmanaged<Interpreter>?

  package init(base: UInt64, size: UInt64, attached: AttachedStorage = AttachedStorage()) {
    precondition(size > 0 && size % UInt64(Self.pageSize) == 0, "RAM is made of whole pages")
    self.base = base
    self.size = size
    self.attached = attached
    let total = size + attached.size
    let count = Int(total >> Self.pageShift)
    flagByteCount =
      ((count + 1) * MemoryLayout<PageFlags.Bits>.stride + Self.hugePageSize - 1) & ~(Self.hugePageSize - 1)
    let mapping = Self.map(flagByteCount + Int(total))
    flags = mapping.bindMemory(to: PageFlags.Bits.self, capacity: count)
    bytes = mapping + flagByteCount
    // Best effort: with large pages the host's own TLB misses less.
    madvise(bytes, Int(size), MADV_HUGEPAGE)
  }

  /// Are both RAM and its flags at host addresses that are displacements of 32 bits in machine code, and offsets into RAM
  /// immediates?
  var isWithinDisplacements: Bool {
    Int(bitPattern: bytes) < Self.displacementLimit && Int(size) <= Self.displacementLimit
  }

  private static let displacementLimit = 1 << 31
  private static let hugePageSize = 2 << 20

  /// Anonymous memory: zero, and taken from the host only as it is touched. It begins where a displacement reaches it
  /// if there is room.
  private static func map(_ size: Int) -> UnsafeMutableRawPointer {
    func map(at hint: Int) -> UnsafeMutableRawPointer {
      let mapping = mmap(
        UnsafeMutableRawPointer(bitPattern: hint), size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
      guard let mapping, mapping != MAP_FAILED else {
        giveUp(
          "the host has no \(size) bytes of addresses for a guest's memory",
          remedy: "raise the limit on address space, or give the guest less memory")
      }
      return mapping
    }
    // The host takes an address as a wish, and grants it where nothing is in the way.
    for hint in stride(from: displacementLimit / 8, to: displacementLimit, by: displacementLimit / 8) {
      let mapping = map(at: hint)
      if Int(bitPattern: mapping) < displacementLimit { return mapping }
      munmap(mapping, size)
    }
    return map(at: 0)
  }

  deinit {
    munmap(flags, flagByteCount + Int(totalSize))
  }

  /// The host address of `count` bytes at a physical address, or nil when they are not all RAM.
  @inline(__always)
  package func pointer(at address: UInt64, count: Int) -> UnsafeMutableRawPointer? {
    let offset = address &- base
    guard offset < size, UInt64(count) <= size &- offset else { return nil }
    return bytes + Int(offset)
  }

  /// The number of the page of an address in RAM.
  @inline(__always)
  package func page(of address: UInt64) -> Int {
    Int(truncatingIfNeeded: (address &- base) &>> Self.pageShift)
  }

  /// `bytes` are words of 64 bits.
  package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let start = bytes.baseAddress else { return true }
    // Each word equals the one before it, and the first is zero.
    return start.load(as: UInt64.self) == 0 && memcmp(start, start + 8, bytes.count - 8) == 0
  }

  /// Sets all of RAM to zero. Pages that are zero already are not written.
  package func clear() {
    for page in 0..<ramPageCount {
      let start = bytes + page * Self.pageSize
      if Self.isZero(UnsafeRawBufferPointer(start: start, count: Self.pageSize)) { continue }
      clear(at: base + UInt64(page * Self.pageSize), count: Self.pageSize)
    }
  }
}
