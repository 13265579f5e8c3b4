/// Decoded instructions of one page in the order in which they are executed unless a branch is taken: that leaves the
/// block. A jump in its middle is one that the block follows. Raw memory: this header, then `count` instructions, then a
/// `blockEnd`.
struct BlockHeader {
  /// Physical address of the first instruction.
  var address: UInt64
  /// The next block with the same hash, and the next on the same page.
  var nextInBucket: UnsafeMutablePointer<BlockHeader>?
  var nextOnPage: UnsafeMutablePointer<BlockHeader>?
  /// Instructions, the final `blockEnd` not among them.
  var count: Int32
  /// The instructions lie between these places of their page; not all that lies there need be theirs.
  var firstOffset: Int32 = 0
  var endOffset: Int32 = 0
  /// Where the translator's machine code for it begins; 0 for a block that is never translated.
  var code: UInt = 0
  /// How often it was interpreted while the translator watched.
  var heat: Int32 = 0
  /// Runs only while `Hart.isBare`; other blocks, only while it is not.
  var isBare = false
}

typealias Block = UnsafeMutablePointer<BlockHeader>

extension UnsafeMutablePointer<BlockHeader> {
  var instructions: UnsafeMutablePointer<DecodedInstruction> {
    (UnsafeMutableRawPointer(self) + MemoryLayout<BlockHeader>.stride)
      .assumingMemoryBound(to: DecodedInstruction.self)
  }
}

/// The decoded blocks of RAM, by physical address, shared by all harts.
final class BlockCache {
  /// Instructions in a block at most.
  static let lengthLimit = 64
  /// Branches and followed jumps in a block at most: a block is decoded for each place that is jumped to, so what
  /// follows such places is decoded again and again.
  static let continuationLimit = 6
  private static let arenaByteCount = 32 << 20
  private static let bucketCount = 1 << 18
  static let blockByteLimit =
    MemoryLayout<BlockHeader>.stride + (lengthLimit + 1) * MemoryLayout<DecodedInstruction>.stride

  private let memoryBase: UInt64
  private let arena: UnsafeMutableRawPointer
  private var used = 0
  private let buckets: UnsafeMutablePointer<Block?>
  private let pageCount: Int
  /// The blocks of each page.
  private let pages: UnsafeMutablePointer<Block?>

  init(memory: GuestMemory) {
    memoryBase = memory.base
    pageCount = memory.pageCount
    arena = .allocate(byteCount: Self.arenaByteCount, alignment: 16)
    buckets = .allocate(capacity: Self.bucketCount)
    buckets.initialize(repeating: nil, count: Self.bucketCount)
    pages = .allocate(capacity: pageCount)
    pages.initialize(repeating: nil, count: pageCount)
  }

  deinit {
    arena.deallocate()
    buckets.deallocate()
    pages.deallocate()
  }

  func hasCode(page: Int) -> Bool { pages[page] != nil }

  /// Room for another block of any length? If not, `removeAll` makes some.
  var isFull: Bool { used + Self.blockByteLimit > Self.arenaByteCount }

  func find(_ address: UInt64, isBare: Bool) -> Block? {
    var candidate = buckets[bucket(address)]
    while let block = candidate {
      if block.pointee.address == address && block.pointee.isBare == isBare { return block }
      candidate = block.pointee.nextInBucket
    }
    return nil
  }

  /// Memory for a block to be filled in; it becomes one with `commit`.
  func next() -> Block { (arena + used).assumingMemoryBound(to: BlockHeader.self) }

  func commit(_ block: Block) {
    let bucket = bucket(block.pointee.address)
    block.pointee.nextInBucket = buckets[bucket]
    buckets[bucket] = block
    let page = Int((block.pointee.address - memoryBase) >> GuestMemory.pageShift)
    block.pointee.nextOnPage = pages[page]
    pages[page] = block
    used +=
      MemoryLayout<BlockHeader>.stride
      + (Int(block.pointee.count) + 1) * MemoryLayout<DecodedInstruction>.stride
  }

  /// Forgets the blocks that may have decoded any of these bytes, telling `onRemoval`; were there any?
  ///
  /// Their memory stays as it is until `removeAll`: one of them may be being executed.
  func invalidate(page: Int, offset: Int, count: Int, onRemoval: (Block) -> Void) -> Bool {
    var kept: Block?
    var found = false
    var candidate = pages[page]
    while let block = candidate {
      candidate = block.pointee.nextOnPage
      if Int(block.pointee.firstOffset) < offset + count && offset < Int(block.pointee.endOffset) {
        found = true
        unlinkFromBucket(block)
        onRemoval(block)
      } else {
        block.pointee.nextOnPage = kept
        kept = block
      }
    }
    pages[page] = kept
    return found
  }

  func removeAll() {
    used = 0
    buckets.update(repeating: nil, count: Self.bucketCount)
    pages.update(repeating: nil, count: pageCount)
  }

  private func unlinkFromBucket(_ block: Block) {
    let bucket = bucket(block.pointee.address)
    if buckets[bucket] == block {
      buckets[bucket] = block.pointee.nextInBucket
      return
    }
    var candidate = buckets[bucket]
    while let other = candidate {
      if other.pointee.nextInBucket == block {
        other.pointee.nextInBucket = block.pointee.nextInBucket
        return
      }
      candidate = other.pointee.nextInBucket
    }
  }

  private func bucket(_ address: UInt64) -> Int {
    Int(truncatingIfNeeded: ((address >> 1) &* 0x9e37_79b9_7f4a_7c15) >> 46)
  }
}
