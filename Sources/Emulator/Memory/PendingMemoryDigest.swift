// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Glibc
import Synchronization

/// The digest of RAM as it was at one instant, computed afterwards while the machine runs on.
///
/// Every page that changed since the digest before must be digested anew. Whoever comes to a page first does it: a thread that
/// wants the digest (`finish`), or the machine's thread just before its first store to the page (`settle`). Whoever sets the
/// page's bit in `settled` counts, and nobody waits for the other:
///
/// - The machine's thread sets the bit before it stores. If another one has set it, no store came before: what that one
///   computed is of the instant.
/// - If the machine's thread has set it, what it computed is of the instant, and stands in `early`. Another thread, which may
///   have read half of one page and half of another, sees that it came too late.
///
/// So the digest is the same number whoever computes how much of it.
package final class PendingMemoryDigest: @unchecked Sendable {
  // Sendable: RAM is only read here, in the way described above; `dirty` does not change; a page's entry in `early` is written by the
  // machine's thread before it sets the page's bit, and read by others after they have seen that; its entry in
  // `counted` is touched by the one thread that took its part. What was written for the digest before was written before its
  // `finish` came back, and this one was made after that.

  /// Words of `dirty` that a thread takes at once: as many pages as are digested in less than half a millisecond.
  private static let wordsPerPart = 16

  private let memory: GuestMemory
  private let contributions: PageContributions
  private let dirty: PageSet
  /// As `dirty`: pages that are digested. None that is not in `dirty`.
  private let settled: UnsafeMutablePointer<Atomic<UInt64>>
  private let partCount: Int
  private let nextPart = Atomic<Int>(0)
  private let finishedCount = Atomic<Int>(0)
  private let sum: Atomic<UInt64>

  /// - Parameters:
  ///   - sum: the digest before, which is finished.
  ///   - dirty: the pages that changed since then.
  init(of memory: GuestMemory, contributions: PageContributions, sum: UInt64, dirty: consuming PageSet) {
    self.memory = memory
    self.contributions = contributions
    self.sum = Atomic(sum)
    let wordCount = dirty.wordCount
    self.dirty = dirty
    settled = .allocate(capacity: wordCount)
    for index in 0..<wordCount { (settled + index).initialize(to: Atomic(0)) }
    partCount = (wordCount + Self.wordsPerPart - 1) / Self.wordsPerPart
  }

  deinit {
    settled.deinitialize(count: dirty.wordCount)
    settled.deallocate()
  }

  /// A store to a page is about to happen, the first one after the instant. On the machine's thread.
  func settle(_ page: Int) {
    let word = page >> 6
    let bit: UInt64 = 1 << UInt64(page & 63)
    guard dirty.word(word) & bit != 0, settled[word].load(ordering: .acquiring) & bit == 0 else { return }
    contributions.early.entries[page] = contribution(of: page)
    settled[word].bitwiseOr(bit, ordering: .acquiringAndReleasing)
  }

  /// Digests what is left, and answers the digest. Any threads may do so, at the same time too: they share the work. None
  /// of them waits for more than a part that another one has taken.
  package func finish() -> UInt64 {
    while true {
      let part = nextPart.load(ordering: .relaxed)
      guard part < partCount else { break }
      guard
        nextPart.compareExchange(expected: part, desired: part + 1, ordering: .relaxed).exchanged
      else { continue }
      let first = part * Self.wordsPerPart
      var growth: UInt64 = 0
      for word in first..<min(first + Self.wordsPerPart, dirty.wordCount) { growth &+= count(word) }
      sum.wrappingAdd(growth, ordering: .relaxed)
      finishedCount.wrappingAdd(1, ordering: .releasing)
    }
    while finishedCount.load(ordering: .acquiring) < partCount { sched_yield() }
    return sum.load(ordering: .relaxed)
  }

  /// By how much the sum grows by the pages of a word.
  private func count(_ word: Int) -> UInt64 {
    var growth: UInt64 = 0
    var bits = dirty.word(word)
    while bits != 0 {
      let page = word << 6 + bits.trailingZeroBitCount
      let bit = bits & (0 &- bits)
      bits ^= bit
      let value = value(of: page, word, bit)
      growth &+= value &- contributions.counted.entries[page]
      contributions.counted.entries[page] = value
    }
    return growth
  }

  private func value(of page: Int, _ word: Int, _ bit: UInt64) -> UInt64 {
    if settled[word].load(ordering: .acquiring) & bit == 0 {
      let value = contribution(of: page)
      // The page must have been read when the bit is set, and the bit be set before the machine's thread goes on to store.
      if settled[word].bitwiseOr(bit, ordering: .acquiringAndReleasing).oldValue & bit == 0 { return value }
    }
    return contributions.early.entries[page]
  }

  private func contribution(of page: Int) -> UInt64 {
    let bytes = UnsafeRawBufferPointer(
      start: memory.bytes + page * GuestMemory.pageSize, count: GuestMemory.pageSize)
    return GuestMemory.isZero(bytes) ? 0 : Digest.of(bytes, seed: UInt64(page))
  }
}

/// Digests of a machine's components at one moment, of which that of memory may still be computed while the machine runs on.
public struct PendingDigests: Sendable {
  let components: [UInt64]
  let memory: PendingMemoryDigest

  /// In the order of `Machine.digestNames`. Computes what is left; any thread may ask.
  public func values() -> [UInt64] { components + [memory.finish()] }
}
