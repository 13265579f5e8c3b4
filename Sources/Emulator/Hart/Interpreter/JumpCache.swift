/// From a virtual address to the decoded block that begins there: the short way that most jumps take.
///
/// The key of an entry joins the address with a tag of 15 bits, the translation context and a counter of flushes.
/// Virtual addresses are sign-extended from at most 48 bits and physical ones have fewer, so bits 48 to 63 of an address are
/// all equal; the tag's own top bit is always clear, so two different pairs never give one key.
struct JumpCache {
  struct Entry {
    var key: UInt64
    var block: UInt64
  }

  static let entryCount = 16384
  static let byteCount = entryCount * 16
  /// The counter wraps after this many flushes; the cache is then emptied in earnest.
  static let generationMask: UInt64 = 0x1fff

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
      if entries[place].block == UInt64(UInt(bitPattern: block)) { entries[place].key = ~0 }
      place += 2048
    }
  }

  func flush() {
    // A key of all ones belongs to no address: instructions are at even ones.
    for index in 0..<Self.entryCount {
      base.assumingMemoryBound(to: Entry.self)[index] = Entry(key: ~0, block: 0)
    }
  }
}
