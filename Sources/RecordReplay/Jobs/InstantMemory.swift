import Emulator
import Synchronization

/// Guest memory as it was at one instant, taken piece by piece by another thread while the machine runs on.
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
/// A chunk, not a page, because a guest that writes one page is likely to write its neighbours: one long copy costs the
/// guest less than many short ones. What is kept takes memory until the job's thread has put it out, at worst as much
/// as the guest has.
package final class InstantMemory: PageKeeper, @unchecked Sendable {
  // Sendable: `memory` is only read here, in the way described above. `kept` is touched with `lock` held, `isTaken` is atomic, and
  // `next` belongs to the job's thread.

  static let pagesPerChunk = 16
  static let chunkSize = pagesPerChunk * GuestMemory.pageSize

  private struct Kept {
    /// Copies of chunks that the machine changed, and the order in which it did.
    var copies: [Int: UnsafeMutableRawPointer] = [:]
    var order: [Int] = []
    var first = 0
    /// Copies that were put out, to be used again.
    var spare: [UnsafeMutableRawPointer] = []
    /// The job needs nothing more.
    var isOver = false
  }

  private let memory: GuestMemory
  private let isTaken: UnsafeMutablePointer<Atomic<Bool>>
  private let chunkCount: Int
  private let lock = ConditionLock()
  private var kept = Kept()
  /// The job's thread has come so far.
  private var next = 0

  package init(_ memory: GuestMemory) {
    self.memory = memory
    chunkCount = (memory.pageCount + Self.pagesPerChunk - 1) / Self.pagesPerChunk
    isTaken = .allocate(capacity: chunkCount)
    for chunk in 0..<chunkCount { (isTaken + chunk).initialize(to: Atomic(false)) }
  }

  deinit {
    letGo()
    isTaken.deinitialize(count: chunkCount)
    isTaken.deallocate()
  }

  // MARK: For the machine's thread

  /// The instant is now. Between two instructions.
  package func begin() { memory.beginKeeping(for: self) }

  /// Memory will not be taken any more. Between two instructions.
  package func end() { memory.endKeeping(for: self) }

  package func keep(page: Int, bytes: UnsafeRawPointer) {
    let chunk = page / Self.pagesPerChunk
    guard !isTaken[chunk].load(ordering: .relaxed) else { return }
    let buffer = lock.withLock { kept.spare.popLast() } ?? Self.makeBuffer()
    let (start, count) = range(of: chunk)
    buffer.copyMemory(from: memory.bytes + start, byteCount: count)
    lock.withLock {
      if kept.isOver || isTaken[chunk].exchange(true, ordering: .acquiringAndReleasing) {
        kept.spare.append(buffer)
      } else {
        kept.copies[chunk] = buffer
        kept.order.append(chunk)
      }
    }
  }

  // MARK: For the job's thread

  /// Bytes of memory.
  var size: UInt64 { memory.size }
  var base: UInt64 { memory.base }

  /// Calls `body` with a chunk of memory of the instant and its physical address; each chunk is given once. False when there
  /// is none left.
  func takeNext(
    buffer: UnsafeMutableRawPointer,
    _ body: (UnsafeRawBufferPointer, _ address: UInt64) throws(Failure) -> Void
  ) throws(Failure) -> Bool {
    while true {
      // What was kept goes first: it takes memory.
      if let (chunk, copy) = takeKept() {
        defer { lock.withLock { kept.isOver ? copy.deallocate() : kept.spare.append(copy) } }
        let (start, count) = range(of: chunk)
        try body(UnsafeRawBufferPointer(start: copy, count: count), memory.base + UInt64(start))
        return true
      }
      guard next < chunkCount else { return false }
      let chunk = next
      let (start, count) = range(of: chunk)
      next += 1
      guard !isTaken[chunk].load(ordering: .acquiring) else { continue }
      buffer.copyMemory(from: memory.bytes + start, byteCount: count)
      guard !isTaken[chunk].exchange(true, ordering: .acquiringAndReleasing) else { continue }
      try body(UnsafeRawBufferPointer(start: buffer, count: count), memory.base + UInt64(start))
      return true
    }
  }

  /// Fills `target` with memory of the instant at a physical address, which is all within one chunk, without taking it.
  /// Only before the chunk is taken by `takeNext`. False when it is not memory.
  func peek(at address: UInt64, into target: UnsafeMutableRawBufferPointer) -> Bool {
    guard let source = memory.pointer(at: address, count: target.count), let start = target.baseAddress else {
      return false
    }
    let offset = Int(address - memory.base)
    let chunk = offset / Self.chunkSize
    precondition((offset + target.count - 1) / Self.chunkSize == chunk, "peeked over the end of a chunk")
    if !isTaken[chunk].load(ordering: .acquiring) {
      start.copyMemory(from: source, byteCount: target.count)
      // The copy must be over before the flag is looked at again.
      atomicMemoryFence(ordering: .acquiringAndReleasing)
      if !isTaken[chunk].load(ordering: .acquiring) { return true }
    }
    lock.withLock {
      guard let copy = kept.copies[chunk] else { preconditionFailure("peeked at what was taken") }
      start.copyMemory(from: copy + offset % Self.chunkSize, byteCount: target.count)
    }
    return true
  }

  /// Gives back what was kept; the machine's thread keeps nothing more.
  func letGo() {
    lock.withLock {
      kept.isOver = true
      for copy in kept.copies.values { copy.deallocate() }
      for copy in kept.spare { copy.deallocate() }
      kept.copies = [:]
      kept.spare = []
      kept.order = []
      kept.first = 0
    }
  }

  private func takeKept() -> (chunk: Int, copy: UnsafeMutableRawPointer)? {
    lock.withLock {
      guard kept.first < kept.order.count else { return nil }
      let chunk = kept.order[kept.first]
      kept.first += 1
      if kept.first == kept.order.count {
        kept.order.removeAll(keepingCapacity: true)
        kept.first = 0
      }
      return kept.copies.removeValue(forKey: chunk).map { (chunk, $0) }
    }
  }

  private func range(of chunk: Int) -> (start: Int, count: Int) {
    let start = chunk * Self.chunkSize
    return (start, min(Self.chunkSize, Int(memory.size) - start))
  }

  static func makeBuffer() -> UnsafeMutableRawPointer {
    .allocate(byteCount: chunkSize, alignment: GuestMemory.pageSize)
  }
}
