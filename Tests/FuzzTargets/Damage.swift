// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Damages inputs as files and lines are damaged: single bits and bytes, numbers at the ends of their ranges, pieces that are lost,
/// repeated or moved, ends that are cut off.
package struct Damage {
  private var generator: SeededGenerator

  package init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  private mutating func number(below limit: Int) -> Int { Int(generator.next() % UInt64(max(limit, 1))) }

  package mutating func damaged(_ input: [UInt8]) -> [UInt8] {
    var bytes = input
    for _ in 0...number(below: 4) {
      guard !bytes.isEmpty else { return bytes }
      // Heads are where the lengths and offsets are.
      let reach = number(below: 2) == 0 ? min(bytes.count, 256) : bytes.count
      let at = number(below: reach)
      switch number(below: 8) {
      case 0: bytes[at] ^= 1 << UInt8(number(below: 8))
      case 1: bytes[at] = UInt8(truncatingIfNeeded: generator.next())
      case 2, 3:
        let edges: [UInt64] = [0, 1, .max, 1 << 63, 1 << 31, 0x7fff_ffff, 0xffff_ffff, 1 << 32, 1 << 20]
        let value = edges[number(below: edges.count)]
        let size = [2, 4, 8][number(below: 3)]
        let isBigEndian = number(below: 2) == 0
        for index in 0..<size where at + index < bytes.count {
          let place = isBigEndian ? size - 1 - index : index
          bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * place))
        }
      case 4: bytes.removeSubrange(at..<min(bytes.count, at + 1 + number(below: 64)))
      case 5:
        let piece = Array(bytes[at..<min(bytes.count, at + 1 + number(below: 64))])
        bytes.insert(contentsOf: piece, at: number(below: bytes.count))
      case 6: bytes.removeLast(bytes.count - at)
      default: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: at)
      }
    }
    return bytes
  }
}
