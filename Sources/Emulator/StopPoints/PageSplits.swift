// SPDX-License-Identifier: Apache-2.0

/// The places of a physical page before which blocks end, since some virtual address of theirs has a breakpoint.
struct PageSplits {
  /// Splits that no breakpoint needs any more are kept, so that setting the same breakpoints again costs nothing; they go when
  /// code ran into splits in vain so often that they cost more than decoding it anew.
  private static let vainLimit = 1_000

  /// By offset: the breakpoints that lie there.
  private var addresses: [Int: [UInt64]] = [:]
  /// One bit for each even offset.
  private var bits = InlineArray<32, UInt64>(repeating: 0)
  private var vainCount = 0

  var isEmpty: Bool { addresses.isEmpty }

  func contains(_ offset: Int) -> Bool { bits[offset >> 7 & 31] >> UInt64(offset >> 1 & 63) & 1 != 0 }

  /// Answers the offsets that are new.
  mutating func add(_ breakpoints: [UInt64]) -> [Int] {
    var added: [Int] = []
    for address in breakpoints {
      let offset = Int(address & 0xffe)
      if !contains(offset) {
        added.append(offset)
        bits[offset >> 7] |= 1 << UInt64(offset >> 1 & 63)
      } else if addresses[offset]?.contains(address) == true {
        continue
      }
      addresses[offset, default: []].append(address)
    }
    return added
  }

  /// Code passed one in vain. Once that was often, those go that no breakpoint needs: answers their offsets.
  mutating func pass(keeping isNeeded: (UInt64) -> Bool) -> [Int] {
    vainCount += 1
    guard vainCount >= Self.vainLimit else { return [] }
    vainCount = 0
    addresses = addresses.mapValues { $0.filter(isNeeded) }
    let removed = addresses.filter { $0.value.isEmpty }.keys.sorted()
    for offset in removed {
      addresses[offset] = nil
      bits[offset >> 7] &= ~(1 << UInt64(offset >> 1 & 63))
    }
    return removed
  }
}
