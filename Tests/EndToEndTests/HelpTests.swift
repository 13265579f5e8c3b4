// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Help is told once, in the source, and laid out for who reads it: terminals of all widths, man, docs/commands.md.
@Suite struct HelpTests {
  private static func help(_ words: [String], columns: Int, _ scratch: Scratch) throws -> [Substring] {
    let help = try scratch.run(["env", "COLUMNS=\(columns)", Place.tool.path, "help"] + words)
    try #require(help.status == 0, "\(help.errors)")
    return help.text.split(separator: "\n", omittingEmptySubsequences: false)
  }

  private static let commands = [
    [], ["record"], ["run"], ["qemu"], ["replay"], ["inspect"], ["inspect", "summary"],
    ["inspect", "events"], ["inspect", "last-write"], ["snapshot"], ["snapshot", "export"],
    ["dump"], ["verify"], ["trim"],
  ]

  /// The lines of EXAMPLES: up to the next line without indentation.
  private static func examples(in lines: [Substring]) -> [Substring] {
    Array(lines.drop { $0 != "EXAMPLES" }.dropFirst().prefix { $0.hasPrefix("  ") })
  }

  @Test(arguments: commands) func isBrokenOnceAtTheTerminalsEdge(_ words: [String]) throws {
    let scratch = try Scratch()
    let widest = Self.examples(in: try Self.help(words, columns: 5000, scratch))
    for columns in [40, 60, 80, 120] {
      let lines = try Self.help(words, columns: columns, scratch)
      let examples = Self.examples(in: lines)
      #expect(examples == widest, "command lines are whole at \(columns) columns")
      for line in lines where line.count > columns {
        // Nothing of it but one word could be on another line.
        let isLabel = line.contains(#/^ {2}[^ ]+( <[^ ]+>)?$/#) || line.contains(#/^ {2}(<.*>|See '.*)$/#)
        let isOneWord = line.trimmingCharacters(in: .whitespaces).split(separator: " ").count == 1
        let isUsage = line.contains(#/^(USAGE:| {6}) /#)
        #expect(examples.contains(line) || isLabel || isOneWord || isUsage, "\(line)")
      }
      // Where the next line goes on at the same place, its first word had no room on this one.
      for (line, next) in zip(lines, lines.dropFirst()) {
        guard line.first.map({ !"- ".contains($0) }) ?? false, let first = next.first, first != " ",
          !line.contains(#/^[A-Z ]+:?$/#), !next.contains(#/^[A-Z ]+:?( |$)/#)
        else { continue }
        #expect(line.count + 1 + next.prefix { $0 != " " }.count > columns, "\(line)\n\(next)")
      }
    }
  }

  @Test func isForEightyColumnsWhereNoTerminalIs() throws {
    let scratch = try Scratch()
    let help = try scratch.run(["env", "-u", "COLUMNS", Place.tool.path, "help", "verify"])
    #expect(
      help.text.split(separator: "\n")
        == (try Self.help(["verify"], columns: 80, scratch)).filter { !$0.isEmpty })
  }

  /// `make docs` writes it.
  @Test func thePageOfCommandsIsUpToDate() throws {
    let written = try Scratch().rrtool("manual")
    #expect(written.status == 0, "\(written.errors)")
    let page = try Documentation("docs/commands.md").text
    #expect(written.text == page, "a help text changed: 'make docs' writes docs/commands.md anew")
  }

  @Test func everyCommandHasAPageThatManTakes() throws {
    let scratch = try Scratch()
    let written = try scratch.rrtool("manual", scratch.path("man"))
    #expect(written.status == 0, "\(written.errors)")
    let pages = try FileManager.default.contentsOfDirectory(atPath: scratch.path("man"))
    let commands = try Documentation("docs/commands.md").text.matches(of: #/\n## (rrtool.*)/#).map {
      String($0.1).replacing(" ", with: "-") + ".1"
    }
    #expect(Set(pages) == Set(commands) && pages.count > 20)
    for page in pages {
      let shown = try scratch.run([
        "env", "MANWIDTH=80", "LC_ALL=C.UTF-8", "man", "--warnings=w", "--local-file",
        scratch.path("man/\(page)"),
      ])
      #expect(shown.status == 0 && shown.errors == "", "\(page): \(shown.errors)")
      #expect(shown.text.contains("SYNOPSIS"), "\(page)")
    }
    let record = try scratch.run(["man", "--local-file", scratch.path("man/rrtool-record.1")])
    #expect(record.text.contains("rrtool record --bios program.elf -o program.rr"))
  }

  @Test func versionNamesTheCommit() throws {
    let version = try Scratch().rrtool("--version")
    #expect(version.status == 0)
    #expect(
      version.text.contains(#/^rrtool [0-9.]+ \((unknown|[0-9a-f]{9,}(-dirty)?)\)\n$/#), "\(version.text)")
  }
}
