// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Every JSON document that rrtool prints is as its schema in docs/formats says, and no member is missing there.
@Suite(
  .enabled(
    if: SchemaPackage.python != nil,
    "jsonschema is not installed: Scripts/set-up tests puts it into .scratch/python"))
struct SchemaTests {
  private static let script = Place.project.appending(path: "Tests/EndToEndTests/check_schema.py").path

  private func check(
    _ scratch: Scratch, _ document: String, _ schema: String, itemsOf array: String? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let python = try #require(SchemaPackage.python)
    let file = Place.project.appending(path: "docs/formats/\(schema).schema.json").path
    let result = try scratch.run(
      [python, Self.script, file] + (array.map { [$0] } ?? []), input: document)
    #expect(result.status == 0, "\(schema): \(result.text)\(result.errors)", sourceLocation: sourceLocation)
  }

  @Test func documentsAreAsTheirSchemas() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let recorded = try scratch.rrtool(
      "record", "-o", run, "--format", "json", "--drive", "file=\(try scratch.disk("disk.raw", sectors: 64))",
      "--bios", Place.guest("diskcheck"))
    try check(scratch, recorded.text, "result")
    #expect(try scratch.rrtool("snapshot", "create", "middle", run, "--at", "50%").status == 0)
    for (words, schema) in [
      (["replay", run], "result"), (["replay", run, "--to", "50%"], "result"), (["verify", run], "result"),
      (["verify", "--quick", run], "result"), (["run", "--bios", Place.guest("status42")], "result"),
      (["ls"], "recordings"), (["ls", scratch.folder.path], "recordings"),
      (["snapshot", "list", run], "snapshots"),
      (["snapshot", "show", "middle", run], "snapshot"), (["inspect", run], "summary"),
      (["inspect", run, "events"], "events"), (["inspect", run, "console"], "console"),
      (["inspect", run, "packets"], "packets"), (["inspect", run, "stats"], "stats"),
      (["inspect", run, "chart"], "chart"),
      (["inspect", run, "last-write", "0x80001000,8"], "last-write"),
      (["inspect", run, "last-write", "0x80100000,8"], "last-write"),
      (["inspect", run, "calls", "block_submit"], "calls"), (["inspect", run, "traps"], "traps"),
      (["inspect", run, "profile"], "profile"), (["inspect", run, "coverage"], "coverage"),
      (["inspect", run, "memory", "incoming,8"], "accesses"),
      (["inspect", run, "interrupts"], "interrupts"), (["inspect", run, "mmio"], "mmio"),
      (["inspect", run, "sbi"], "sbi"), (["inspect", run, "syscalls"], "syscalls"),
      (["inspect", run, "registers", "--at", "50%"], "registers"),
      (["inspect", run, "disassembly", "--at", "50%"], "disassembly"),
      (["inspect", run, "x", "0x80000000,40"], "memory"), (["inspect", run, "source"], "source"),
      (["inspect", run, "backtrace"], "backtrace"),
    ] {
      let result = try scratch.rrtool(words + ["--format", "json"])
      try check(scratch, result.text, schema)
    }
    for (view, array) in [("events", "events"), ("console", "console")] {
      let lines = try scratch.rrtool("inspect", run, view, "--format", "ndjson")
      try check(scratch, lines.text, view, itemsOf: array)
    }
    let list = try scratch.rrtool("ls", scratch.folder.path, "--format", "ndjson")
    try check(scratch, list.text, "recordings", itemsOf: "recordings")
  }

  /// What is told of places that have source lines.
  @Test func placesWithLinesAreAsTheirSchemas() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let recorded = try scratch.rrtool("record", "-o", run)
    try #require([0, 1].contains(recorded.status), "\(recorded.errors)")
    let symbols = ["--symbols", Place.guest("ledger").replacing(".elf", with: ".debug")]
    for (words, schema) in [
      (["calls", "print"], "calls"), (["traps"], "traps"), (["interrupts"], "interrupts"), (["mmio"], "mmio"),
      (["disassembly", "--address", "print"], "disassembly"), (["source", "--at", "50%"], "source"),
      (["last-write", "branches[0].balances"], "last-write"), (["backtrace", "--at", "50%"], "backtrace"),
      (["x", "branches[1]"], "memory"),
    ] {
      let result = try scratch.rrtool(["inspect", run] + words + symbols + ["--format", "json"])
      #expect(result.text.contains("\"line\":") || schema == "memory", "\(words)")
      try check(scratch, result.text, schema)
    }
  }

  /// Results of what went wrong, and of what came to no end.
  @Test func resultsOfAllEndsAreAsTheirSchema() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let counter = ["--bios", try scratch.busyProgram()]
    for words in [
      ["run", "--bios", scratch.path("none")], ["run", "--smp", "99"],
      ["record", "-o", run, "--max-instructions", "1K"] + counter,
      ["replay", run], ["run", "--timeout", "100ms"] + counter, ["replay", run, "--stop-on", "x"],
      ["verify", run, "--timeout", "1ms"],
      ["run", "--stop-on", "e"] + ["--bios", Place.guest("hello")],
      ["run", "--bios", try scratch.program(0x0000_006f)], ["verify", scratch.path("none.rr")],
      ["record", "--until-failure=2", "--force", "-o", run, "--bios", Place.guest("hello")],
      ["record", "--until-failure", "--force", "-o", run, "--bios", Place.guest("status42")],
    ] {
      try check(scratch, try scratch.rrtool(words + ["--format", "json"]).text, "result")
    }
    let file = scratch.path("debugged.json")
    _ = try scratch.rrtool("replay", run, "--debug", "--debugger", "true", "--result", file)
    try check(scratch, String(decoding: try scratch.bytes("debugged.json"), as: UTF8.self), "result")
    // What is no UTF-8 on the console.
    let bytes = try scratch.program(0x1000_02b7, 0x0ff0_0313, 0x0062_8023, 0x0000_006f)
    let result = try scratch.rrtool("run", "--bios", bytes, "--format", "json")
    #expect(result.text.contains("console_tail_base64\":\"/w==\""), "\(result.text)")
    try check(scratch, result.text, "result")
    let damaged = try scratch.file("traces-bad", [])
    try FileManager.default.removeItem(atPath: damaged)
    try FileManager.default.createDirectory(
      atPath: scratch.path("t/bad.rr"), withIntermediateDirectories: true)
    _ = try scratch.file("t/bad.rr/recording.json", "{}".utf8)
    let list = try scratch.rrtool("ls", scratch.path("t"), "--format", "json")
    #expect(list.text.contains("\"is_usable\":false") && list.status == 0, "\(list.text)\(list.errors)")
    try check(scratch, list.text, "recordings")
  }

  /// Each schema belongs to a command, and docs/formats/json.md leads to it.
  @Test func everySchemaIsListed() throws {
    let page = try Documentation("docs/formats/json.md")
    let folder = Place.project.appending(path: "docs/formats").path
    let schemas = try FileManager.default.contentsOfDirectory(atPath: folder).filter {
      $0.hasSuffix(".schema.json")
    }
    #expect(Set(schemas) == Set(page.links.map(\.file).filter { $0.hasSuffix(".schema.json") }))
  }
}

/// The Python with the package `jsonschema`, where there is one.
private enum SchemaPackage {
  static let python: String? = {
    let path = Place.project.appending(path: ".scratch/python/bin/python").path
    let look = try? runProgram([path, "-c", "import jsonschema"])
    return look?.status == 0 ? path : nil
  }()
}
