// SPDX-License-Identifier: Apache-2.0

import Monitor
import TestSupport
import Testing

/// Typing and what comes of it.
@Suite struct LineEditorTests {
  private static let left = "\u{1b}[D"
  private static let right = "\u{1b}[C"
  private static let up = "\u{1b}[A"
  private static let down = "\u{1b}OB"

  /// The lines that come of keys.
  private func lines(_ keys: String) -> [String] {
    var editor = LineEditor(prompt: "> ")
    return editor.feed(keys.utf8).compactMap { action in
      guard case .line(let line) = action else { return nil }
      return line
    }
  }

  @Test(arguments: [
    ("stop\r", "stop"),
    ("info x\u{7f}status\r", "info status"),
    ("status\u{1}info \r", "info status"),
    ("ab\(left)\(left)x\(right)y\r", "xayb"),
    ("ab\u{1b}[Hx\u{1b}[Fy\r", "xaby"),
    ("ab\u{1b}[1~\u{1b}[3~\r", "b"),
    ("one two\u{17}three\r", "one three"),
    ("one two\u{1}\u{b}\u{19}\u{19}\r", "one twoone two"),
    ("one two\u{15}x\r", "x"),
    ("one two\u{1b}bX\r", "one Xtwo"),
    ("one two\u{1}\u{1b}fX\r", "oneX two"),
    ("ab\u{14}\r", "ba"),
    ("grün\u{7f}\u{7f}ß\r", "grß"),
    ("x\u{1b}[99;99zy\u{1b}\u{1b}[Az\r", "xyz"),
    ("x\u{c3}y\r", "xÃy"),
    ("abc\u{3}d\r", "d"),
  ]) func keysEdit(keys: String, line: String) {
    #expect(lines(keys) == [line])
  }

  @Test func aReturnAndALineFeedAreOneKey() {
    #expect(lines("a\r\nb\nc\r\r") == ["a", "b", "c", ""])
  }

  @Test func historyGoesBackAndForth() {
    #expect(lines("one\rtwo\r\(Self.up)\(Self.up)\r") == ["one", "two", "one"])
    #expect(lines("one\rtwo\rdraft\(Self.up)\(Self.up)\(Self.down)\(Self.down)!\r").last == "draft!")
    #expect(
      lines("one\rone\r  \r\(Self.up)\(Self.up)\r").last == "one", "a line twice in a row is there once")
    #expect(lines("\(Self.up)\(Self.down)x\r") == ["x"])
  }

  @Test func endsOnlyOnAnEmptyLine() {
    var editor = LineEditor(prompt: "> ")
    #expect(!editor.feed("x\u{1}\u{4}".utf8).contains(.end))
    #expect(editor.feed("\u{4}".utf8).contains(.end))
  }

  @Test func completesWhatIsCommon() {
    var editor = LineEditor(prompt: "> ")
    #expect(editor.feed("system_\t".utf8).last == .complete("system_"))
    let several = Completion(start: 0, candidates: ["system_powerdown ", "system_reset "])
    let listed = editor.complete(several)
    #expect(listed.count == 1)
    if case .write(let text)? = listed.first {
      #expect(text.contains("system_powerdown") && text.contains("system_reset"))
    }
    _ = editor.feed("r\t".utf8)
    _ = editor.complete(Completion(start: 0, candidates: ["system_reset "]))
    #expect(editor.feed("\r".utf8).contains(.line("system_reset ")))
  }

  /// Keys behind a Tab are not taken before it is answered, even when all come at once.
  @Test func keysWaitForTheCompletion() {
    var editor = LineEditor(prompt: "> ")
    #expect(editor.feed("info sta\t\r".utf8).last == .complete("info sta"))
    let actions = editor.complete(Completion(start: 5, candidates: ["status "]))
    #expect(actions.last == .line("info status "))
  }

  /// What an answer that comes late, or makes no sense, does: nothing.
  @Test func completionsThatDoNotFitAreLeft() {
    var editor = LineEditor(prompt: "> ")
    _ = editor.feed("ab".utf8)
    #expect(editor.complete(Completion(start: 99, candidates: ["x"])) == [])
    #expect(editor.complete(Completion(start: 0, candidates: [])) == [])
    _ = editor.complete(Completion(start: 1, candidates: ["zzz"]))
    #expect(editor.feed("\r".utf8).contains(.line("ab")))
  }

  /// The row never takes more columns than there are.
  @Test func longLinesScroll() {
    var editor = LineEditor(prompt: "> ")
    editor.width = 20
    for action in editor.feed(String(repeating: "abcdefgh", count: 10).utf8) {
      guard case .write(let text) = action else { continue }
      let shown = text.replacing("\r\u{1b}[K", with: "")
      #expect(shown.count <= 20, "\(shown)")
    }
  }

  @Test func anyBytesAreSurvived() {
    for seed in 0..<200 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      var editor = LineEditor(prompt: "> ")
      let interesting = Array(
        "abc \t\u{1b}[ODACH3~;5\u{1}\u{2}\u{4}\u{5}\u{6}\u{b}\u{15}\u{17}\u{19}\u{14}\u{7f}\r".utf8)
      for _ in 0..<500 {
        let byte =
          Bool.random(using: &generator)
          ? interesting.randomElement(using: &generator)! : UInt8.random(in: 0...255, using: &generator)
        for action in editor.feed([byte]) {
          if case .complete(let line) = action {
            let start = Int.random(in: 0...(line.count + 1), using: &generator)
            _ = editor.complete(Completion(start: start, candidates: ["abc", "abd"]))
          }
        }
      }
      _ = editor.feed("\u{3}ok\r".utf8)
    }
  }
}
