// SPDX-License-Identifier: Apache-2.0

/// Where the engines meet stop points. All of this is off their fast paths.
extension Interpreter {
  func setStopPoints(_ points: StopPoints) {
    let watched = stops.points.watchpoints
    let old = stops.points.breakpoints
    stops.set(points)
    // Caches are invisible: any may be emptied at any time.
    if old != points.breakpoints {
      for hart in harts { hart.forgetBlocks() }
    }
    if watched != points.watchpoints {
      for hart in harts {
        hart.translationCache.flushAll()
        hart.state.pointee.isWatched = points.watchpoints.isEmpty ? 0 : 1
        hart.contextChanged()
      }
    }
  }

  /// Code is fetched at `pc` from a physical page while there are breakpoints. Answers whether blocks end before that place.
  func isSplit(_ pc: UInt64, page: Int) -> Bool {
    removeBlocks(of: page, at: stops.noteFetch(by: pc, from: page))
    let offset = Int(pc & 0xfff)
    guard stops.splits(ofPage: page)?.contains(offset) == true else { return false }
    if !stops.isBreakpointOfAny(pc) {
      let removed = stops.passSplit(ofPage: page)
      removeBlocks(of: page, at: removed)
      if removed.contains(offset & ~1) { return false }
    }
    return true
  }

  private func removeBlocks(of page: Int, at offsets: [Int]) {
    guard !offsets.isEmpty, blocks.hasCode(page: page) else { return }
    for offset in offsets {
      _ = blocks.invalidate(page: page, offset: offset, count: 1, onRemoval: blockRemoved)
    }
    if !blocks.hasCode(page: page) { memory.flags[page] &= ~PageFlags.code }
  }

  /// The hart is about to execute the instruction at `pc`, where it has a breakpoint. True: it stops before it.
  func stopsBefore(_ hart: Hart, _ pc: UInt64) -> Bool {
    let position = withMachine { $0.position }
    guard position != stops.ignoredPosition else { return false }
    if let log = stops.log {
      log.append(HitLog.Entry(position: position, hart: Int32(hart.index), isWatchpoint: false))
      return false
    }
    stops.hit = StopPointHit(position: position, hart: hart.index, programCounter: pc, cause: .breakpoint)
    hart.state.pointee.attention |= Attention.leave
    return true
  }

  /// `instruction`, which is all but done, has accessed watched bytes.
  func noteAccess(
    _ hart: Hart, _ instruction: UnsafePointer<DecodedInstruction>, _ watchpoint: StopPoints.Watchpoint,
    _ access: WatchedAccess
  ) {
    if stops.tellsAccesses {
      let programCounter = address(of: instruction, hart)
      return withMachine {
        $0.tell(.access(access), of: hart, hasEnded: false, programCounter: programCounter)
      }
    }
    let position = withMachine { $0.position }
    if let log = stops.log {
      return log.append(HitLog.Entry(position: position, hart: Int32(hart.index), isWatchpoint: true))
    }
    stops.hit = StopPointHit(
      position: position, hart: hart.index, programCounter: address(of: instruction, hart),
      cause: .watchpoint(watchpoint, access))
    hart.state.pointee.attention |= Attention.leave
    mustLeaveBlock = true
  }

  // MARK: Stores to physical memory

  func noteStores(to ranges: [ClosedRange<UInt64>]) {
    for page in pages(of: stops.noted) { memory.flags[page] &= ~PageFlags.noted }
    stops.note(ranges)
    for page in pages(of: ranges) { memory.setCare(PageFlags.noted, page: page) }
  }

  /// What lies outside RAM has no pages.
  private func pages(of ranges: [ClosedRange<UInt64>]) -> [Int] {
    ranges.flatMap { range -> Range<Int> in
      let ram = memory.base...memory.base + (memory.size - 1)
      guard range.overlaps(ram) else { return 0..<0 }
      let inside = range.clamped(to: ram)
      return Int((inside.lowerBound - memory.base) >> GuestMemory.pageShift)..<Int(
        (inside.upperBound - memory.base) >> GuestMemory.pageShift) + 1
    }
  }

  /// A store is about to change a page of which stores are noted. `isWalk`: it is translation that sets A or D bits.
  func notedStore(page: Int, offset: Int, count: Int, isWalk: Bool) {
    let first = memory.base + UInt64(page * GuestMemory.pageSize + offset)
    let bytes = first...first + UInt64(count - 1)
    guard let range = stops.noted.first(where: { $0.overlaps(bytes) }) else { return }
    let start = max(first, range.lowerBound)
    let store = withMachine {
      $0.describeStore(to: start, byteCount: count - Int(start - first), isWalk: isWalk)
    }
    stops.lastStore = store
    if stops.tellsAccesses, store.source != .instruction { withMachine { $0.tell(store) } }
  }
}
