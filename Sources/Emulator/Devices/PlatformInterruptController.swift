// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// The platform-level interrupt controller in SiFive's layout (RISC-V PLIC specification 1.0), as on QEMU's
/// `virt` board: 96 sources, of which 0 is none, seven priorities, and two contexts a hart, M mode first.
///
/// As on QEMU, a source becomes pending each time its device says that the line is high, and then only: a line that
/// stays high is not looked at again at the completion, and what a device says while its source is claimed waits for the
/// completion. A source that falls before it is claimed stays pending. A completion from a context where the source is not enabled
/// is taken too. The harts' lines follow from priorities, thresholds, claims, completions and what devices say; a write to the
/// enable bits changes them only with the next of these.
///
/// In machines of the first revision the level of a source is looked at, as the specification says: it pends when it
/// rises, and again at a completion under a high line; and enable bits take effect at once.
package final class PlatformInterruptController: Device {
  package static let sourceCount = 96
  private static let wordCount = sourceCount / 32
  private static let contextsPerHart = 2
  private static let priorityMask: UInt32 = 7
  /// Source 0 does not exist; its bit is hardwired to zero.
  private static func enableMask(word: Int) -> UInt32 { word == 0 ? ~1 : ~0 }

  private enum Window {
    static let pending: UInt64 = 0x1000
    static let enable: UInt64 = 0x2000
    static let enableStride: UInt64 = 0x80
    static let context: UInt64 = 0x20_0000
    static let contextStride: UInt64 = 0x1000
    static let threshold: UInt64 = 0
    static let claim: UInt64 = 4
  }

  package let name = "plic"
  private unowned let board: any Board
  private let contextCount: Int
  private let looksAtLevels: Bool

  // Within the object, for devices speak of their lines at each byte that they pass on.
  private var priorities = InlineArray<96, UInt32>(repeating: 0)
  private var levels = InlineArray<3, UInt32>(repeating: 0)
  private var pending = InlineArray<3, UInt32>(repeating: 0)
  /// Claimed and not completed.
  private var claimed = InlineArray<3, UInt32>(repeating: 0)
  /// `wordCount` words a context, of which there are `contextCount`.
  private var enables = InlineArray<96, UInt32>(repeating: 0)
  private var thresholds = InlineArray<32, UInt32>(repeating: 0)
  /// Bit n: the interrupt line of context n, as the harts last saw it. In the first revision it follows from all the rest.
  private var outputs: UInt32 = 0

  package init(board: any Board, hartCount: Int) {
    self.board = board
    contextCount = hartCount * Self.contextsPerHart
    looksAtLevels = board.configuration.revision.looksAtLevels
    precondition(contextCount <= 32, "one bit of `outputs` a context")
  }

  // MARK: Sources and outputs

  /// Sets the level of a source. 0 is no source.
  package func setSource(_ source: Int, level: Bool) {
    precondition(source > 0 && source < Self.sourceCount, "no such interrupt source")
    let word = source >> 5
    let bit: UInt32 = 1 << UInt32(source & 31)
    if looksAtLevels {
      guard (levels[word] & bit != 0) != level else { return }
    }
    levels[word] = levels[word] & ~bit | (level ? bit : 0)
    if level, claimed[word] & bit == 0 || !looksAtLevels {
      pending[word] |= bit
      update()
    }
  }

  /// The source a claim by `context` takes: of those pending and enabled, the one of highest priority above
  /// the threshold, and of those the lowest. 0 is none.
  private func candidate(context: Int) -> Int {
    var best = 0
    var bestPriority = thresholds[context]
    for word in 0..<Self.wordCount {
      var bits = pending[word] & ~claimed[word] & enables[context * Self.wordCount + word]
      while bits != 0 {
        let source = word << 5 + bits.trailingZeroBitCount
        if priorities[source] > bestPriority {
          best = source
          bestPriority = priorities[source]
        }
        bits &= bits - 1
      }
    }
    return best
  }

  private func computeOutputs() -> UInt32 {
    var result: UInt32 = 0
    for context in 0..<contextCount where candidate(context: context) != 0 { result |= 1 << UInt32(context) }
    return result
  }

  private func update() {
    let new = computeOutputs()
    var changed = new ^ outputs
    outputs = new
    while changed != 0 {
      let context = changed.trailingZeroBitCount
      board.setHartInterrupt(
        hart: context / Self.contextsPerHart,
        context % Self.contextsPerHart == 0 ? .machineExternal : .supervisorExternal,
        level: new >> UInt32(context) & 1 != 0)
      changed &= changed - 1
    }
  }

  private func claim(context: Int) -> Int {
    let source = candidate(context: context)
    if source != 0 {
      pending[source >> 5] &= ~(1 << UInt32(source & 31))
      claimed[source >> 5] |= 1 << UInt32(source & 31)
    }
    update()
    return source
  }

  private func complete(_ source: UInt32) {
    guard source < UInt32(Self.sourceCount) else { return }
    let word = Int(source >> 5)
    let bit: UInt32 = 1 << (source & 31)
    guard claimed[word] & bit != 0 || !looksAtLevels else { return }
    claimed[word] &= ~bit
    if looksAtLevels, levels[word] & bit != 0 { pending[word] |= bit }
    update()
  }

  // MARK: Registers

  private enum Location {
    case priority(source: Int)
    case pending(word: Int)
    case enable(context: Int, word: Int)
    case threshold(context: Int)
    case claim(context: Int)
  }

  /// What lies at `offset`; nil for nothing. Registers are words and are accessed as such.
  private func location(offset: UInt64, size: Int) -> Location? {
    guard size == 4, offset & 3 == 0 else { return nil }
    if offset >= Window.context {
      let context = (offset - Window.context) / Window.contextStride
      guard context < UInt64(contextCount) else { return nil }
      switch offset % Window.contextStride {
      case Window.threshold: return .threshold(context: Int(context))
      case Window.claim: return .claim(context: Int(context))
      default: return nil
      }
    }
    if offset >= Window.enable {
      let context = (offset - Window.enable) / Window.enableStride
      let word = Int(offset % Window.enableStride) >> 2
      guard context < UInt64(contextCount), word < Self.wordCount else { return nil }
      return .enable(context: Int(context), word: word)
    }
    if offset >= Window.pending {
      let word = Int(offset - Window.pending) >> 2
      return word < Self.wordCount ? .pending(word: word) : nil
    }
    let source = Int(offset) >> 2
    return source < Self.sourceCount ? .priority(source: source) : nil
  }

  package func accepts(offset: UInt64, size: Int) -> Bool { size == 4 }

  package func read(offset: UInt64, size: Int) -> UInt64 {
    switch location(offset: offset, size: size) {
    case .priority(let source): UInt64(priorities[source])
    case .pending(let word): UInt64(pending[word])
    case .enable(let context, let word): UInt64(enables[context * Self.wordCount + word])
    case .threshold(let context): UInt64(thresholds[context])
    case .claim(let context): UInt64(claim(context: context))
    case nil: 0
    }
  }

  /// In a claim register stands what a claim would take.
  package func inspect(offset: UInt64) -> UInt8? {
    let word = offset & ~3
    if case .claim(let context) = location(offset: word, size: 4) {
      return byte(of: UInt64(candidate(context: context)), at: offset)
    }
    return byte(of: read(offset: word, size: 4), at: offset)
  }

  package func write(offset: UInt64, size: Int, value: UInt64) {
    let value = UInt32(truncatingIfNeeded: value)
    switch location(offset: offset, size: size) {
    case .priority(let source):
      // Source 0 has no priority register.
      guard source != 0 else { return }
      priorities[source] = value & Self.priorityMask
      update()
    case .enable(let context, let word):
      enables[context * Self.wordCount + word] = value & Self.enableMask(word: word)
      if looksAtLevels { update() }
    case .threshold(let context):
      thresholds[context] = value & Self.priorityMask
      update()
    case .claim: complete(value)
    case .pending, nil: break
    }
  }

  // MARK: State

  /// The machine resets all devices together, in any order, and afterwards the lines of all are low.
  package func reset() {
    for source in 0..<Self.sourceCount { priorities[source] = 0 }
    for word in 0..<Self.wordCount {
      levels[word] = 0
      pending[word] = 0
      claimed[word] = 0
    }
    for index in enables.indices { enables[index] = 0 }
    for context in 0..<contextCount { thresholds[context] = 0 }
    update()
  }

  package func save(to writer: inout ByteWriter) {
    for source in 0..<Self.sourceCount { writer.uint8(UInt8(priorities[source])) }
    for word in 0..<Self.wordCount {
      writer.uint32(levels[word])
      writer.uint32(pending[word])
      writer.uint32(claimed[word])
    }
    for index in 0..<contextCount * Self.wordCount { writer.uint32(enables[index]) }
    for context in 0..<contextCount { writer.uint8(UInt8(thresholds[context])) }
    if !looksAtLevels { writer.uint32(outputs) }
  }

  package func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    let mask = UInt8(Self.priorityMask)
    for source in 0..<Self.sourceCount {
      priorities[source] = UInt32(try reader.uint8(within: source == 0 ? 0 : mask, "PLIC priority"))
    }
    for word in 0..<Self.wordCount {
      let existing = Self.enableMask(word: word)
      levels[word] = try reader.uint32(within: existing, "PLIC levels")
      pending[word] = try reader.uint32(within: existing, "PLIC pending bits")
      let claimable = looksAtLevels ? existing & ~pending[word] : existing
      claimed[word] = try reader.uint32(within: claimable, "PLIC claimed bits")
    }
    for index in 0..<contextCount * Self.wordCount {
      enables[index] = try reader.uint32(
        within: Self.enableMask(word: index % Self.wordCount), "PLIC enable bits")
    }
    for context in 0..<contextCount {
      thresholds[context] = UInt32(try reader.uint8(within: mask, "PLIC threshold"))
    }
    outputs =
      looksAtLevels
      ? computeOutputs() : try reader.uint32(within: ~0 >> UInt32(32 - contextCount), "PLIC outputs")
  }
}
