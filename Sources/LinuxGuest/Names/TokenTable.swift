// SPDX-License-Identifier: Apache-2.0

/// The texts that bytes of names stand for in kallsyms: 256 of them, each with a zero behind it, and where each begins.
///
/// Bytes that occur in names stand for themselves as far as they are needed, and digits always are. That is how the table is found in
/// memory; the index behind it, which must agree with every text, is how it is known.
struct TokenTable {
  /// Digits as texts, one behind the other.
  static let digits: [UInt8] = (UInt8(ascii: "0")...UInt8(ascii: "9")).flatMap { [$0, 0] }

  private static let count = 256
  /// No text is longer than a name.
  private static let textLimit = 512

  let texts: [[UInt8]]
  /// Places in the bytes that it was found in.
  let start: Int
  let end: Int

  /// - Parameters:
  ///   - digits: where the digits stand.
  ///   - alignment: of what its tables' places are multiples: 8, and 4 since 7.0 or so.
  init?(_ bytes: TableBytes, digits: Int, alignment: Int) {
    let first = Int(UInt8(ascii: "0"))
    var place = digits
    for _ in first..<Self.count {
      guard let text = bytes.string(place, limit: Self.textLimit) else { return nil }
      place += text.count + 1
    }
    let index = (place + alignment - 1) / alignment * alignment
    guard let before = bytes.number(index + 2 * first, 2), Int(before) <= digits else { return nil }
    start = digits - Int(before)
    end = index + 2 * Self.count
    var texts: [[UInt8]] = []
    var offset = 0
    for number in 0..<Self.count {
      guard bytes.number(index + 2 * number, 2) == UInt64(offset),
        let text = bytes.string(start + offset, limit: Self.textLimit)
      else { return nil }
      texts.append(Array(text))
      offset += text.count + 1
    }
    guard start % alignment == 0, start + offset == place else { return nil }
    self.texts = texts
  }
}
