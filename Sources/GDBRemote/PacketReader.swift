// SPDX-License-Identifier: Apache-2.0

/// Reads the parts of one packet's payload, front to back. What does not parse is nil and leaves the place.
struct PacketReader {
  private(set) var rest: ArraySlice<UInt8>

  init(_ payload: some Sequence<UInt8>) { rest = Array(payload)[...] }

  var isAtEnd: Bool { rest.isEmpty }
  /// What is left, as text.
  var text: String { String(decoding: rest, as: UTF8.self) }

  /// Passes `text` when it comes next.
  mutating func skip(_ text: StaticString) -> Bool {
    let wanted = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
    guard rest.starts(with: wanted) else { return false }
    rest.removeFirst(wanted.count)
    return true
  }

  /// A number of 1 to 16 hexadecimal digits.
  mutating func number() -> UInt64? {
    var value: UInt64 = 0
    var count = 0
    while count < rest.count, let digit = Hexadecimal.digit(rest[rest.startIndex + count]) {
      guard value >> 60 == 0 else { return nil }
      value = value << 4 | UInt64(digit)
      count += 1
    }
    guard count > 0 else { return nil }
    rest.removeFirst(count)
    return value
  }

  /// A number that fits a count of things in memory.
  mutating func count() -> Int? { number().flatMap { Int(exactly: $0) } }

  /// What stands before the next `separator`, which is passed as well; all the rest when there is none.
  mutating func part(before separator: UInt8) -> ArraySlice<UInt8> {
    guard let end = rest.firstIndex(of: separator) else {
      defer { rest = [] }
      return rest
    }
    defer { rest = rest[(end + 1)...] }
    return rest[..<end]
  }

  /// So many bytes; nil when there are fewer.
  mutating func bytes(_ count: Int) -> ArraySlice<UInt8>? {
    guard count >= 0, count <= rest.count else { return nil }
    defer { rest.removeFirst(count) }
    return rest.prefix(count)
  }
}
