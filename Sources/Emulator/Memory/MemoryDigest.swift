// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

/// The digest of all RAM: the wrapping sum over all pages that are not all zero of `Digest.of(page, seed: index)`.
///
/// A sum can be brought up to date from the pages that changed, whatever their number and order. Which ones did it is shown
/// as a `PageKeeper`, in epochs that begin with each digest. So it is also told of each page's first store after an instant
/// whose digest is still being computed (`PendingMemoryDigest`).
final class MemoryDigest: PageKeeper {
  private let memory: GuestMemory
  private let contributions: PageContributions
  /// Changed since the last digest began.
  private var dirty: PageSet
  /// Changed since `forgetChangedPages`.
  private var changed: PageSet
  /// The last digest that was begun.
  private var last: PendingMemoryDigest?

  init(memory: GuestMemory) {
    self.memory = memory
    contributions = PageContributions(pageCount: memory.pageCount)
    dirty = PageSet(pageCount: memory.pageCount)
    changed = PageSet(pageCount: memory.pageCount)
  }

  func keep(page: Int, bytes: UnsafeRawPointer) {
    dirty.insert(page)
    changed.insert(page)
    last?.settle(page)
  }

  /// The digest of RAM as it is. One that was begun before is finished first.
  func begin() -> PendingMemoryDigest {
    let digest = PendingMemoryDigest(
      of: memory, contributions: contributions, sum: last?.finish() ?? 0, dirty: dirty.copy())
    last = digest
    dirty.removeAll()
    memory.beginKeeping(for: self)
    return digest
  }

  var changedPages: PageSet { changed.copy() }

  func forgetChangedPages() {
    changed.removeAll()
    memory.beginKeeping(for: self)
  }
}

/// What each page contributes to the digest of RAM, a `PendingMemoryDigest` after the other.
final class PageContributions {
  /// What it contributes to the last digest that is finished, and to one that is not as far as that is computed.
  let counted: HostTable<UInt64>
  /// What it contributes to a digest that is not finished, computed just before the page's first store after it.
  let early: HostTable<UInt64>

  init(pageCount: Int) {
    counted = HostTable(count: pageCount)
    early = HostTable(count: pageCount)
  }
}
