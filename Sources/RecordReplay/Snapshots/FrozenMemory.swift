import Emulator
import Synchronization

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// Pages of guest memory as they were at one instant, taken by one thread while the machine runs on.
///
/// Whoever comes to a page first copies it: the taker, or the machine just before it changes the page. So the machine pays
/// for pages that it writes before they were taken, once each, and the copies take no more memory than the pages that
/// were frozen.
///
/// Sendable: `memory` is only read here, a page at a time, by the thread that made the page's state `busy`. The machine cannot
/// change a page that is `busy` or `wanted`, because each first store to it is preceded by `keep`.
package final class FrozenMemory: PageKeeper, @unchecked Sendable {
  /// What a page's state says; any greater number is the address of the page's copy.
  private enum State {
    /// Not frozen, or taken.
    static let free: UInt = 0
    static let wanted: UInt = 1
    /// Being copied, by the machine or by the taker.
    static let busy: UInt = 2
  }

  private let memory: GuestMemory
  private let states: UnsafeMutablePointer<Atomic<UInt>>

  package init(_ memory: GuestMemory) {
    self.memory = memory
    states = .allocate(capacity: memory.pageCount)
    for page in 0..<memory.pageCount { (states + page).initialize(to: Atomic(State.free)) }
  }

  deinit {
    thaw(0..<memory.pageCount)
    states.deinitialize(count: memory.pageCount)
    states.deallocate()
  }

  // MARK: For the machine's thread

  /// Freezes pages as they are now; what was frozen before has been taken. Between two instructions only.
  package func freeze(_ pages: [Range<Int>]) {
    for range in pages {
      for page in range { states[page].store(State.wanted, ordering: .relaxed) }
    }
    memory.beginKeeping(for: self)
  }

  /// The machine ends: nothing will change any more.
  package func finish() { memory.endKeeping(for: self) }

  package func keep(page: Int, bytes: UnsafeRawPointer) {
    guard states[page].load(ordering: .relaxed) != State.free else { return }
    let (isOurs, state) = states[page].compareExchange(
      expected: State.wanted, desired: State.busy, ordering: .acquiringAndReleasing)
    if isOurs {
      let copy = UnsafeMutableRawPointer.allocate(byteCount: GuestMemory.pageSize, alignment: 16)
      copy.copyMemory(from: bytes, byteCount: GuestMemory.pageSize)
      states[page].store(UInt(bitPattern: copy), ordering: .releasing)
    } else if state == State.busy {
      // The taker copies it: a moment's work.
      while states[page].load(ordering: .acquiring) == State.busy { sched_yield() }
    }
  }

  // MARK: For the thread that takes pages

  /// Copies a frozen page as it was to `target`, and lets go of it.
  package func take(_ page: Int, into target: UnsafeMutableRawPointer) {
    while true {
      let (isOurs, state) = states[page].compareExchange(
        expected: State.wanted, desired: State.busy, ordering: .acquiringAndReleasing)
      if isOurs {
        target.copyMemory(from: memory.bytes + page * GuestMemory.pageSize, byteCount: GuestMemory.pageSize)
        states[page].store(State.free, ordering: .releasing)
        return
      }
      if state == State.busy {
        // The machine copies it: a moment's work.
        sched_yield()
        continue
      }
      guard let copy = UnsafeMutableRawPointer(bitPattern: state) else {
        preconditionFailure("a page is taken that was not frozen, or was taken before")
      }
      target.copyMemory(from: copy, byteCount: GuestMemory.pageSize)
      states[page].store(State.free, ordering: .relaxed)
      copy.deallocate()
      return
    }
  }

  /// Lets go of pages that nobody will take.
  func thaw(_ pages: Range<Int>) {
    for page in pages {
      while true {
        let state = states[page].load(ordering: .acquiring)
        if state == State.free { break }
        let (isOurs, _) = states[page].compareExchange(
          expected: state, desired: State.free, ordering: .acquiringAndReleasing)
        guard isOurs, state != State.busy else { continue }
        if state > State.busy { UnsafeMutableRawPointer(bitPattern: state)?.deallocate() }
        break
      }
    }
  }
}
