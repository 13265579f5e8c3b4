// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What gdb makes of cores.
@Suite struct CoreTests {
  private static let symbols = Place.project.appending(path: "fixtures/guests/built/ledger.debug").path

  private func debug(_ scratch: Scratch, _ core: String, _ commands: String...) throws -> ProgramResult {
    var arguments = [
      "gdb-multiarch", "-batch", "-nx", "-ex", "set osabi none", "-ex", "file \(Self.symbols)",
    ]
    arguments += ["-ex", "core-file \(core)"]
    for command in commands { arguments += ["-ex", command] }
    return try scratch.run(arguments)
  }

  /// The demonstration guest, bare metal on two harts: registers, threads, frames and variables of each.
  @Test func gdbShowsEveryHartOfTheDemonstration() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("demo.rr"))
    for place in ["30%", "70%"] {
      let core = scratch.path("core")
      let dumped = try scratch.rrtool("dump", scratch.path("demo.rr"), "--at", place, "-o", core, "--force")
      try #require(dumped.status == 0, "\(dumped.errors)")
      let shown = try debug(
        scratch, core, "info threads", "thread apply all bt", "p branches[0].number", "p branches[1].number",
        "thread apply all info registers mhartid", "p sizeof(branches[0].balances)")
      #expect(shown.lines.contains { $0.hasPrefix("* 1") }, "\(shown.text)\(shown.errors)")
      #expect(shown.lines.contains { $0.hasPrefix("  2") })
      // Both harts are in the bank's code, or wait for a lock or an interrupt below it.
      #expect(shown.lines.filter { $0.hasPrefix("Thread ") }.count >= 2)
      #expect(shown.text.contains("run_branch ("), "\(shown.text)")
      #expect(shown.lines.contains("$1 = 0"))
      #expect(shown.lines.contains("$2 = 1"))
      let harts = shown.lines.filter { $0.hasPrefix("mhartid") }.map {
        $0.split(whereSeparator: \.isWhitespace).last
      }
      #expect(Set(harts) == ["0", "1"])
      // Memory that nothing was written to takes no room.
      let blocks = try scratch.run(["stat", "-c", "%b %s", core])
      let numbers = blocks.text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }
      #expect(numbers.count == 2 && numbers[1] > 64 << 20 && numbers[0] * 512 < 8 << 20)
    }
  }

  /// The note that a guest gave through fw_cfg, wherever it lies.
  @Test func aGivenNoteIsInTheCore() throws {
    let scratch = try Scratch()
    let core = scratch.path("core")
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("firmware"), "--memory", "16M")
    for (place, isGiven) in [("start", false), ("end", true)] {
      let dumped = try scratch.rrtool("dump", scratch.path("run.rr"), "--at", place, "-o", core, "--force")
      try #require(dumped.status == 0, "\(dumped.errors)")
      let notes = try scratch.run(["readelf", "-n", core]).text
      #expect(notes.contains("VMCOREINFO") == isGiven, "\(notes)")
    }
  }

  @Test func whatCannotBeDumpedIsRefused() throws {
    let scratch = try Scratch()
    _ = try scratch.rrtool("record", "-o", scratch.path("demo.rr"))
    func refuse(_ status: Int32, _ words: String, _ options: String...) throws {
      let result = try scratch.rrtool(
        ["dump", scratch.path("demo.rr"), "-o", scratch.path("core")] + options)
      #expect(result.status == status)
      #expect(result.errors.contains(words), "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: scratch.path("core")))
    }
    try refuse(64, "--format coff: there is no such format", "--at", "end", "--format", "coff")
    try refuse(64, "is not a position", "--at", "nowhere at all")
    try refuse(64, "there is no memory in that range", "--at", "start", "--begin", "0", "--length", "4K")
    try refuse(64, "give both or neither", "--at", "start", "--begin", "0x80000000")
    try refuse(64, "knows no virtual addresses", "--at", "start", "--paging", "--format", "kdump-zlib")
    _ = try scratch.file("taken", [1])
    let taken = try scratch.rrtool(
      "dump", scratch.path("demo.rr"), "--at", "start", "-o", scratch.path("taken"))
    #expect(taken.status == 1 && taken.errors.contains("there is a file already"))
    #expect(try scratch.bytes("taken") == [1])
  }
}
