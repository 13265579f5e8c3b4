// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `rrtool replay --debugger lldb`: what lldb is started with, and a real one where there is one.
@Suite struct LLDBTests {
  private let symbols = Place.guest("ledger").replacingOccurrences(of: ".elf", with: ".debug")

  /// A program of that name that shows what it was started with, and comes to the socket once so that rrtool goes on.
  @Test(arguments: ["lldb", "lldb-19"]) func startsLLDBWithWhatItNeeds(name: String) throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("ledger"), "--max-instructions", "1_000_000")
    let script = """
      #!/bin/sh
      printf '%s\\n' "$@"
      for file do :; done
      cat "$file"
      """
    _ = try scratch.program(name, script)
    let result = try scratch.rrtool(
      "replay", scratch.path("run.rr"), "--debug", "--debugger", scratch.path(name), "--symbols", symbols)
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.contains(symbols) && result.lines.contains("-s"), "\(result.text)")
    #expect(!result.lines.contains("-q"), "that is gdb's")
    let connection = try #require(result.lines.last)
    let match = try #require(connection.firstMatch(of: #/unix-connect://(.*)/gdb\.sock/#), "\(connection)")
    #expect(!FileManager.default.fileExists(atPath: String(match.1)), "it is taken away")
  }

  @Test(.enabled(if: NewLLDB.program != nil, "no lldb of LLVM 19 or later is installed"))
  func lldbGoesBack() throws {
    let scratch = try Scratch()
    // Whether its books balance or not.
    _ = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    let lldb = try #require(NewLLDB.program)
    let commands = [
      "seek 50%", "look", "register read pc", "reverse-stepi", "when", "breakpoint set -n timer_interrupt",
      "reverse-continue", "when", "quit",
    ]
    let result = try scratch.rrtool(
      ["replay", scratch.path("run.rr"), "--debug", "--to", "end", "--debugger", lldb, "--symbols", symbols],
      input: commands.joined(separator: "\n") + "\n")
    let places = result.text.matches(of: #/Position ([\d,]+) of .* at (0x[0-9a-f]+)/#)
    try #require(places.count == 3, "\(result.errors)\(result.text)")
    let positions = places.compactMap { Int($0.1.replacing(",", with: "")) }
    #expect(positions[1] < positions[0] && positions[2] < positions[1])
    #expect(places[2].2 == "0x800000b0", "timer_interrupt")
    let shown = try #require(result.text.firstMatch(of: #/pc = 0x0*([0-9a-f]+)/#), "\(result.text)")
    #expect("0x" + shown.1 == places[0].2, "it has looked again")
  }
}

private enum NewLLDB {
  /// Older ones do not know RISC-V's registers well enough.
  static let program = ["lldb-19", "lldb-20", "lldb-21", "lldb-22"].first { name in
    ["/usr/bin/", "/usr/local/bin/"].contains { FileManager.default.isExecutableFile(atPath: $0 + name) }
  }
}
