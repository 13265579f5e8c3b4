// SPDX-License-Identifier: Apache-2.0

/// What the engines look up of stop points, arranged so that it costs nothing where there are none.
///
/// Breakpoints are virtual, blocks physical. Where code is fetched by way of a virtual page with breakpoints, blocks of the physical page
/// end before each of their instructions from then on (a *split*), and a block that begins at one is neither translated nor in any jump
/// cache. So each time it is to run, `fetchBlock` is asked for it, and compares all of the address. Jump caches are forgotten whenever breakpoints
/// change: so the first fetch by way of a page comes by. Watchpoints: a page that holds watched bytes is in none of the
/// translation caches concerned, so each access to it takes the slow path, which compares the addresses; and no code runs
/// that does without translation caches (`Hart.isBare`).
final class StopPointTable {
  private(set) var points = StopPoints()
  /// What to do with hits: nil to stop the machine.
  var log: HitLog?
  /// Where set, accesses to watched bytes are told instead (`Machine.observe`).
  var tellsAccesses = false
  /// Where no breakpoint counts.
  var ignoredPosition: UInt64?
  /// The hit that stops the machine.
  var hit: StopPointHit?

  /// Whether there are breakpoints, or splits that are left of some. Raw memory, because every fetched block looks at it.
  var hasBreakpoints: Bool { breakpointFlag.pointee }
  private let breakpointFlag: UnsafeMutablePointer<Bool>
  /// The harts that stop at an address.
  private var breakpoints: [UInt64: UInt64] = [:]
  /// The same addresses by their virtual page.
  private var breakpointPages: [UInt64: [UInt64]] = [:]
  /// By physical page.
  private var splits: [Int: PageSplits] = [:]
  /// The watchpoints that see loads, and those that see stores.
  private var loadWatchpoints: [StopPoints.Watchpoint] = []
  private var storeWatchpoints: [StopPoints.Watchpoint] = []

  /// Stores to these physical bytes are noted.
  private(set) var noted: [ClosedRange<UInt64>] = []
  var lastStore: NotedStore?

  init() {
    breakpointFlag = .allocate(capacity: 1)
    breakpointFlag.initialize(to: false)
  }

  deinit { breakpointFlag.deallocate() }

  // MARK: Setting

  func set(_ points: StopPoints) {
    if points.breakpoints != self.points.breakpoints {
      breakpoints.removeAll(keepingCapacity: true)
      breakpointPages.removeAll(keepingCapacity: true)
      for breakpoint in points.breakpoints {
        if breakpoints.updateValue(
          breakpoints[breakpoint.address, default: 0] | breakpoint.harts, forKey: breakpoint.address) == nil
        {
          breakpointPages[breakpoint.address & ~0xfff, default: []].append(breakpoint.address)
        }
      }
    }
    self.points = points
    breakpointFlag.pointee = !breakpoints.isEmpty || !splits.isEmpty
    loadWatchpoints = points.watchpoints.filter { $0.kind != .write }
    storeWatchpoints = points.watchpoints.filter { $0.kind != .read }
  }

  func note(_ ranges: [ClosedRange<UInt64>]) {
    noted = ranges
    lastStore = nil
  }

  // MARK: Breakpoints

  /// Does a hart stop before the instruction at this virtual address?
  func isBreakpoint(_ address: UInt64, hart: Int) -> Bool {
    guard let harts = breakpoints[address] else { return false }
    return harts >> UInt64(hart) & 1 != 0
  }

  func isBreakpointOfAny(_ address: UInt64) -> Bool { breakpoints[address] != nil }

  /// Code is fetched from a physical page by way of a virtual address. Answers the offsets in the page that are split from now on
  /// and were not.
  func noteFetch(by address: UInt64, from page: Int) -> [Int] {
    guard let addresses = breakpointPages[address & ~0xfff] else { return [] }
    return splits[page, default: PageSplits()].add(addresses)
  }

  /// The offsets of a physical page at which blocks end.
  func splits(ofPage page: Int) -> PageSplits? { splits[page] }

  /// Code ran into a split of a physical page by way of a virtual address at which no breakpoint is. Answers the offsets that are split
  /// no more.
  func passSplit(ofPage page: Int) -> [Int] {
    guard let removed = splits[page]?.pass(keeping: { breakpoints[$0] != nil }) else { return [] }
    if splits[page]?.isEmpty == true {
      splits[page] = nil
      breakpointFlag.pointee = !breakpoints.isEmpty || !splits.isEmpty
    }
    return removed
  }

  // MARK: Watchpoints

  /// Must a load of the page take the slow path?
  func barsLoads(page address: UInt64) -> Bool {
    !loadWatchpoints.isEmpty && find(loadWatchpoints, Self.page(address)) != nil
  }

  /// Must a store to the page take the slow path? An atomic instruction loads by the way of stores.
  func barsStores(page address: UInt64) -> Bool {
    barsLoads(page: address)
      || (!storeWatchpoints.isEmpty && find(storeWatchpoints, Self.page(address)) != nil)
  }

  func watchpoint(loading address: UInt64, _ size: Int) -> StopPoints.Watchpoint? {
    loadWatchpoints.isEmpty ? nil : find(loadWatchpoints, address, size)
  }

  func watchpoint(storing address: UInt64, _ size: Int) -> StopPoints.Watchpoint? {
    storeWatchpoints.isEmpty ? nil : find(storeWatchpoints, address, size)
  }

  private static func page(_ address: UInt64) -> ClosedRange<UInt64> { address & ~0xfff...address | 0xfff }

  /// An access at the end of the address space goes on at its start.
  private func find(_ watchpoints: [StopPoints.Watchpoint], _ address: UInt64, _ size: Int)
    -> StopPoints.Watchpoint?
  {
    let last = address &+ UInt64(size) &- 1
    guard last < address else { return find(watchpoints, address...last) }
    return find(watchpoints, address...UInt64.max) ?? find(watchpoints, 0...last)
  }

  private func find(_ watchpoints: [StopPoints.Watchpoint], _ range: ClosedRange<UInt64>)
    -> StopPoints.Watchpoint?
  {
    watchpoints.first { $0.contains(range) }
  }
}
