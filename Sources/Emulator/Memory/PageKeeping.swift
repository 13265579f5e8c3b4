// SPDX-License-Identifier: Apache-2.0

/// Sees each page of RAM as it was before its first store since keeping began.
///
/// Digests, checkpoints, live dumps and background snapshots are made of this: whoever wants memory as it is now goes on at once,
/// and is shown each page before it changes. Code that runs pays for the first store to a page only.
package protocol PageKeeper: AnyObject {
  /// A store to `page` is about to happen, the first one in this keeper's epoch. `bytes` are its
  /// `GuestMemory.pageSize` bytes, valid and unchanged during the call.
  ///
  /// Called on the machine's thread, in the middle of an instruction: it may neither store to this memory nor begin or
  /// end keeping.
  func keep(page: Int, bytes: UnsafeRawPointer)
}

/// One keeper's epoch.
final class KeepingEpoch {
  let keeper: any PageKeeper
  /// The pages that the keeper was shown.
  private var seen: PageSet

  init(keeper: any PageKeeper, pageCount: Int) {
    self.keeper = keeper
    seen = PageSet(pageCount: pageCount)
  }

  func begin() { seen.removeAll() }

  func show(_ page: Int, _ bytes: UnsafeRawPointer) {
    if seen.insert(page) { keeper.keep(page: page, bytes: bytes) }
  }
}

/// `PageFlags.toBeKept` says that some keeper may not have seen a page; which of them, their epochs know. So the epochs are
/// independent of each other, and beginning one is a pass over the flags.
extension GuestMemory {
  /// Begins an epoch over all pages for `keeper`, which is held until `endKeeping`; the epoch it had is over.
  ///
  /// Several keepers may be at work. Call it between two instructions.
  package func beginKeeping(for keeper: any PageKeeper) {
    if let epoch = keepingEpochs.first(where: { $0.keeper === keeper }) {
      epoch.begin()
    } else {
      keepingEpochs.append(KeepingEpoch(keeper: keeper, pageCount: pageCount))
    }
    setCareForAll(PageFlags.toBeKept)
  }

  /// Shows `keeper` nothing any more. The flags that were set for it go with the next store to each page.
  package func endKeeping(for keeper: any PageKeeper) {
    keepingEpochs.removeAll { $0.keeper === keeper }
  }

  /// A store to a page with `PageFlags.toBeKept` is about to happen.
  func showToKeepers(page: Int) {
    flags[page] &= ~PageFlags.toBeKept
    let start = UnsafeRawPointer(bytes + page * Self.pageSize)
    for epoch in keepingEpochs { epoch.show(page, start) }
  }
}
