// SPDX-License-Identifier: Apache-2.0

import Emulator
import Glibc
import Synchronization

/// Guest memory as it was at one instant, or some of its pages, taken piece by piece by another thread while the machine runs
/// on. Dumps and snapshots are made of it.
///
/// Memory is cut into chunks of several pages. Whoever comes to a chunk first copies it: the job's thread on its way through
/// memory, or the machine's thread just before its first store to the chunk (`keep`). The copy of whoever sets the
/// chunk's `isTaken` counts; the other one's is thrown away. So nobody ever waits for the other:
///
/// - The machine's thread sets `isTaken` before it stores. If the job's thread has set it, no store came before: its copy is
///   of the instant.
/// - If the machine's thread has set it, its own copy is of the instant; the job's thread, whose copy may by then be half of
///   one and half of the other, sees that it came too late.
///
/// Nor does anybody hold a lock: the job's thread may be one that gets no processor for long. What one thread tells the other is
/// a list that only grows (`Mailbox`).
///
/// A chunk, not a page, because a guest that writes one page is likely to write its neighbours: one long copy costs the
/// guest less than many short ones; a snapshot, which writes whole clusters of its image, has chunks of that size. What is kept takes memory until the job's thread has put it out, at worst as much
/// as the guest has.
package final class InstantMemory: PageKeeper, @unchecked Sendable {
  // Sendable: `memory` is only read here, in the way described above; `isTaken` is atomic; a chunk's entry in `places` is written
  // by the machine's thread before it sets `isTaken`, and read by the other one after it has seen that. Whose thread each
  // of the rest belongs to is said there.

  package static let defaultPagesPerChunk = 16

  private let memory: GuestMemory
  private let pagesPerChunk: Int
  private let chunkSize: Int
  private let chunkCount: Int
  /// Chunks that are to be taken at all.
  private let wantedCount: Int
  /// True from the start for those that are not wanted.
  private let isTaken: UnsafeMutablePointer<Atomic<Bool>>
  /// Has a place for a copy of each chunk.
  private let room: CopyRoom
  /// By chunk: at which place in the room its copy stands.
  private let places: UnsafeMutablePointer<Int32>
  /// Chunks whose copy is the machine's, in the order in which they were changed.
  private let kept: Mailbox
  /// Places whose copies were put out, to be used again.
  private let spare: Mailbox

  // The machine's thread: places that were ever used, and one whose copy did not count.
  private var placeCount: Int32 = 0
  private var unusedPlace: Int32?

  // The job's thread: how far it has come, and how many chunks it took itself.
  private var next = 0
  private var ownCount = 0
  /// Of that thread: places that the copies it has come to were spread over.
  private var usedPlaceCount: Int32 = 0

  /// - Parameters:
  ///   - room: of `roomSize`, for this one alone until nothing is kept any more.
  ///   - pages: those that are wanted, in whole chunks and ascending; nil for all.
  package init(
    _ memory: GuestMemory, room: CopyRoom, pagesPerChunk: Int = defaultPagesPerChunk,
    pages: [Range<Int>]? = nil
  ) {
    self.memory = memory
    self.room = room
    self.pagesPerChunk = pagesPerChunk
    chunkSize = pagesPerChunk * GuestMemory.pageSize
    chunkCount = (memory.pageCount + pagesPerChunk - 1) / pagesPerChunk
    isTaken = .allocate(capacity: chunkCount)
    for chunk in 0..<chunkCount { (isTaken + chunk).initialize(to: Atomic(pages != nil)) }
    var count = 0
    for range in pages ?? [0..<memory.pageCount] {
      let chunks = range.lowerBound / pagesPerChunk..<(range.upperBound + pagesPerChunk - 1) / pagesPerChunk
      for chunk in chunks { isTaken[chunk].store(false, ordering: .relaxed) }
      count += chunks.count
    }
    wantedCount = count
    places = .allocate(capacity: chunkCount)
    // Each chunk is kept once at most, so neither list gets longer than that.
    kept = Mailbox(capacity: chunkCount)
    spare = Mailbox(capacity: chunkCount)
  }

  deinit {
    isTaken.deinitialize(count: chunkCount)
    isTaken.deallocate()
    places.deallocate()
  }

  /// Bytes that the copies of all of a memory of `size` bytes take.
  package static func roomSize(for size: UInt64, pagesPerChunk: Int = defaultPagesPerChunk) -> Int {
    let chunkSize = pagesPerChunk * GuestMemory.pageSize
    return (Int(size) + chunkSize - 1) / chunkSize * chunkSize
  }

  // MARK: For the machine's thread

  /// The instant is now. Between two instructions.
  package func begin() { memory.beginKeeping(for: self) }

  /// Memory will not be taken any more. Between two instructions.
  package func end() { memory.endKeeping(for: self) }

  package func keep(page: Int, bytes: UnsafeRawPointer) {
    let chunk = page / pagesPerChunk
    guard !isTaken[chunk].load(ordering: .relaxed) else { return }
    let place = takePlace()
    let (start, count) = range(of: chunk)
    copy(at: place).copyMemory(from: memory.bytes + start, byteCount: count)
    places[chunk] = place
    if isTaken[chunk].exchange(true, ordering: .acquiringAndReleasing) {
      unusedPlace = place
    } else {
      kept.put(Int32(chunk))
    }
  }

  private func takePlace() -> Int32 {
    if let unusedPlace {
      self.unusedPlace = nil
      return unusedPlace
    }
    if let used = spare.take() { return used }
    defer { placeCount += 1 }
    return placeCount
  }

  private func copy(at place: Int32) -> UnsafeMutableRawPointer { room.start + Int(place) * chunkSize }

  // MARK: For the job's thread

  /// Bytes of RAM.
  package var size: UInt64 { memory.size }
  package var base: UInt64 { memory.base }

  /// Calls `body` with a chunk of memory of the instant and its physical address; each chunk is given once. False when there
  /// is none left.
  ///
  /// - Parameter buffer: of `makeBuffer`.
  package func takeNext<TakeError: Error>(
    buffer: UnsafeMutableRawPointer,
    _ body: (UnsafeRawBufferPointer, _ address: UInt64) throws(TakeError) -> Void
  ) throws(TakeError) -> Bool {
    while true {
      // What was kept goes first: it takes memory.
      if let chunk = kept.take() {
        let place = places[Int(chunk)]
        usedPlaceCount = max(usedPlaceCount, place + 1)
        defer { spare.put(place) }
        let (start, count) = range(of: Int(chunk))
        try body(UnsafeRawBufferPointer(start: copy(at: place), count: count), memory.base + UInt64(start))
        return true
      }
      guard next < chunkCount else {
        // The machine may be about to hand over the last of them: it has set `isTaken` before.
        if kept.takenCount + ownCount < wantedCount {
          sched_yield()
          continue
        }
        return false
      }
      let chunk = next
      let (start, count) = range(of: chunk)
      next += 1
      guard !isTaken[chunk].load(ordering: .acquiring) else { continue }
      buffer.copyMemory(from: memory.bytes + start, byteCount: count)
      guard !isTaken[chunk].exchange(true, ordering: .acquiringAndReleasing) else { continue }
      ownCount += 1
      try body(UnsafeRawBufferPointer(start: buffer, count: count), memory.base + UInt64(start))
      return true
    }
  }

  /// Fills `target` with memory of the instant at a physical address, which is all within one chunk, without taking it.
  /// Only before anything is taken by `takeNext`. False when it is not memory.
  package func peek(at address: UInt64, into target: UnsafeMutableRawBufferPointer) -> Bool {
    guard let source = memory.pointer(at: address, count: target.count), let start = target.baseAddress else {
      return false
    }
    precondition(ownCount == 0 && kept.takenCount == 0, "peeked at what may have been taken")
    let offset = Int(address - memory.base)
    let chunk = offset / chunkSize
    precondition((offset + target.count - 1) / chunkSize == chunk, "peeked over the end of a chunk")
    if !isTaken[chunk].load(ordering: .acquiring) {
      start.copyMemory(from: source, byteCount: target.count)
      // The copy must be over before the flag is looked at again.
      atomicMemoryFence(ordering: .acquiringAndReleasing)
      if !isTaken[chunk].load(ordering: .acquiring) { return true }
    }
    start.copyMemory(from: copy(at: places[chunk]) + offset % chunkSize, byteCount: target.count)
    return true
  }

  /// Nobody needs what was kept. Only after `end`, or when the machine has stopped for good: nothing is kept any more.
  package func letGo() { room.letGo() }

  private func range(of chunk: Int) -> (start: Int, count: Int) {
    let start = chunk * chunkSize
    return (start, min(chunkSize, Int(memory.totalSize) - start))
  }

  /// Bytes of copies that stood side by side, as far as it has been put out. For the job's thread.
  var usedByteCount: Int { Int(usedPlaceCount) * chunkSize }

  package func makeBuffer() -> UnsafeMutableRawPointer {
    .allocate(byteCount: chunkSize, alignment: GuestMemory.pageSize)
  }
}

/// Numbers that one thread hands to another, in their order. There is room for all that will ever be put.
///
/// Sendable: one thread puts, one takes. An entry is written before `count` tells of it and does not change afterwards.
private final class Mailbox: @unchecked Sendable {
  private let entries: UnsafeMutablePointer<Int32>
  private let capacity: Int
  private let count = Atomic<Int>(0)
  /// Of the thread that takes.
  private(set) var takenCount = 0

  init(capacity: Int) {
    self.capacity = capacity
    entries = .allocate(capacity: capacity)
  }

  deinit { entries.deallocate() }

  func put(_ entry: Int32) {
    let number = count.load(ordering: .relaxed)
    precondition(number < capacity, "more was put than there is room for")
    entries[number] = entry
    count.store(number + 1, ordering: .releasing)
  }

  func take() -> Int32? {
    guard takenCount < count.load(ordering: .acquiring) else { return nil }
    defer { takenCount += 1 }
    return entries[takenCount]
  }
}
