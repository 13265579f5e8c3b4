// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Foundation
import TestSupport
import Testing

@Suite struct BytePatternTests {
  /// After how many bytes of `text` the pattern has been found; nil: not at all.
  private func end(_ pattern: String, in text: String) throws -> Int? {
    var matcher = PatternMatcher(try BytePattern(pattern))
    return Array(text.utf8).firstIndex { matcher.take($0) }.map { $0 + 1 }
  }

  @Test(
    arguments: [
      ("login:", "Debian\r\nhost login: ", 19), ("a|bc", "xbc", 3), ("ab+c", "abbbc", 5), ("ab*c", "ac", 2),
      ("x(ab){2}y", "xabxababy", 9), ("x(ab){2}y", "xababy", 6), ("a{2,}b", "ab aab", 6),
      ("a{,2}b", "a{,2}b", 6),
      ("a{0,1}b", "b", 1), ("[0-9]+%", "at 50%", 6), ("[^a-z ]", "ab c9", 5), ("[]x]", "a]", 2),
      ("[a-]", "b-", 2),
      ("[[:digit:]x]{2}", "1ax2", 4), ("\\d\\d", "a1b22", 5), ("\\S\\s\\w", "a  b c", 6),
      ("\\x41\\x{2}", "", nil),
      ("^ab", "xab\nab", 6), ("^ab", "ab", 2), ("ab$", "abc ab\r\n", 7), ("ab$", "ab", nil),
      ("^$", "a\n\n", 3),
      ("(^|x)b", "ab\nb", 4), ("one\\ntwo", "one\r\ntwo", 8), ("one\\ntwo", "one\ntwo", 7),
      ("a.c", "a\nc abc", 7),
      ("(?i)panic: [a-z]+!", "Kernel PANIC: Ouch!", 19), ("(?:a|b)c", "bc", 2), ("é+!", "éé!", 5),
      ("\\.\\*", "a.*", 3),
      ("a+?b", "aab", 3), ("x|", "", nil), ("a**b", "aab", 3),
      ("\\[ *[0-9]+\\.[0-9]+\\] Oops", "[   12.5] Oops", 14),
    ] as [(String, String, Int?)]) func isFoundAtItsEnd(_ pattern: String, _ text: String, _ end: Int?) throws
  {
    guard end != nil || !text.isEmpty else {
      // Those that cannot be.
      #expect(throws: PatternProblem.self) { try BytePattern(pattern) }
      return
    }
    #expect(try self.end(pattern, in: text) == end, "\(pattern)")
  }

  @Test(arguments: [
    ("", "empty"), ("(a", "'(' is not closed"), ("a)", "')' closes nothing"), ("[a", "'[' is not closed"),
    ("*a", "nothing for '*'"), ("a|+", "nothing for '+'"), ("\\", "backslash"), ("\\b", "\\b is not known"),
    ("\\1", "\\1 is not known"), ("(?=a)", "(?:...)"), ("a{2,1}", "ends before it begins"),
    ("a{1001}", "repetitions"), ("[z-a]", "ends before it begins"), ("[[:foo:]]", "[:foo:]"),
    ("[é]", "ASCII"),
    ("a*", "nothing at all"), ("^", "nothing at all"), ("(a|b?)", "nothing at all"),
    ("((a{999}){999}){999}", "too large"),
    ("(((((((((((((((((((((a+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)+)", "too large"),
    ("\\x4", "two hexadecimal digits"),
  ]) func whatIsNoneIsToldInAWord(_ pattern: String, _ problem: String) {
    do throws(PatternProblem) {
      _ = try BytePattern(pattern)
      Issue.record("\(pattern) is taken")
    } catch {
      #expect(error.text.contains(problem), "\(pattern): \(error.text)")
    }
  }

  @Test func anythingIsTakenOrRefused() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    let pieces = Array("ab()[]{}|*+?^$.\\-,:0139dwsn xé\u{0}")
    for _ in 0..<20_000 {
      let text = String(
        (0..<Int.random(in: 0...12, using: &random)).map { _ in pieces.randomElement(using: &random)! })
      guard let pattern = try? BytePattern(text) else { continue }
      var matcher = PatternMatcher(pattern)
      for _ in 0..<20 { _ = matcher.take(.random(in: .min ... .max, using: &random)) }
    }
    #expect(Bool(true), "seed \(seed)")
  }

  /// The first end of a match is where another engine finds one in no shorter beginning of the text.
  @Test func agreesWithAnotherEngine() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    func expression(_ depth: Int) -> String {
      switch Int.random(in: 0..<(depth > 0 ? 8 : 3), using: &random) {
      case 0, 1: return ["a", "b", "c", "[ab]", "[^a]", "."].randomElement(using: &random)!
      case 2: return ["^a", "a", "bc"].randomElement(using: &random)!
      case 3, 4: return expression(depth - 1) + expression(depth - 1)
      case 5: return "(\(expression(depth - 1))|\(expression(depth - 1)))"
      default:
        return "(\(expression(depth - 1)))" + ["*", "+", "?", "{2}", "{1,3}", "{2,}"].randomElement(
          using: &random)!
      }
    }
    var count = 0
    while count < 1500 {
      let text = expression(4)
      guard let pattern = try? BytePattern(text) else { continue }
      count += 1
      let other = try NSRegularExpression(pattern: "(?:\(text))\\z", options: .anchorsMatchLines)
      let subject = String((0..<14).map { _ in ["a", "b", "c", "\n"].randomElement(using: &random)! })
      var matcher = PatternMatcher(pattern)
      let found = Array(subject.utf8).firstIndex { matcher.take($0) }.map { $0 + 1 }
      let expected = (1...14).first { end in
        other.firstMatch(in: String(subject.prefix(end)), range: NSRange(location: 0, length: end)) != nil
      }
      #expect(found == expected, "\(text) in \(subject.debugDescription), seed \(seed)")
    }
  }

  /// Many states, which are forgotten now and then, make it neither slow nor wrong.
  @Test func statesMayBeForgotten() throws {
    let pattern = try BytePattern("(a|b)*a(a|b){14}c")
    var matcher = PatternMatcher(pattern)
    var random = SeededGenerator(seed: 5)
    let text: [UInt8] = (0..<60_000).map { _ in Bool.random(using: &random) ? 0x61 : 0x62 }
    let bytes = text + Array("abbbbbbbbbbbbbbc".utf8)
    let end = bytes.firstIndex { matcher.take($0) }
    #expect(end == bytes.count - 1)
  }
}
