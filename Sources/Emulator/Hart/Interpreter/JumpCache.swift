// SPDX-License-Identifier: Apache-2.0

/// From a virtual address to the decoded block that begins there: the short way that most jumps take.
///
/// An entry is good for one program counter and one tag: the translation context and a counter of flushes. The program
/// counter is compared in full, for a program can jump to any address, those that no translation has among them.
struct JumpCache {
  struct Entry {
    var pc: UInt64
    var tag: UInt64
    /// The block's `code` when the entry was last looked at by the loop. What it says is right or `exitAtRAX`, which leads
    /// to the loop. It stands here so that translated code, which jumps there, does not wait for the block's header.
    var code: UInt
    /// Nil in an empty entry. It exists, whatever the tag: whoever removes a block takes out the entries that lead there.
    var block: Block?

    /// No instruction is at an odd address.
    static var empty: Entry { Entry(pc: ~0, tag: 0, code: 0, block: nil) }
  }

  static let entryCount = 16384
  /// Translated code finds an entry by shifting the address.
  static let entryByteCount = 32
  static let byteCount = entryCount * entryByteCount

  let base: UnsafeMutableRawPointer

  init(base: UnsafeMutableRawPointer) {
    assert(MemoryLayout<Entry>.stride == Self.entryByteCount)
    self.base = base
  }

  /// The same address leads elsewhere in each context that fetches use, and to other code in each that it runs in.
  static func tag(generation: UInt64, fetching: Int, _ context: BlockContext) -> UInt64 {
    generation << 5 | UInt64(fetching) << 3 | UInt64(context.rawValue)
  }

  @inline(__always)
  func entry(for pc: UInt64) -> UnsafeMutablePointer<Entry> {
    base.assumingMemoryBound(to: Entry.self) + Int(truncatingIfNeeded: pc >> 1 & UInt64(Self.entryCount - 1))
  }

  /// Takes out every entry that leads to `block`. The page offset of its address and of an entry's place are the same
  /// bits, so few places need a look.
  func drop(_ block: Block) {
    let entries = base.assumingMemoryBound(to: Entry.self)
    for place in stride(from: Int(block.pointee.address & 0xfff) >> 1, to: Self.entryCount, by: 2048)
    where entries[place].block == block {
      entries[place] = .empty
    }
  }

  func flush() {
    base.assumingMemoryBound(to: Entry.self).update(repeating: .empty, count: Self.entryCount)
  }
}
