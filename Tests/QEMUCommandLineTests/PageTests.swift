// SPDX-License-Identifier: Apache-2.0

import Foundation
import QEMUCommandLine
import Testing

/// docs/qemu-command-lines.md shows lines of QEMU and what rrtool says to them.
@Suite struct PageTests {
  private static func page() throws -> String {
    let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    return try String(contentsOf: project.appending(path: "docs/qemu-command-lines.md"), encoding: .utf8)
  }

  /// A block has the line, an empty one, and what is printed, folded with backslashes.
  @Test func linesBecomeWhatThePageShows() throws {
    var count = 0
    for block in try Self.page().split(separator: "```").map(String.init)
    where block.hasPrefix("\nqemu-system-riscv64 ") {
      let parts = block.split(separator: "\n\n", maxSplits: 1).map(String.init)
      try #require(parts.count == 2, "\(block)")
      count += 1
      let translation = Translator.translate(Shell.words(parts[0]), .init())
      var expected = translation.notes + translation.refusals
      if translation.refusals.isEmpty { expected.append(translation.line) }
      let shown = parts[1].replacing(#/ *\\\n */#, with: " ").split(separator: "\n").map { line in
        line.hasPrefix("rrtool: ") ? String(line.dropFirst(8)) : String(line)
      }
      #expect(shown == expected, "\(parts[0])")
    }
    #expect(count >= 20)
  }

  /// The table names every option that QEMU has and the translator knows, and no others.
  @Test func theTableHasEveryOption() throws {
    let rows = try Self.page().split(separator: "\n").filter { $0.hasPrefix("| `-") }
    let named = rows.flatMap { row -> [Substring] in
      row.split(separator: "|")[0].split(separator: "`", omittingEmptySubsequences: false).enumerated()
        .compactMap { $0.offset % 2 == 1 ? $0.element.prefix { $0 != " " } : nil }
    }
    #expect(Set(named.map(String.init)).symmetricDifference(Translator.options.map { "-" + $0 }) == [])
  }
}
