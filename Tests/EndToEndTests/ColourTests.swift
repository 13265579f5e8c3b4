// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Terminals get colours unless their users want none; nothing else does.
@Suite struct ColourTests {
  private func onTerminal(
    _ scratch: Scratch, _ words: [String], term: String = "xterm", noColor: String = ""
  ) throws -> String {
    let driver = Place.project.appending(path: "Tests/EndToEndTests/colours_on_terminal.py").path
    let result = try scratch.run(["python3", driver, term, noColor, Place.tool.path] + words)
    try #require(result.status == 0, "\(result.errors)")
    return result.text
  }

  /// A line of `ls` that is too long would be broken, and its columns stand below others.
  @Test func listsAreCutAtTheEdge() throws {
    let scratch = try Scratch()
    let name = String(repeating: "long-", count: 20)
    try scratch.record("\(name).rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let list = ["ls", scratch.path("")]
    let lines = try onTerminal(scratch, list, noColor: "1").split(whereSeparator: \.isNewline)
    #expect(lines.count == 2 && lines.allSatisfy { $0.count <= 80 } && lines[1].hasSuffix("…"), "\(lines)")
    let piped = try scratch.rrtool(list).text
    #expect(piped.contains("\(name).rr") && piped.contains("powered off at position"), "\(piped)")
    // What nobody has no column for.
    let snapshots = try scratch.rrtool("snapshot", "list", scratch.path("\(name).rr"))
    #expect(snapshots.text.contains("Position") && !snapshots.text.contains("Remark"), "\(snapshots.text)")
  }

  @Test func terminalsHaveThem() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let list = ["snapshot", "list", scratch.path("run.rr")]
    let failing = ["replay", scratch.path("none.rr")]
    #expect(try onTerminal(scratch, list).contains("<ESC>[1mName"))
    #expect(try onTerminal(scratch, failing).contains("<ESC>[31mrrtool:<ESC>[0m "))
    for words in [list, failing] {
      #expect(try !onTerminal(scratch, words, noColor: "1").contains("<ESC>"))
      #expect(try !onTerminal(scratch, words, term: "dumb").contains("<ESC>"))
      let piped = try scratch.rrtool(words)
      #expect(!piped.everything.contains("\u{1b}"))
    }
    #expect(try !onTerminal(scratch, list + ["--format", "json"]).contains("<ESC>"))
  }
}
