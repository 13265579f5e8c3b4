// SPDX-License-Identifier: Apache-2.0

/// Works out what a user types where a number is wanted: `$pc + 4 * 0x10`, in 64 bits that wrap around.
///
/// Operators, weakest first: `|`, `^`, `&`, then `+ -`, then `* / %`; before a number `- + ~`; brackets. A number is
/// decimal, or hexadecimal after `0x`; `,` and `_` may stand between its digits as in positions. `$name` is a register.
package struct Expression {
  /// Brackets and signs that may be open at once: the text comes from a stranger, and the stack ends somewhere.
  private static let depthLimit = 100

  private let text: [UInt8]
  private var offset = 0
  private var depth = 0
  private let register: (String) -> UInt64?

  /// - Parameter register: the value of a register by the manual's name, without `$`; nil when there is none.
  package static func evaluate(_ text: String, register: (String) -> UInt64?) throws(MonitorError) -> UInt64 {
    // The closure does not outlive this call.
    let (value, error) = withoutActuallyEscaping(register) { register -> (UInt64, MonitorError?) in
      var expression = Expression(text, register)
      do throws(MonitorError) {
        let value = try expression.whole()
        return (value, nil)
      } catch {
        return (0, error)
      }
    }
    if let error { throw error }
    return value
  }

  private init(_ text: String, _ register: @escaping (String) -> UInt64?) {
    self.text = Array(text.utf8)
    self.register = register
  }

  private mutating func whole() throws(MonitorError) -> UInt64 {
    let value = try alternative()
    guard next == nil else { throw wrong("'\(rest)' is not understood") }
    return value
  }

  // MARK: Operators

  private mutating func alternative() throws(MonitorError) -> UInt64 {
    var value = try difference()
    while take("|") { value |= try difference() }
    return value
  }

  private mutating func difference() throws(MonitorError) -> UInt64 {
    var value = try conjunction()
    while take("^") { value ^= try conjunction() }
    return value
  }

  private mutating func conjunction() throws(MonitorError) -> UInt64 {
    var value = try sum()
    while take("&") { value &= try sum() }
    return value
  }

  private mutating func sum() throws(MonitorError) -> UInt64 {
    var value = try product()
    while true {
      if take("+") {
        value &+= try product()
      } else if take("-") {
        value &-= try product()
      } else {
        return value
      }
    }
  }

  private mutating func product() throws(MonitorError) -> UInt64 {
    var value = try unit()
    while true {
      if take("*") {
        value &*= try unit()
      } else if take("/") {
        let divisor = try unit()
        guard divisor != 0 else { throw MonitorError("division by zero") }
        value /= divisor
      } else if take("%") {
        let divisor = try unit()
        guard divisor != 0 else { throw MonitorError("division by zero") }
        value %= divisor
      } else {
        return value
      }
    }
  }

  private mutating func unit() throws(MonitorError) -> UInt64 {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.depthLimit else { throw wrong("it is nested too deep") }
    if take("-") { return 0 &- (try unit()) }
    if take("+") { return try unit() }
    if take("~") { return ~(try unit()) }
    if take("(") {
      let value = try alternative()
      guard take(")") else { throw wrong("a ')' is missing") }
      return value
    }
    if take("$") {
      let name = word { Self.isLetterOrDigit($0) }
      guard let value = register(name) else { throw MonitorError("unknown register '$\(name)'") }
      return value
    }
    guard next != nil else { throw wrong("a number is missing") }
    let digits = word { Self.isLetterOrDigit($0) || $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "_") }
    let plain = digits.filter { $0 != "," && $0 != "_" }
    let value =
      plain.hasPrefix("0x") || plain.hasPrefix("0X") ? UInt64(plain.dropFirst(2), radix: 16) : UInt64(plain)
    guard let value else { throw wrong("'\(digits.isEmpty ? rest : digits)' is not a number") }
    return value
  }

  // MARK: Text

  /// The next byte that is not white space.
  private var next: UInt8? { text[offset...].first { $0 != UInt8(ascii: " ") } }

  private var rest: String { String(decoding: text[offset...], as: UTF8.self) }

  private mutating func skipSpace() {
    while offset < text.count, text[offset] == UInt8(ascii: " ") { offset += 1 }
  }

  private mutating func take(_ operation: Unicode.Scalar) -> Bool {
    skipSpace()
    guard offset < text.count, text[offset] == UInt8(ascii: operation) else { return false }
    offset += 1
    return true
  }

  private mutating func word(_ belongs: (UInt8) -> Bool) -> String {
    let start = offset
    while offset < text.count, belongs(text[offset]) { offset += 1 }
    return String(decoding: text[start..<offset], as: UTF8.self)
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  private func wrong(_ problem: String) -> MonitorError {
    MonitorError("invalid expression '\(String(decoding: text, as: UTF8.self))': \(problem)")
  }
}
