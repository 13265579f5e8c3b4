// SPDX-License-Identifier: Apache-2.0

import FoundationEssentials

/// Bytes from a guest as text that does nothing to a terminal.
public enum VisibleText {
  static func of(_ text: some StringProtocol) -> String { of(text.utf8) }

  /// UTF-8 as it is, but control and format characters, line ends among them, and bytes that are no UTF-8, as escapes:
  /// `\n`, `\e`, `\x07`, `\u{202e}`. A backslash stays one.
  public static func of(_ bytes: some Collection<UInt8>) -> String {
    // Most text is plain, and this is where the time goes.
    if bytes.allSatisfy({ (0x20..<0x7f).contains($0) }) { return String(decoding: bytes, as: UTF8.self) }
    var text = ""
    var rest = bytes[...]
    var decoder = UTF8()
    while !rest.isEmpty {
      var iterator = rest.makeIterator()
      decoder = UTF8()
      guard case .scalarValue(let scalar) = decoder.decode(&iterator) else {
        text += escape(rest[rest.startIndex])
        rest = rest.dropFirst()
        continue
      }
      rest = rest.dropFirst(UTF8.width(scalar))
      switch scalar {
      case "\n": text += "\\n"
      case "\r": text += "\\r"
      case "\t": text += "\\t"
      case "\u{1b}": text += "\\e"
      case "\0"..<" ", "\u{7f}": text += escape(UInt8(scalar.value))
      default:
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned:
          text += "\\u{\(String(scalar.value, radix: 16))}"
        default: text.unicodeScalars.append(scalar)
        }
      }
    }
    return text
  }

  /// The same in quotation marks, with those in it and backslashes behind a backslash, so that it can be read back; with dots
  /// where there was more of it.
  public static func quoted(_ bytes: [UInt8], isWhole: Bool = true) -> String {
    let backslash = UInt8(ascii: "\\")
    let parts = bytes.split(omittingEmptySubsequences: false) { $0 == backslash }
    let text = parts.map { of($0).replacing("\"", with: "\\\"") }.joined(separator: "\\\\")
    return "\"\(text)\"" + (isWhole ? "" : "...")
  }

  private static func escape(_ byte: UInt8) -> String {
    "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }
}

extension [UInt8] {
  var isUTF8: Bool { String(validating: self, as: UTF8.self) != nil }
  var base64: String { Data(self).base64EncodedString() }
}

extension Double {
  /// With so many decimal places, at most 9; nil for what is no number or too large to say so exactly.
  func fixed(places: Int) -> String? {
    precondition((0...9).contains(places))
    var scale: Double = 1
    for _ in 0..<places { scale *= 10 }
    let scaled = (magnitude * scale).rounded()
    guard scaled < 9e15 else { return nil }
    let digits = String(UInt64(scaled))
    let whole = String(repeating: "0", count: Swift.max(0, places + 1 - digits.count)) + digits
    let sign = self < 0 && scaled > 0 ? "-" : ""
    return places == 0 ? sign + whole : "\(sign)\(whole.dropLast(places)).\(whole.suffix(places))"
  }
}
