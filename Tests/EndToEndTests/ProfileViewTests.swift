// SPDX-License-Identifier: Apache-2.0

import Foundation
import FoundationXML
import Testing

/// `rrtool inspect profile`: every instruction counts once, calls are those that other views list, and the tools for whom its formats
/// are take them.
@Suite struct ProfileViewTests {
  private struct Profile: Decodable, Equatable {
    struct Totals: Decodable, Equatable {
      var instructionCount: UInt64
      var functionCount: Int
      var crossedCount: UInt64
    }
    struct Function: Decodable, Equatable {
      var function: String
      var selfCount: UInt64
      var totalCount: UInt64
      var callCount: UInt64
    }
    var profile: Totals
    var functions: [Function]

    subscript(name: String) -> Function? { functions.first { $0.function == name } }
    var sum: UInt64 { functions.reduce(0) { $0 + $1.selfCount } }
  }

  private static let (rounds, pages, callsARound) = (40, 64, 50)

  private func recorded(_ guest: String, _ more: String...) throws -> Scratch {
    let scratch = try Scratch()
    let result = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--bios", Place.guest(guest)] + more)
    try #require(result.status == 0, "\(result.errors)")
    return scratch
  }

  private func text(_ scratch: Scratch, _ words: String...) throws -> String {
    let result = try scratch.rrtool(["inspect", scratch.path("run.rr"), "profile"] + words)
    try #require(result.status == 0, "\(words): \(result.errors)")
    return result.text
  }

  private func profile(_ scratch: Scratch, _ words: String...) throws -> Profile {
    try scratch.report("run.rr", ["profile"] + words)
  }

  private func end(_ scratch: Scratch) throws -> UInt64 {
    let summary = try scratch.rrtool("inspect", scratch.path("run.rr"), "--format", "json")
    let parsed = try JSONSerialization.jsonObject(with: Data(summary.output)) as? [String: Any]
    let run = try #require(parsed?["run"] as? [String: Any], "\(summary.text)")
    return try #require(run["instruction_count"] as? UInt64)
  }

  /// The guest counts its traps itself, and checks them.
  @Test func everyInstructionCountsOnce() throws {
    let scratch = try recorded("traps")
    let profile = try profile(scratch)
    #expect(try profile.profile.instructionCount == end(scratch))
    #expect(profile.sum == profile.profile.instructionCount)
    #expect(profile.functions.count == profile.profile.functionCount)
    let traps = UInt64(Self.rounds * (Self.callsARound + 1 + Self.pages * 3 / 2))
    #expect(profile["supervisor_entry"]?.callCount == traps)
    #expect(profile["supervisor_trap"]?.callCount == traps)
    #expect(profile["exception"]?.callCount == UInt64(Self.rounds))
    // Handlers are called by what they interrupted, which is in user mode, behind an address of its own: it has no name there.
    #expect((profile["[user]"]?.totalCount ?? 0) > (profile["supervisor_trap"]?.totalCount ?? 0))
    #expect(try self.profile(scratch, "--engine", "interpreter") == profile)
  }

  /// Halves of a run make the whole, function by function.
  @Test(arguments: ["traps", "smp", "bench-calls"]) func stretchesAddUp(guest: String) throws {
    let scratch = try recorded(guest, "--smp", guest == "smp" ? "3" : "1")
    let all = try profile(scratch)
    let middle = try end(scratch) / 2
    let parts = [
      try profile(scratch, "--to", "\(middle)"), try profile(scratch, "--from", "\(middle + 1)"),
    ]
    #expect(parts[0].profile.instructionCount == middle + 1)
    #expect(parts[0].sum + parts[1].sum == all.sum && all.sum == all.profile.instructionCount)
    // Labels of the start-up code are run into: in the first half.
    #expect(parts[0].profile.crossedCount == all.profile.crossedCount && parts[1].profile.crossedCount == 0)
    for function in all.functions {
      let sum = parts.reduce(0) { $0 + ($1[function.function]?.selfCount ?? 0) }
      #expect(sum == function.selfCount, "\(function.function)")
    }
    let harts = try (0..<(guest == "smp" ? 3 : 1)).map { try profile(scratch, "--hart", "\($0)").sum }
    #expect(harts.reduce(0, +) == all.sum)
  }

  @Test func callsAreThoseThatAreListed() throws {
    let scratch = try recorded("smp", "--smp", "3")
    let profile = try profile(scratch)
    // Labels of the start-up code are branched to.
    let labels = ["_start", "run", "clear", "cleared"]
    let functions = profile.functions.filter { $0.callCount > 0 && !labels.contains($0.function) }
    try #require(functions.count > 4)
    for function in functions {
      let calls = try scratch.rrtool(
        "inspect", scratch.path("run.rr"), "calls", function.function, "--format", "ndjson")
      #expect(UInt64(calls.lines.count) == function.callCount, "\(function.function)")
    }
  }

  @Test func otherToolsTakeIt() throws {
    let scratch = try recorded("traps")
    let total = try end(scratch)
    // Chains of callers, and what was spent in each.
    let folded = try text(scratch, "--format", "folded").split(separator: "\n")
    #expect(folded.reduce(0) { $0 + (UInt64($1.split(separator: " ").last ?? "") ?? 0) } == total)
    #expect(folded.contains { $0.contains("[user];supervisor_entry;supervisor_trap ") })

    let speedscope = try #require(
      try JSONSerialization.jsonObject(with: Data(try text(scratch, "--format", "speedscope").utf8))
        as? [String: Any])
    let frames = try #require((speedscope["shared"] as? [String: Any])?["frames"] as? [[String: String]])
    let samples = try #require((speedscope["profiles"] as? [[String: Any]])?.first)
    let stacks = try #require(samples["samples"] as? [[Int]])
    #expect(
      (samples["weights"] as? [UInt64])?.reduce(0, +) == total && samples["endValue"] as? UInt64 == total)
    #expect(stacks.count == folded.count && stacks.joined().allSatisfy { frames.indices.contains($0) })

    try text(scratch, "--format", "callgrind").write(
      to: scratch.folder.appending(path: "callgrind.out"), atomically: true, encoding: .utf8)
    let annotated = try scratch.run([
      "callgrind_annotate", "--inclusive=yes", scratch.path("callgrind.out"),
    ])
    #expect(annotated.status == 0 && annotated.errors.isEmpty, "\(annotated.errors)")
    let plain = annotated.text.replacing(",", with: "")
    #expect(plain.contains("\(total) (100.0%)  PROGRAM TOTALS"), "\(annotated.text)")
    #expect(plain.contains(/\d+ \([ 0-9.]+%\)  \?\?\?:supervisor_trap/), "\(annotated.text)")

    let picture = try text(scratch, "--format", "svg")
    #expect(picture.hasPrefix("<svg ") && picture.contains(">supervisor_trap<"))
    let parser = XMLParser(data: Data(picture.utf8))
    #expect(parser.parse())

    let packed = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "profile", "--format", "pprof")
    try Data(packed.output).write(to: scratch.folder.appending(path: "profile.pb.gz"))
    let message = try scratch.run(["gzip", "-dc", scratch.path("profile.pb.gz")])
    #expect(
      message.status == 0 && String(decoding: message.output, as: UTF8.self).contains("supervisor_trap"))
  }

  /// A program without symbols: functions are what was called.
  @Test func withoutSymbolsFunctionsAreAddresses() throws {
    let scratch = try Scratch()
    // Calls twice what returns at once, then powers off.
    let program = try scratch.program(
      0x01c0_00ef, 0x0180_00ef, 0x0010_02b7, 0x0000_5337, 0x5553_0313, 0x0062_a023, 0x0000_006f, 0x0000_8067)
    _ = try scratch.record("run.rr", "--bios", program)
    let profile = try profile(scratch)
    #expect(try profile.sum == end(scratch))
    #expect(profile["0x8000001c"].map { [$0.selfCount, $0.callCount] } == [2, 2])
  }

  /// Functions that are left from deep within, and a worker on a stack of its own: nobody loses who called them.
  @Test(arguments: ["jit", "interpreter"]) func stacksAreKeptApart(engine: String) throws {
    let scratch = try recorded("stacks")
    let folded = try text(scratch, "--format", "folded", "--engine", engine).split(separator: "\n")
    let catcher = "run;guest_main;catcher"
    let deep = Array(repeating: "deep", count: 6).joined(separator: ";")
    let chains = folded.map { $0.prefix { $0 != " " } }.filter {
      !$0.contains("print") && !["clear", "cleared", "[machine]"].contains($0)
    }
    var expected: Set<String> = [
      "run", "run;guest_main", catcher, "\(catcher);save", "\(catcher);after", "\(catcher);\(deep);restore",
      "run;guest_main;change", "run;guest_main;power_off", "worker", "worker;change",
    ]
    for count in 1...6 { expected.insert(catcher + String(repeating: ";deep", count: count)) }
    #expect(Set(chains.map(String.init)) == expected)
    let profile = try profile(scratch, "--engine", engine)
    let counts =
      ["catcher": 20, "save": 20, "restore": 20, "after": 20, "deep": 120, "change": 80] as [String: UInt64]
    for (function, count) in counts { #expect(profile[function]?.callCount == count, "\(function)") }
    // All that is neither the start-up code's nor the worker's is what `guest_main` and its callees did.
    let others = ["[machine]", "clear", "cleared", "run"].reduce(0) { $0 + (profile[$1]?.selfCount ?? 0) }
    #expect(
      profile["guest_main"]?.totalCount == profile.sum - others - (profile["worker"]?.totalCount ?? 0))
  }

  /// A guest that resets itself again and again: harts start anew, with empty stacks.
  @Test func aResetBeginsAnew() throws {
    let scratch = try Scratch()
    let program = try scratch.program(
      0x0180_00ef, 0x0010_02b7, 0x0000_7337, 0x7773_0313, 0x0062_a023, 0x0000_006f, 0x0000_8067)
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--max-instructions", "600", "--bios", program)
    let profile = try profile(scratch)
    #expect(try profile.sum == end(scratch))
    let called = try #require(profile["0x80000018"])
    #expect(called.callCount > 20 && called.selfCount == called.callCount)
    #expect(try self.profile(scratch, "--engine", "interpreter") == profile)
    let folded = try text(scratch, "--format", "folded")
    #expect(folded.split(separator: "\n").allSatisfy { $0.split(separator: ";").count <= 2 }, "\(folded)")
    let covered = try ["jit", "interpreter"].map { engine in
      try scratch.rrtool(
        "inspect", scratch.path("run.rr"), "coverage", "--engine", engine, "--format", "json"
      ).text
    }
    // All of the program but its idle jump, and the way there.
    let count = covered[0].firstMatch(of: /"covered_byte_count":(\d+)/).flatMap { Int($0.1) }
    #expect(covered[0] == covered[1] && (count ?? 0) >= 24, "\(covered[0])")
  }

  @Test func strangeWishesAreRefused() throws {
    let scratch = try recorded("hello", "--memory", "16M")
    for (words, told) in [
      (
        ["--format", "flame"], "--format flame: is no format; give table, json, ndjson or csv, or svg, folded"
      ),
      (["--hart", "7"], "--hart 7: is no hart of this machine"),
      (["--from", "9", "--to", "3"], "--from"),
      (["--symbols", scratch.path("none")], "none"),
    ] {
      let result = try scratch.rrtool(["inspect", scratch.path("run.rr"), "profile"] + words)
      #expect(result.status != 0 && result.errors.contains(told), "\(words): \(result.errors)")
    }
  }
}
