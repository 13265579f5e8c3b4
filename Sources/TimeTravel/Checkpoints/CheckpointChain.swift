// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The checkpoints of one machine, by position, with the pages of RAM that lead from one to the next.
///
/// Between a checkpoint and the next one lies an *interval*. With each checkpoint goes a delta: the pages that
/// change in its interval, as they are at the checkpoint. With the last one goes the *tail*: the pages that memory has
/// left the last checkpoint with, whatever way. This holds at all times:
///
///   the content of a page at checkpoint i is what the first delta from i on says that has the page; if none has, it
///   is what memory has now.
///
/// Memory changes in one way only, by stores, and the first store to each page since the machine last stood at a checkpoint
/// is shown to this keeper: a page that the tail does not have yet is put into the tail. That keeps the rule, whether the
/// machine runs on from the last checkpoint, runs again what it ran before, is forked, or is rewound, which is nothing
/// but stores too. So checkpoints that lie ahead are kept when the machine goes back, and going there again takes no run.
///
/// `current` is the last checkpoint that the machine stood at; `touched` are the pages in which memory may differ from what
/// it was there.
final class CheckpointChain: PageKeeper {
  struct Link {
    var checkpoint: Checkpoint
    /// Empty for the last one, whose delta is the tail.
    var delta = PageDelta()
  }

  // The session has both the memory and the chain; the memory has the chain as its keeper.
  private unowned let memory: GuestMemory
  let policy: CheckpointPolicy
  let pool = PagePool()
  var links: [Link] = []
  var tail = PageDelta()
  var inTail: PageSet
  /// Empty between two operations.
  var scratch: PageSet
  /// The number of the last checkpoint that the machine stood at. No meaning while there is none.
  private(set) var current = 0
  private var touched: [Int32] = []
  /// Called when memory is used up while the machine runs: it must stop, so that there can be a checkpoint and older ones
  /// can go.
  private let stopMachine: () -> Void
  /// The tail has every page that changes between the last checkpoint and this position.
  private(set) var reached: UInt64 = 0
  /// Memory was used up since the last checkpoint was taken.
  private(set) var isOverLimit = false
  private var checkpointBytes = 0
  /// The last checkpoint is where the machine goes on, and is never given up.
  var keepsLast = false

  init(memory: GuestMemory, policy: CheckpointPolicy, stopMachine: @escaping () -> Void) {
    self.memory = memory
    self.policy = policy
    self.stopMachine = stopMachine
    inTail = PageSet(pageCount: memory.pageCount)
    scratch = PageSet(pageCount: memory.pageCount)
  }

  var isEmpty: Bool { links.isEmpty }
  var count: Int { links.count }
  var positions: [UInt64] { links.map(\.checkpoint.position) }
  func position(of index: Int) -> UInt64 { links[index].checkpoint.position }
  /// Where the first checkpoint after `position` is.
  func nextPosition(after position: UInt64) -> UInt64? {
    let next = index(atOrBefore: position).map { $0 + 1 } ?? 0
    return next < links.count ? self.position(of: next) : nil
  }

  /// Bytes of memory in use.
  var byteCount: Int {
    pool.pageCount * GuestMemory.pageSize + checkpointBytes + tail.byteCount
      + links.reduce(0) { $0 + $1.delta.byteCount }
  }

  /// The number of the last checkpoint at `position` or before it.
  func index(atOrBefore position: UInt64) -> Int? {
    var low = 0
    var high = links.count
    while low < high {
      let middle = (low + high) / 2
      if links[middle].checkpoint.position <= position { low = middle + 1 } else { high = middle }
    }
    return low > 0 ? low - 1 : nil
  }

  func delta(_ index: Int) -> PageDelta { index == links.count - 1 ? tail : links[index].delta }

  // MARK: Standing at checkpoints

  func keep(page: Int, bytes: UnsafeRawPointer) {
    let number = Int32(truncatingIfNeeded: page)
    touched.append(number)
    guard inTail.insert(page) else { return }
    tail.append(number, pool.keep(bytes))
    if pool.pageCount * GuestMemory.pageSize > policy.memoryLimit, !isOverLimit {
      isOverLimit = true
      stopMachine()
    }
  }

  /// Takes in a checkpoint of where the machine stands, and none stands yet.
  ///
  /// The pages of the interval that is divided go to where they change: those that were not touched are as they were at its
  /// start. Those that were may change again.
  func add(_ checkpoint: Checkpoint) {
    checkpointBytes += checkpoint.byteCount
    guard let interval = index(atOrBefore: checkpoint.position) else {
      precondition(isEmpty, "the machine never stands before the first checkpoint")
      links.append(Link(checkpoint: checkpoint))
      return stand(at: 0)
    }
    precondition(position(of: interval) < checkpoint.position)
    if interval == links.count - 1 {
      links[interval].delta = tail
      tail = PageDelta()
      inTail.removeAll()
      links.append(Link(checkpoint: checkpoint))
    } else {
      for page in touched { scratch.insert(Int(page)) }
      let divided = links[interval].delta
      var (before, after) = (PageDelta(), PageDelta())
      for (page, slot) in zip(divided.pages, divided.slots) {
        if scratch.contains(Int(page)) {
          before.append(page, slot)
          after.append(page, pool.keep(memory.bytes + Int(page) * GuestMemory.pageSize))
        } else {
          after.append(page, slot)
        }
      }
      for page in touched { scratch.remove(Int(page)) }
      links[interval].delta = before
      links.insert(Link(checkpoint: checkpoint, delta: after), at: interval + 1)
    }
    stand(at: interval + 1)
    thin()
  }

  /// The machine has run to `position`, and stands there as it did when there was a checkpoint taken, if there is one.
  func arrive(at position: UInt64) {
    guard let index = index(atOrBefore: position), self.position(of: index) == position else { return }
    stand(at: index)
  }

  private func stand(at index: Int) {
    current = index
    touched.removeAll(keepingCapacity: true)
    isOverLimit = false
    memory.beginKeeping(for: self)
  }

  // MARK: Rewinding

  /// Makes memory what it was at a checkpoint, earlier or later.
  ///
  /// Only pages that may differ are looked at, and only bytes that do are stored, so that what is derived from the others
  /// (decoded code above all) stays.
  func restoreMemory(to index: Int) -> Checkpoint {
    let target = links[index].checkpoint
    var remaining = 0
    var candidates: [Int32] = []
    func consider(_ pages: [Int32]) {
      for page in pages where scratch.insert(Int(page)) { candidates.append(page) }
    }
    consider(touched)
    for interval in min(index, current)..<max(index, current) { consider(links[interval].delta.pages) }
    remaining = candidates.count

    var plan: [(page: Int32, slot: PagePool.Slot)] = []
    plan.reserveCapacity(remaining)
    var interval = index
    while interval < links.count, remaining > 0 {
      let delta = delta(interval)
      for (page, slot) in zip(delta.pages, delta.slots) where scratch.remove(Int(page)) {
        plan.append((page, slot))
        remaining -= 1
      }
      interval += 1
    }
    // What no delta has is right as it is.
    if remaining > 0 { for page in candidates { scratch.remove(Int(page)) } }

    // Going back saves what is left behind. Without memory for that the checkpoints ahead are given up.
    let fits = byteCount + plan.count * GuestMemory.pageSize <= policy.memoryLimit
    if !fits && index < links.count - 1 && !keepsLast {
      memory.endKeeping(for: self)
      put(plan)
      dropAll(after: index)
    } else {
      // An overrun now is seen to below; the machine does not run.
      isOverLimit = true
      put(plan)
    }
    stand(at: index)
    thin()
    return target
  }

  private func put(_ plan: [(page: Int32, slot: PagePool.Slot)]) {
    for (page, slot) in plan { memory.replace(page: Int(page), with: pool.bytes(of: slot)) }
  }

  /// The machine has run to `position`. A fork's positions are not the recording's.
  func noteReached(_ position: UInt64, isForked: Bool) {
    if !isForked { reached = max(reached, position) }
  }

  private func dropAll(after index: Int) {
    reached = links[index].checkpoint.position
    for link in links[index...] { link.delta.giveBack(to: pool) }
    tail.giveBack(to: pool)
    for link in links[(index + 1)...] { checkpointBytes -= link.checkpoint.byteCount }
    links.removeSubrange((index + 1)...)
    links[index].delta = PageDelta()
    tail = PageDelta()
    inTail.removeAll()
  }

  // MARK: The present

  /// The machine stands at the last checkpoint, or has gone on from it. It is forgotten: the one before it is the last one.
  func removeLast() {
    precondition(links.count > 1 && current == links.count - 1)
    let last = links.removeLast()
    checkpointBytes -= last.checkpoint.byteCount
    current -= 1
    var merged = links[current].delta
    for page in merged.pages { scratch.insert(Int(page)) }
    for (page, slot) in zip(tail.pages, tail.slots) {
      if scratch.contains(Int(page)) { pool.giveBack(slot) } else { merged.append(page, slot) }
    }
    for page in links[current].delta.pages { scratch.remove(Int(page)) }
    for page in merged.pages { inTail.insert(Int(page)) }
    links[current].delta = PageDelta()
    tail = merged
    touched = merged.pages
  }

  /// The machine stands where it stood at the last checkpoint, and not as it was there: at the same position, something has come.
  func replaceLast(_ checkpoint: Checkpoint) {
    precondition(!isEmpty && current == links.count - 1)
    guard links.count == 1 else {
      removeLast()
      return add(checkpoint)
    }
    checkpointBytes += checkpoint.byteCount - links[0].checkpoint.byteCount
    tail.giveBack(to: pool)
    tail = PageDelta()
    inTail.removeAll()
    links = [Link(checkpoint: checkpoint)]
    stand(at: 0)
  }

  // MARK: Removing

  /// Removes a checkpoint at which the machine does not stand. The interval before it goes on over its own.
  func remove(_ index: Int) {
    precondition(index != current && links.indices.contains(index))
    checkpointBytes -= links[index].checkpoint.byteCount
    if index == 0 {
      links[0].delta.giveBack(to: pool)
    } else {
      var merged = links[index - 1].delta
      for page in merged.pages { scratch.insert(Int(page)) }
      let later = delta(index)
      for (page, slot) in zip(later.pages, later.slots) {
        if scratch.contains(Int(page)) { pool.giveBack(slot) } else { merged.append(page, slot) }
      }
      for page in links[index - 1].delta.pages { scratch.remove(Int(page)) }
      if index == links.count - 1 {
        for page in merged.pages { inTail.insert(Int(page)) }
        tail = merged
        links[index - 1].delta = PageDelta()
      } else {
        links[index - 1].delta = merged
      }
    }
    links.remove(at: index)
    if current > index { current -= 1 }
  }
}
