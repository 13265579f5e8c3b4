// SPDX-License-Identifier: Apache-2.0

/// The words and signs of a Swift text, without comments and what stands in quotes; what is worked out within quotes counts.
struct SwiftTokens {
  private(set) var tokens: [String] = []
  private var rest: Substring.UnicodeScalarView

  init(_ text: String) {
    rest = text[...].unicodeScalars
    read(until: nil)
  }

  /// Reads to the end, or behind the parenthesis that ends what is worked out within quotes.
  private mutating func read(until end: Unicode.Scalar?) {
    var depth = 0
    while let scalar = rest.first {
      if starts("//") {
        rest = rest.drop { $0 != "\n" }
      } else if starts("/*") {
        skipComment()
      } else if scalar == "\"" || scalar == "#" && rest.drop(while: { $0 == "#" }).first == "\"" {
        skipText()
      } else if Self.isOfWord(scalar) {
        let word = rest.prefix(while: Self.isOfWord)
        tokens.append(String(word))
        rest = rest.dropFirst(word.count)
      } else {
        rest.removeFirst()
        if scalar == "(" { depth += 1 }
        if scalar == ")" { depth -= 1 }
        if scalar == end, depth < 0 { return }
        if !scalar.properties.isWhitespace { tokens.append(String(scalar)) }
      }
    }
  }

  private static func isOfWord(_ scalar: Unicode.Scalar) -> Bool {
    scalar == "_" || scalar.properties.isAlphabetic || ("0"..."9").contains(scalar)
  }

  private func starts(_ text: String) -> Bool { rest.starts(with: text.unicodeScalars) }

  /// They may lie in each other.
  private mutating func skipComment() {
    var depth = 0
    while !rest.isEmpty {
      if starts("/*") {
        depth += 1
        rest = rest.dropFirst(2)
      } else if starts("*/") {
        depth -= 1
        rest = rest.dropFirst(2)
        if depth == 0 { return }
      } else {
        rest.removeFirst()
      }
    }
  }

  private mutating func skipText() {
    let signs = String(repeating: "#", count: rest.prefix { $0 == "#" }.count)
    rest = rest.dropFirst(signs.count)
    let quotes = starts("\"\"\"") ? "\"\"\"" : "\""
    rest = rest.dropFirst(quotes.count)
    while !rest.isEmpty {
      if starts(quotes + signs) {
        rest = rest.dropFirst(quotes.count + signs.count)
        return
      }
      if starts("\\" + signs + "(") {
        rest = rest.dropFirst(signs.count + 2)
        read(until: ")")
      } else if starts("\\" + signs) {
        rest = rest.dropFirst(signs.count + 2)
      } else {
        rest.removeFirst()
      }
    }
  }
}
