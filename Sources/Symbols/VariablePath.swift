// SPDX-License-Identifier: Apache-2.0

/// A variable, or a part of one, as sources name it: `branches[0].balances[4]`.
package struct VariablePath: Equatable, Sendable {
  package enum Step: Equatable, Sendable {
    case member(String)
    case element(UInt64)
  }

  /// Of the variable.
  package var name: String
  package var steps: [Step]

  /// Nil for what is no such path.
  package init?(_ text: String) {
    let start = text.firstIndex { $0 == "." || $0 == "[" } ?? text.endIndex
    name = String(text[..<start])
    guard Self.isName(name) else { return nil }
    var steps: [Step] = []
    var rest = text[start...]
    while let first = rest.popFirst() {
      if first == "." {
        let member = rest.prefix { $0 != "." && $0 != "[" }
        guard Self.isName(String(member)) else { return nil }
        steps.append(.member(String(member)))
        rest = rest.dropFirst(member.count)
      } else {
        guard first == "[", let end = rest.firstIndex(of: "]"), let index = Self.number(rest[..<end]) else {
          return nil
        }
        steps.append(.element(index))
        rest = rest[rest.index(after: end)...]
        guard rest.first.map({ $0 == "." || $0 == "[" }) ?? true else { return nil }
      }
    }
    self.steps = steps
  }

  private static func isName(_ text: String) -> Bool {
    guard let first = text.first, first.isLetter || first == "_" else { return false }
    return text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" || $0 == "$" || $0 == ":" }
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.hasPrefix("0x") ? UInt64(text.dropFirst(2), radix: 16) : UInt64(text)
  }
}
