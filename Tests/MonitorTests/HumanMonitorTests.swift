// SPDX-License-Identifier: Apache-2.0

import Foundation
import Monitor
import TestSupport
import Testing

/// Lines that a person types, and their answers.
@Suite struct HumanMonitorTests {
  private func type(_ lines: String..., body: ([String]) throws -> Void) throws {
    let run = try IdleRun()
    defer { run.finish() }
    let monitor = HumanMonitor(run.target)
    try body(lines.map { monitor.carryOut($0) })
  }

  @Test(arguments: [
    ("p 1 + 2 * 3", "0x7\n"), ("p (1 + 2) * 3", "0x9\n"), ("p/d -7 / 2", "9223372036854775804\n"),
    ("p/d -1", "-1\n"),
    ("p/u 1,000_000", "1000000\n"), ("p 0xff & ~0xf | 1 ^ 1", "0xf0\n"), ("p/c 65", "'A'\n"),
    ("p/xb 0x1234", "0x34\n"),
    ("p $pc", "0x1000\n"), ("p $mhartid", "0x0\n"), ("p/o 8", "00000000000000000000010\n"),
    ("p 7 % 4", "0x3\n"),
    ("p 1 / 0", "Error: division by zero\n"), ("p $nope", "Error: unknown register '$nope'\n"),
    ("p 1 +", "Error: invalid expression '1 +': a number is missing\n"),
    ("p (1", "Error: invalid expression '(1': a ')' is missing\n"),
    ("p", "Error: print: EXPRESSION is missing; usage: print|p [/FORMAT] EXPRESSION\n"),
    ("p/q 1", "Error: invalid format 'q': the letters are x d u o c i for the style, b h w g for the size\n"),
    ("x/0 0", "Error: invalid count '0': give 1 to 65536\n"),
    ("xp /2i 0", "0000000000000000: not RAM\n"), ("info mem", "No translation or protection\n"),
    ("xp 0", "0000000000000000: not RAM\n"),
    ("stop now", "Error: stop: 'now' is unexpected; usage: stop|s\n"),
    ("info nothing", "Error: unknown subject: 'nothing'; 'help info' lists them\n"),
    ("loadvm", "Error: loadvm: NAME is missing; usage: loadvm NAME\n"),
    ("loadvm \"x", "Error: a '\"' is missing at the end of the line\n"),
    ("cpu 2", "Error: there is no hart 2: the machine has 2\n"),
    ("cpu x", "Error: 'x' is not the number of a hart\n"),
    ("frob 1", "Error: unknown command: 'frob'; 'help' lists them\n"), ("", ""), ("   ", ""),
    ("info status", "VM status: paused (prelaunch)\n"), ("s", ""), ("info block", ""),
  ]) func answers(line: String, answer: String) throws {
    try type(line) { #expect($0 == [answer]) }
  }

  @Test func aDeepExpressionIsRefused() throws {
    let deep = String(repeating: "(", count: 100_000)
    let signs = String(repeating: "-", count: 100_000) + "1"
    try type("p \(deep)", "p \(signs)") { answers in
      #expect(answers.allSatisfy { $0.contains("nested too deep") })
    }
  }

  /// What drgn asks a QEMU, and memory that goes to a file.
  @Test func handsMemoryToOtherPrograms() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "rrtool-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: path) }
    try type(
      "info mtree -f", "gpa2hva 0x80000000", "gpa2hva 0x10000000", "pmemsave 0x80000000 24 \(path)",
      "xp /24xb 0x80000000", "pmemsave 0x80000000 24 \(path)", "memsave 0 8 \(path).2",
      "pmemsave 0x80000000 -1 x"
    ) { answers in
      #expect(
        answers[0].hasPrefix("FlatView #0\n AS \"memory\", root: system\n Root memory region: system\n"))
      #expect(answers[0].contains("\n  0000000080000000-0000000080ffffff (prio 0, ram): ram\n"))
      #expect(answers[0].contains(" (prio 0, i/o): "))
      #expect(answers[1].hasPrefix("Host virtual address for 0x80000000 (ram) is 0x"))
      #expect(answers[2] == "Error: Memory at address 0x10000000 is not RAM\n")
      #expect(answers[3].isEmpty)
      let shown = answers[4].split(separator: "\n").flatMap { $0.split(separator: " ").dropFirst() }
      let saved = try Data(contentsOf: URL(fileURLWithPath: path))
      #expect(saved.map { "0x" + ($0 < 16 ? "0" : "") + String($0, radix: 16) } == shown.map(String.init))
      #expect(answers[5].contains("exists already"))
      #expect(answers[6].hasPrefix("Error: Invalid addr 0x0/8 specified"))
      #expect(answers[7].hasPrefix("Error: Invalid addr"))
    }
  }

  /// The guest's program, as it was loaded: two instructions that the fixture's listing begins with.
  @Test func showsMemory() throws {
    try type(
      "xp /2xw 0x80000000", "x /4xb 0x80000000", "cpu 1", "p $mhartid", "sum 0x80000000 0x10", "sum 0 16"
    ) {
      answers in
      #expect(
        answers[0].hasPrefix("0000000080000000: 0x")
          && answers[0].count == "0000000080000000: 0x01234567 0x01234567\n".count)
      let word = try #require(answers[0].split(separator: " ").dropFirst().first)
      let bytes = answers[1].split(separator: " ").dropFirst().map { $0.dropFirst(2).prefix(2) }
      #expect("0x" + bytes.reversed().joined() == word)
      #expect(answers[3] == "0x1\n")
      #expect(answers[4].count == 6)
      #expect(answers[5].hasPrefix("Error: not all of that is RAM"))
    }
  }

  @Test func helpKnowsEveryCommand() throws {
    try type("help", "help x", "info", "help nothing") { answers in
      for name in ["stop|s", "x [/FORMAT] ADDRESS", "replay_seek POSITION", "quit|q", "system_powerdown"] {
        #expect(answers[0].contains("\n\(name) --"), "\(name)")
      }
      #expect(answers[1].hasPrefix("x [/FORMAT] ADDRESS -- "))
      #expect(answers[2].contains("info registers [-a] -- "))
      #expect(answers[3] == "Error: unknown command: 'nothing'\n")
    }
  }

  @Test func showsRegistersOfOneOrAllHarts() throws {
    try type("info registers", "info registers -a", "info cpus") { answers in
      #expect(answers[0].hasPrefix("hart 0\n pc            0000000000001000"))
      #expect(answers[1].contains("hart 1\n"))
      #expect(answers[0].contains("x2/sp") && answers[0].contains("mstatus"))
      #expect(answers[2].contains("* hart 0: pc 0x0000000000001000, machine mode"))
    }
  }

  @Test func completes() throws {
    let folder =
      FileManager.default.temporaryDirectory.appending(path: "rrtool-test-\(UUID().uuidString)").path + "/"
    try FileManager.default.createDirectory(atPath: folder + "deep", withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    for name in ["core.one", "core.two", ".hidden"] {
      try Data().write(to: URL(filePath: folder + name))
    }
    let run = try IdleRun()
    defer { run.finish() }
    let monitor = HumanMonitor(run.target)
    #expect(
      monitor.complete("sys") == Completion(start: 0, candidates: ["system_powerdown ", "system_reset "]))
    #expect(monitor.complete("info rep") == Completion(start: 5, candidates: ["replay "]))
    #expect(monitor.complete("help loa") == Completion(start: 5, candidates: ["loadvm "]))
    #expect(monitor.complete("info -") == Completion(start: 5, candidates: ["-a ", "-f "]))
    #expect(monitor.complete("stop x").candidates == [])
    #expect(monitor.complete("nothing x").candidates == [])
  }

  @Test func anyLineIsSurvived() throws {
    let run = try IdleRun()
    defer { run.finish() }
    let monitor = HumanMonitor(run.target)
    let words = [
      "x", "xp", "p", "/", "/99999xg", "$pc", "$", "0x80000000", "~", "(", ")", "info", "registers", "-a",
      "\"", "\\", "help", "cpu", "-1",
      "replay_seek", "99%", "savevm", "é", "\u{0}", "18446744073709551615", "18446744073709551616", "*",
      "sum", "event:0",
    ]
    for seed in 0..<500 as Range<UInt64> {
      var generator = SeededGenerator(seed: seed)
      let line = (0..<Int.random(in: 1...6, using: &generator)).map { _ in
        words.randomElement(using: &generator)!
      }
      .joined(separator: Bool.random(using: &generator) ? " " : "")
      _ = monitor.carryOut(line)
      _ = monitor.complete(line)
    }
    #expect(monitor.carryOut("info name") == "echo\n")
  }
}
