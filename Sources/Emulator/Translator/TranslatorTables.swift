// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// What translated code counts, near enough to it for a displacement, and in cache lines of its own.
  struct TranslatorTables {
    /// One access of a block that is being profiled.
    struct Access {
      /// The page that it went to last.
      var page: UInt64
      /// How often that was another than before.
      var changes: UInt64
    }

    static let counterCount = 1 << 17
    static let accessCount = 1 << 16
    static let byteCount = 2 << 20

    let base: UnsafeMutableRawPointer
    private var countersUsed = 0
    private var accessesUsed = 0

    init(base: UnsafeMutableRawPointer) {
      self.base = base
      precondition(Self.requestOffset + 4 <= Self.byteCount)
    }

    private static let accessesOffset = counterCount * 4
    private static let allowancesOffset = accessesOffset + accessCount * MemoryLayout<Access>.stride
    private static let requestOffset = allowancesOffset + 2 * InlineCaches.entryCount * 4

    /// Runs of a block that are left until something is to be done about it.
    func counter(_ number: Int32) -> UnsafeMutablePointer<Int32> {
      base.assumingMemoryBound(to: Int32.self) + Int(number)
    }

    func access(_ number: Int32) -> UnsafeMutablePointer<Access> {
      (base + Self.accessesOffset).assumingMemoryBound(to: Access.self) + Int(number)
    }

    /// How often an inline cache may still be filled until somebody looks at whether it is of any use.
    ///
    /// - Parameter number: as `Translator.cacheNumber` answers.
    func allowance(_ number: Int) -> UnsafeMutablePointer<Int32> {
      (base + Self.allowancesOffset).assumingMemoryBound(to: Int32.self) + number
    }

    /// See `Translator.requestAddress`.
    var request: UnsafeMutablePointer<Int32> {
      (base + Self.requestOffset).assumingMemoryBound(to: Int32.self)
    }

    /// Nil when all are used.
    mutating func claimCounter() -> Int32? {
      guard countersUsed < Self.counterCount else { return nil }
      countersUsed += 1
      return Int32(countersUsed - 1)
    }

    /// Room for the profile of a block's accesses. It may be that of a block whose profile was begun long ago.
    mutating func claimAccesses(_ count: Int) -> Int32 {
      if accessesUsed + count > Self.accessCount { accessesUsed = 0 }
      let first = accessesUsed
      accessesUsed += count
      access(Int32(first)).update(repeating: Access(page: ~0, changes: 0), count: count)
      return Int32(first)
    }

    mutating func removeAll() { (countersUsed, accessesUsed) = (0, 0) }
  }
#endif
