// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator

/// How `x`, `xp` and `p` show numbers: `/` with a count, a format letter and a size letter, in gdb's manner.
struct MemoryFormat: Equatable {
  enum Style: Character {
    case hexadecimal = "x"
    case signed = "d"
    case unsigned = "u"
    case octal = "o"
    case character = "c"
    case instruction = "i"
  }

  static let countLimit = 1 << 16

  var count = 1
  var style = Style.hexadecimal
  /// Bytes of an item; nil when the user did not say.
  var size: Int?

  init() {}

  /// Reads what stands behind the slash.
  init(parsing text: some StringProtocol) throws(MonitorError) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    if !digits.isEmpty {
      guard let count = Int(digits), (1...Self.countLimit).contains(count) else {
        throw MonitorError("invalid count '\(digits)': give 1 to \(Self.countLimit)")
      }
      self.count = count
    }
    for letter in text.dropFirst(digits.count) {
      if let style = Style(rawValue: letter) {
        self.style = style
      } else if let size = ["b": 1, "h": 2, "w": 4, "g": 8][letter] {
        self.size = size
      } else {
        throw MonitorError(
          "invalid format '\(letter)': the letters are x d u o c i for the style, b h w g for the size")
      }
    }
  }

  /// One item, of `size` bytes.
  func text(of value: UInt64, size: Int) -> String {
    let bits = size * 8
    let value = (value << UInt64(64 - bits)) >> UInt64(64 - bits)
    switch style {
    case .hexadecimal, .instruction: return "0x" + value.padded(radix: 16, digits: size * 2)
    case .unsigned: return String(value)
    case .signed: return String(Int64(bitPattern: value << UInt64(64 - bits)) >> Int64(64 - bits))
    case .octal: return "0" + value.padded(radix: 8, digits: (bits + 2) / 3)
    case .character:
      let byte = UInt8(truncatingIfNeeded: value)
      switch byte {
      case 0x0a: return "'\\n'"
      case 0x0d: return "'\\r'"
      case 0x27, 0x5c: return "'\\\(Character(Unicode.Scalar(byte)))'"
      case 0x20..<0x7f: return "'\(Character(Unicode.Scalar(byte)))'"
      default: return "'\\x\(UInt64(byte).padded(radix: 16, digits: 2))'"
      }
    }
  }

  /// Lines of `items` that begin at `address`, as many a line as fit.
  func dump(_ bytes: [UInt8], at address: UInt64, size: Int) -> String {
    let perLine = max(1, 16 / size)
    var lines: [String] = []
    for start in stride(from: 0, to: bytes.count - size + 1, by: perLine * size) {
      let items = stride(from: start, to: min(start + perLine * size, bytes.count - size + 1), by: size)
      let texts = items.map { offset in
        text(of: UInt64(littleEndianBytes: bytes[offset..<offset + size]), size: size)
      }
      lines.append(
        (address &+ UInt64(start)).padded(radix: 16, digits: 16) + ": " + texts.joined(separator: " "))
    }
    return lines.map { $0 + "\n" }.joined()
  }
}

extension MemoryFormat {
  /// Lines of instructions that begin at `address`: `count` of them, or as many as there are bytes for. `end` is where the
  /// missing ones would be; nil when there are none.
  func disassemble(
    _ bytes: [UInt8], at address: UInt64, for extensions: ProcessorExtensions
  ) -> (text: String, end: UInt64?) {
    var text = ""
    var offset = 0
    for _ in 0..<count {
      let word = UInt32(littleEndianBytes: bytes[offset...].prefix(4))
      let place = address &+ UInt64(offset)
      let instruction = Disassembler(word, at: place, for: extensions)
      guard offset + instruction.length <= bytes.count else { return (text, place) }
      let shown = word & (instruction.length == 2 ? 0xffff : .max)
      let raw = UInt64(shown).padded(radix: 16, digits: 2 * instruction.length)
      text += place.padded(radix: 16, digits: 16) + ": " + raw + String(repeating: " ", count: 10 - raw.count)
      text += instruction.text + "\n"
      offset += instruction.length
    }
    return (text, nil)
  }
}

extension UInt64 {
  func padded(radix: Int, digits: Int) -> String {
    let text = String(self, radix: radix)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
