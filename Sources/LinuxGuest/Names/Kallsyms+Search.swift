// SPDX-License-Identifier: Apache-2.0

import Glibc

extension Kallsyms {
  /// How far the other tables reach from the texts, to both sides: several times what large kernels have.
  private static let reach: UInt64 = 24 << 20
  /// Memory is looked through a piece at a time.
  private static let pieceSize: UInt64 = 1 << 20
  /// Places that look like the texts; there are two where a loader has left a copy of the kernel.
  private static let candidateLimit = 64

  /// Looks for the tables in all of memory, and gives those that it finds to `isWanted`, until that has what it wants.
  static func search(_ memory: any PhysicalMemory, _ isWanted: (Kallsyms) -> Bool) {
    var candidates = 0
    var place = memory.ram.lowerBound
    while place < memory.ram.upperBound {
      // What lies across the end of a piece is in the next one.
      let piece = memory.read(place, count: Int(Self.pieceSize) + TokenTable.digits.count - 1)
      for offset in Self.places(ofDigitsIn: piece) {
        candidates += 1
        guard candidates <= Self.candidateLimit else { return }
        if let tables = Kallsyms(memory, digits: place + UInt64(offset)), isWanted(tables) { return }
      }
      place += Self.pieceSize
    }
  }

  private init?(_ memory: any PhysicalMemory, digits: UInt64) {
    // An index of 16 bits reaches no further than the first one: most of what looks like digits ends here.
    for reach in [1 << 17, Self.reach] {
      let start = max(memory.ram.lowerBound, digits - min(digits, reach)) & ~7
      let bytes = TableBytes(memory.read(start, count: Int(digits - start + reach)))
      let tables = [8, 4].compactMap { alignment in
        TokenTable(bytes, digits: Int(digits - start), alignment: alignment).map { ($0, alignment) }
      }
      guard !tables.isEmpty else { return nil }
      guard reach == Self.reach else { continue }
      // Where the index begins at a multiple of 8 in any case, the other tables tell.
      for (tokens, alignment) in tables {
        if let found = Kallsyms(bytes, at: start, tokens: tokens, alignment: alignment) {
          self = found
          return
        }
      }
    }
    return nil
  }

  /// Where all digits stand behind each other, found by one of them: the others are compared where that is.
  private static func places(ofDigitsIn bytes: [UInt8]) -> [Int] {
    let (digits, middle) = (TokenTable.digits, 14)
    return bytes.withUnsafeBytes { raw in
      var places: [Int] = []
      var next = middle
      while next < raw.count, let base = raw.baseAddress,
        let found = memchr(base + next, Int32(digits[middle]), raw.count - next)
      {
        let place = UnsafeRawPointer(found) - base
        let start = place - middle
        if start + digits.count <= raw.count, raw[start..<start + digits.count].elementsEqual(digits) {
          places.append(start)
        }
        next = place + 1
      }
      return places
    }
  }
}
