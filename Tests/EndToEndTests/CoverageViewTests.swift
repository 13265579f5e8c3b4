// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `rrtool inspect coverage`: what was executed, and how often, as other views list it and as a table by hand has it.
@Suite struct CoverageViewTests {
  private struct Coverage: Decodable, Equatable {
    struct Totals: Decodable, Equatable {
      var coveredByteCount: UInt64
      var unnamedByteCount: UInt64
      var functionCount: Int
      var coveredFunctionCount: Int
    }
    struct Function: Decodable, Equatable {
      var function: String
      var address: String
      var byteCount: UInt64
      var coveredByteCount: UInt64
      var entryCount: UInt64
    }
    var coverage: Totals
    var functions: [Function]

    subscript(name: String) -> Function? { functions.first { $0.function == name } }
  }

  private func coverage(_ scratch: Scratch, _ words: String...) throws -> Coverage {
    try scratch.report("run.rr", ["coverage"] + words)
  }

  @Test func functionsAreEnteredAsOftenAsTheyAreCalled() throws {
    let scratch = try Scratch()
    _ = try scratch.record("run.rr", "--bios", Place.guest("traps"))
    let coverage = try coverage(scratch)
    #expect(try self.coverage(scratch, "--engine", "interpreter") == coverage)
    for function in ["supervisor_trap", "supervisor_entry", "exception", "trap_handle", "print", "power_off"]
    {
      let calls = try scratch.rrtool(
        "inspect", scratch.path("run.rr"), "calls", function, "--format", "ndjson")
      #expect(UInt64(calls.lines.count) == coverage[function]?.entryCount, "\(function)")
    }
    // All of it, and nothing of what handles what never came.
    #expect(coverage["supervisor_entry"].map { $0.coveredByteCount == $0.byteCount } == true)
    #expect(coverage["timer_interrupt"]?.coveredByteCount == 0)
    #expect(
      coverage.coverage.coveredFunctionCount == coverage.functions.filter { $0.coveredByteCount > 0 }.count)
    let named = coverage.functions.reduce(0) { $0 + $1.coveredByteCount }
    #expect(named + coverage.coverage.unnamedByteCount == coverage.coverage.coveredByteCount)
  }

  /// Wherever a run is cut, both parts make the whole.
  @Test(arguments: ["traps", "smp"]) func stretchesAddUp(guest: String) throws {
    let scratch = try Scratch()
    _ = try scratch.record("run.rr", "--bios", Place.guest(guest), "--smp", guest == "smp" ? "3" : "1")
    let all = try coverage(scratch)
    let summary = try scratch.rrtool("inspect", scratch.path("run.rr"), "--format", "json").text
    let end = try #require(
      summary.firstMatch(of: /"end_position":(\d+)/).flatMap { UInt64($0.1) }, "\(summary)")
    let seed = UInt64.random(in: 0 ... .max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<8 {
      let cut = UInt64.random(in: 1..<end - 1, using: &random)
      let parts = [
        try coverage(scratch, "--to", "\(cut)"), try coverage(scratch, "--from", "\(cut + 1)"),
      ]
      for function in all.functions {
        let sum = parts.reduce(0) { $0 + ($1[function.function]?.entryCount ?? 0) }
        #expect(sum == function.entryCount, "\(function.function), cut at \(cut), seed \(seed)")
      }
    }
    let harts = try (0..<(guest == "smp" ? 3 : 1)).map { try coverage(scratch, "--hart", "\($0)") }
    for function in all.functions {
      let sum = harts.reduce(0) { $0 + ($1[function.function]?.entryCount ?? 0) }
      #expect(sum == function.entryCount, "\(function.function)")
    }
  }

  /// By hand: all but the last jump, which nobody reaches.
  @Test func blocksAreThoseThatWereExecuted() throws {
    let scratch = try Scratch()
    let program = try scratch.program(
      0x01c0_00ef, 0x0180_00ef, 0x0010_02b7, 0x0000_5337, 0x5553_0313, 0x0062_a023, 0x0000_006f, 0x0000_8067)
    _ = try scratch.record("run.rr", "--bios", program)
    let coverage = try coverage(scratch)
    #expect(coverage.coverage.coveredByteCount >= 28 && coverage.functions.isEmpty)
    let file = try scratch.rrtool("inspect", scratch.path("run.rr"), "coverage", "--format", "drcov")
    let marker = Array("BB Table: ".utf8)
    let start = try #require(file.output.indices.first { file.output[$0...].starts(with: marker) })
    let lineEnd = try #require(file.output[start...].firstIndex(of: 0x0a))
    let count = String(decoding: file.output[start..<lineEnd], as: UTF8.self).split(separator: " ")[2]
    let table = file.output[(lineEnd + 1)...]
    #expect(Int(count).map { table.count == 8 * $0 } == true)
    var executed = Set<UInt32>()
    for block in stride(from: table.startIndex, to: table.endIndex, by: 8) {
      let offset = (0..<4).reduce(UInt32(0)) { $0 | UInt32(table[block + $1]) << UInt32(8 * $1) }
      let size = UInt32(table[block + 4]) | UInt32(table[block + 5]) << 8
      for byte in offset..<(offset + size) where byte >= 0x8000_0000 { executed.insert(byte - 0x8000_0000) }
    }
    #expect(executed == Set(0..<24).union(28..<32))
    let header = String(decoding: file.output[..<start], as: UTF8.self)
    #expect(header.hasPrefix("DRCOV VERSION: 2\nDRCOV FLAVOR: rrtool\nModule Table: version 2, count 1\n"))
    #expect(header.contains("\n0, 0x0, 0xffffffff, 0x0, guest\n"))
  }

  /// By hand, for the ledger's functions that are called once for each thing that it counts itself; and lcov's own reader takes it.
  @Test func linesAreCounted() throws {
    let scratch = try Scratch()
    let recorded = try scratch.rrtool("record", "-o", scratch.path("run.rr"))
    try #require([0, 1].contains(recorded.status), "\(recorded.errors)")
    let symbols = Place.guest("ledger").replacing(".elf", with: ".debug")
    let result = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "coverage", "--format", "lcov", "--symbols", symbols)
    try #require(result.status == 0, "\(result.errors)")
    try Data(result.output).write(to: scratch.folder.appending(path: "run.info"))
    var counts: [String: [Int: UInt64]] = [:]
    var file = ""
    for line in result.lines {
      if line.hasPrefix("SF:") { file = String(line.dropFirst(3)) }
      guard line.hasPrefix("DA:") else { continue }
      let parts = line.dropFirst(3).split(separator: ",")
      counts[file, default: [:]][try #require(Int(parts[0]))] = UInt64(parts[1]) ?? 0
    }
    let ledger = try #require(counts.first { $0.key.hasSuffix("/ledger.c") }?.value)
    // Each call of a function that is not put into others executes the line where its code begins.
    for function in ["run_branch", "sleep_until", "print", "guest_main"] {
      let calls = try scratch.rrtool(
        "inspect", scratch.path("run.rr"), "calls", function, "--symbols", symbols, "--format", "ndjson")
      #expect(
        result.lines.contains("FNDA:\(calls.lines.count),\(function)"), "\(function): \(calls.lines.count)")
    }
    #expect(ledger.values.contains(0) && ledger.values.contains(1) && ledger.values.contains { $0 > 100 })
    let summary = try scratch.run(["lcov", "--summary", scratch.path("run.info")])
    let hit = counts.values.joined().filter { $0.value > 0 }.count
    let all = counts.values.joined().count
    #expect(
      summary.status == 0 && (summary.text + summary.errors).contains("(\(hit) of \(all) lines)"),
      "\(summary.text)\(summary.errors)")
  }

  @Test func linesWithoutDebuggingInformationAreRefused() throws {
    let scratch = try Scratch()
    _ = try scratch.record("run.rr", "--bios", Place.guest("traps"))
    let result = try scratch.rrtool("inspect", scratch.path("run.rr"), "coverage", "--format", "lcov")
    #expect(result.status == 64 && result.errors.contains("--format lcov: needs lines"), "\(result.errors)")
  }
}
