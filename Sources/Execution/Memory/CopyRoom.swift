// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import HostSystem
import Synchronization

/// Memory for copies that a machine's thread makes while its guest runs.
///
/// The host gives memory when it is first touched, and may take long for it: milliseconds for a large page, where it is itself a
/// virtual machine, and seconds for all of a guest's. An allocator gives it back piece by piece, and asks again. So this is
/// one mapping, which another thread touches before the machine's needs it (`prepare`), and which stays for the next time:
/// in between the host may take back what it is short of (`letGo`).
///
/// Sendable: who may use which part of it, and when it is let go, its users settle among themselves.
package final class CopyRoom: @unchecked Sendable {
  /// A guest that writes faster than its dump or snapshot does needs a copy of all its memory. So much of that is made ready
  /// beforehand, and stays; the rest, which large guests that write that fast need, comes with the host's delays.
  private static let readyLimit = 512 << 20
  private static let step = 2 << 20

  let start: UnsafeMutableRawPointer
  package let byteCount: Int

  /// Bytes that `prepare` makes ready at most.
  var readyByteCount: Int { min(byteCount, Self.readyLimit) }

  package init(byteCount: Int) {
    self.byteCount = byteCount
    let mapping = mmap(
      nil, byteCount, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
    guard let mapping, mapping != MAP_FAILED else {
      giveUp(
        "the host has no \(byteCount) bytes of addresses for copies of memory",
        remedy: "raise the limit on address space, or give the guest less memory")
    }
    start = mapping
    // Best effort: the host is asked less often. Not for the beginning: whoever makes few copies must not wait for a large page,
    // most of which nobody uses.
    if byteCount > Self.step { madvise(start + Self.step, readyByteCount - Self.step, MADV_HUGEPAGE) }
  }

  deinit { munmap(start, byteCount) }

  /// Has the host give memory, for a range of bytes as far as they are made ready at all; what is in them stays. Takes a tenth
  /// of a second or more for all of it, on any thread but the machine's. Answers up to where it is done.
  @discardableResult
  package func prepare(_ range: Range<Int> = 0..<Int.max, while mayGoOn: () -> Bool) -> Int {
    let range = range.clamped(to: 0..<readyByteCount)
    for first in stride(from: range.lowerBound, to: range.upperBound, by: Self.step) {
      guard mayGoOn() else { return first }
      for offset in stride(from: first, to: min(first + Self.step, range.upperBound), by: 4096) {
        // As good as a store for the host, and whoever stores a copy there at the same time does not lose it.
        let byte = (start + offset).assumingMemoryBound(to: Atomic<UInt8>.self)
        _ = byte.pointee.compareExchange(expected: 0, desired: 0, ordering: .relaxed)
      }
    }
    return range.upperBound
  }

  /// Nobody needs what is in it any more. The host may take the memory, and does when it is short of it; until then it is
  /// there at once for whoever makes copies next.
  package func letGo() {
    let count = readyByteCount
    // Best effort: at worst memory stays in use that need not.
    madvise(start, count, MADV_FREE)
    if byteCount > count { madvise(start + count, byteCount - count, MADV_DONTNEED) }
  }
}
