// SPDX-License-Identifier: Apache-2.0

/// What the engines look up of stop points, arranged so that it costs nothing where there are none.
///
/// Breakpoints: blocks end before every instruction whose place on its page is that of a breakpoint (a *split*), and a
/// block that begins at one is neither translated nor in any jump cache. So each time it is to run, `fetchBlock` is
/// asked for it, and compares all of the address. Watchpoints: a page that holds watched bytes is in none of the
/// translation caches concerned, so each access to it takes the slow path, which compares the addresses; and no code runs
/// that does without translation caches (`Hart.isBare`).
final class StopPointTable {
  /// Splits that no breakpoint needs any more are kept, so that setting the same breakpoints again costs nothing; they
  /// go when code ran into them so often that they cost more than decoding everything anew.
  private static let staleVisitLimit = 20_000

  private(set) var points = StopPoints()
  /// What to do with hits: nil to stop the machine.
  var log: HitLog?
  /// Where no breakpoint counts.
  var ignoredPosition: UInt64?
  /// The hit that stops the machine.
  var hit: StopPointHit?

  /// One bit for each even offset in a page.
  private let splits: UnsafeMutablePointer<UInt64>
  private static let splitWordCount = 2048 / 64
  private var staleVisits = 0
  /// The harts that stop at an address.
  private var breakpoints: [UInt64: UInt64] = [:]
  /// The watchpoints that see loads, and those that see stores.
  private var loadWatchpoints: [StopPoints.Watchpoint] = []
  private var storeWatchpoints: [StopPoints.Watchpoint] = []

  /// Stores to these physical bytes are noted.
  private(set) var noted: [ClosedRange<UInt64>] = []
  var lastStore: NotedStore?

  init() {
    splits = .allocate(capacity: Self.splitWordCount)
    splits.initialize(repeating: 0, count: Self.splitWordCount)
  }

  deinit { splits.deallocate() }

  // MARK: Setting

  /// Answers the offsets that are split now and were not.
  func set(_ points: StopPoints) -> [Int] {
    self.points = points
    breakpoints.removeAll(keepingCapacity: true)
    var added: [Int] = []
    for breakpoint in points.breakpoints {
      breakpoints[breakpoint.address, default: 0] |= breakpoint.harts
      guard !isSplit(breakpoint.address) else { continue }
      let offset = Int(breakpoint.address & 0xfff)
      splits[offset >> 7] |= 1 << UInt64(offset >> 1 & 63)
      added.append(offset & ~1)
    }
    loadWatchpoints = points.watchpoints.filter { $0.kind != .write }
    storeWatchpoints = points.watchpoints.filter { $0.kind != .read }
    return added
  }

  func note(_ ranges: [ClosedRange<UInt64>]) {
    noted = ranges
    lastStore = nil
  }

  // MARK: Breakpoints

  /// May a breakpoint stand at this address? The place on its page is compared, no more.
  @inline(__always)
  func isSplit(_ address: UInt64) -> Bool {
    splits[Int(address & 0xfff) >> 7] >> (address >> 1 & 63) & 1 != 0
  }

  func isBreakpoint(_ address: UInt64, hart: Int) -> Bool {
    guard let harts = breakpoints[address] else { return false }
    return harts >> UInt64(hart) & 1 != 0
  }

  /// Code ran into a split where no breakpoint is. True: the splits were made anew, and all blocks should be.
  func visitStaleSplit(_ address: UInt64) -> Bool {
    staleVisits += 1
    guard staleVisits >= Self.staleVisitLimit else { return false }
    staleVisits = 0
    guard !points.breakpoints.contains(where: { ($0.address ^ address) & 0xffe == 0 }) else { return false }
    splits.update(repeating: 0, count: Self.splitWordCount)
    _ = set(points)
    return true
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
