// SPDX-License-Identifier: Apache-2.0

import Emulator
import HostSystem

/// Code that was executed without a jump, from behind one up to the next.
struct CodeRange: Hashable, BitwiseCopyable {
  var start: UInt64
  /// Behind its last instruction.
  var end: UInt64
}

/// Counts how often each range was executed: quickly where the same ones come again and again.
struct RangeCounter: ~Copyable {
  private struct Entry: BitwiseCopyable {
    var range: CodeRange
    var count: UInt64
  }

  private static let slotCount = 1 << 14

  private let slots = HostTable<Entry>(count: RangeCounter.slotCount)
  private var counts: [CodeRange: UInt64] = [:]

  /// Counts what a hart executed that has come from `cursor` without a jump; answers where the last of the jumps has led.
  mutating func follow(_ transfers: borrowing ControlTransfers, from cursor: UInt64) -> UInt64 {
    var cursor = cursor
    for jump in transfers.jumps {
      if cursor < jump.link { count(CodeRange(start: cursor, end: jump.link)) }
      cursor = jump.target
    }
    return cursor
  }

  @inline(__always)
  mutating func count(_ range: CodeRange) {
    let hash = (range.start >> 1) &* 0x9e37_79b9_7f4a_7c15 ^ (range.end >> 1) &* 0xc2b2_ae3d_27d4_eb4f
    let slot = slots.entries + Int(truncatingIfNeeded: hash >> 50)
    let known = slot.pointee.range
    if known.start == range.start, known.end == range.end {
      slot.pointee.count &+= 1
    } else {
      replace(slot, range)
    }
  }

  @inline(never)
  private mutating func replace(_ slot: UnsafeMutablePointer<Entry>, _ range: CodeRange) {
    if slot.pointee.count > 0 { counts[slot.pointee.range, default: 0] += slot.pointee.count }
    slot.pointee = Entry(range: range, count: 1)
  }

  /// All that were counted.
  var total: [CodeRange: UInt64] {
    var total = counts
    for index in 0..<Self.slotCount where slots.entries[index].count > 0 {
      total[slots.entries[index].range, default: 0] += slots.entries[index].count
    }
    return total
  }
}
