/// From a virtual address to the decoded block that begins there: the short way that most jumps take.
///
/// An entry is good for one program counter and one tag of 15 bits: the translation context and a counter of flushes.
/// The tag stands in bits 48 to 62 above the block's host address, which never reaches that far. The program counter
/// is compared in full, for a program can jump to any address, those that no translation has among them.
struct JumpCache {
  struct Entry {
    var pc: UInt64
    /// The block's host address, exclusive-or the tag: taking the current tag out again leaves an address below
    /// 2^48 only if it is the one that was put in.
    var taggedBlock: UInt64

    /// The block that the address led to when the entry was made, in whatever context; nil for another address. It
    /// exists still: whoever removes blocks takes out their entries.
    func staleBlock(for pc: UInt64) -> Block? {
      guard self.pc == pc else { return nil }
      return Block(bitPattern: UInt(truncatingIfNeeded: taggedBlock & (1 << 48 - 1)))
    }
  }

  static let entryCount = 16384
  static let byteCount = entryCount * 16
  /// The counter wraps after this many flushes; the cache is then emptied in earnest.
  static let generationMask: UInt64 = 0x1fff

  /// Beside the contexts of `TranslationCache` that fetches use: M mode while `Hart.isBare`.
  static let bareContext = TranslationCache.supervisorUserMemory

  let base: UnsafeMutableRawPointer

  static func tag(generation: UInt64, context: Int) -> UInt64 {
    ((generation & generationMask) << 2 | UInt64(context)) << 48
  }

  @inline(__always)
  func entry(for pc: UInt64) -> UnsafeMutablePointer<Entry> {
    base.assumingMemoryBound(to: Entry.self) + Int(truncatingIfNeeded: pc >> 1 & UInt64(Self.entryCount - 1))
  }

  /// Takes out every entry that leads to `block`. The page offset of its address and of an entry's place are the same
  /// bits, so few places need a look.
  func drop(_ block: Block) {
    let entries = base.assumingMemoryBound(to: Entry.self)
    var place = Int(block.pointee.address & 0xfff) >> 1
    while place < Self.entryCount {
      // Whatever the tag is.
      if (entries[place].taggedBlock ^ UInt64(UInt(bitPattern: block))) << 16 == 0 { entries[place].pc = ~0 }
      place += 2048
    }
  }

  func flush() {
    // No instruction is at an odd address.
    for index in 0..<Self.entryCount {
      base.assumingMemoryBound(to: Entry.self)[index] = Entry(pc: ~0, taggedBlock: 0)
    }
  }
}
