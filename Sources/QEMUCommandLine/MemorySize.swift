// SPDX-License-Identifier: Apache-2.0

/// Sizes of memory as QEMU's `-m` takes them: a number alone is mebibytes.
public enum MemorySize {
  public static func parse(_ text: String) throws(WordProblem) -> UInt64 {
    let units: [Character: UInt64] = ["B": 0, "K": 10, "M": 20, "G": 30, "T": 40]
    var digits = text[...]
    var shift: UInt64 = 20
    var hasUnit = false
    if !text.hasPrefix("0x"), let last = text.last, let unit = units[Character(last.uppercased())] {
      digits = text.dropLast()
      shift = unit
      hasUnit = true
    }
    let refusal = WordProblem("is not a size of memory")
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard let first = parts.first, parts.count <= 2 else { throw refusal }
    // A fraction of what nobody has named is refused there too.
    guard parts.count == 1 || hasUnit else { throw refusal }
    guard let whole = number(first), whole <= UInt64.max >> (shift + 1) else { throw refusal }
    var size = whole << shift
    if parts.count == 2 {
      guard (1...9).contains(parts[1].count), let fraction = number(parts[1]), !parts[1].hasPrefix("0x")
      else { throw refusal }
      var scale: UInt64 = 1
      for _ in 0..<parts[1].count { scale *= 10 }
      size += scale.dividingFullWidth(fraction.multipliedFullWidth(by: 1 << shift)).quotient
    }
    return size
  }

  private static func number(_ text: Substring) -> UInt64? {
    guard let first = text.utf8.first, (0x30...0x39).contains(first) else { return nil }
    return text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }

  /// In the largest unit that gives a whole number.
  static func describe(_ bytes: UInt64) -> String {
    for (unit, shift) in [("G", 30), ("M", 20), ("K", 10)] as [(String, UInt64)]
    where bytes != 0 && bytes & (1 << shift - 1) == 0 {
      return "\(bytes >> shift)\(unit)"
    }
    return "\(bytes)B"
  }
}
