// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import HostSystem

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
  /// It runs only while this is the hart's.
  var context = BlockContext.bare
  /// What the translator has made of it, and knows about it.
  var translation = TranslationStage()
}

/// How loads and stores of a block go: by the tables of one context of the `TranslationCache`, which has the same number, or not
/// by any while `Hart.isBare`.
struct BlockContext: RawRepresentable, Equatable {
  var rawValue: UInt8

  static let bare = BlockContext(rawValue: UInt8(TranslationCache.contextCount))
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
  private let arena = HostTable<UInt8>(count: BlockCache.arenaByteCount)
  private var used = 0
  private let buckets = HostTable<Block?>(count: BlockCache.bucketCount)
  private let pageCount: Int
  /// The blocks of each page.
  private let pages: HostTable<Block?>

  init(memory: GuestMemory) {
    memoryBase = memory.base
    pageCount = memory.pageCount
    pages = HostTable(count: pageCount)
  }

  func hasCode(page: Int) -> Bool { pages.entries[page] != nil }

  /// Room for another block of any length? If not, `removeAll` makes some.
  var isFull: Bool { used + Self.blockByteLimit > Self.arenaByteCount }

  func find(_ address: UInt64, _ context: BlockContext) -> Block? {
    var candidate = buckets.entries[bucket(address)]
    while let block = candidate {
      if block.pointee.address == address && block.pointee.context == context { return block }
      candidate = block.pointee.nextInBucket
    }
    return nil
  }

  /// Memory for a block to be filled in; it becomes one with `commit`.
  func next() -> Block {
    UnsafeMutableRawPointer(arena.entries + used).assumingMemoryBound(to: BlockHeader.self)
  }

  func commit(_ block: Block) {
    let bucket = bucket(block.pointee.address)
    block.pointee.nextInBucket = buckets.entries[bucket]
    buckets.entries[bucket] = block
    let page = Int((block.pointee.address - memoryBase) >> GuestMemory.pageShift)
    block.pointee.nextOnPage = pages.entries[page]
    pages.entries[page] = block
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
    var candidate = pages.entries[page]
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
    pages.entries[page] = kept
    return found
  }

  func removeAll() {
    used = 0
    buckets.entries.update(repeating: nil, count: Self.bucketCount)
    pages.entries.update(repeating: nil, count: pageCount)
  }

  private func unlinkFromBucket(_ block: Block) {
    let bucket = bucket(block.pointee.address)
    if buckets.entries[bucket] == block {
      buckets.entries[bucket] = block.pointee.nextInBucket
      return
    }
    var candidate = buckets.entries[bucket]
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
