// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `record --until-failure`: only a recording of a run that failed is kept.
@Suite struct UntilFailureTests {
  @Test func nothingIsKeptOfWhatDoesNotFail() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    for words in [["--until-failure=3"], ["--until-failure", "3"]] {
      let (program, told, _) = try scratch.result(
        ["record", "-o", run, "--bios", Place.guest("hello")] + words)
      #expect(program.status == 0 && told.end == "guest-exit", "\(program.errors)")
      #expect(
        program.lines.count == 3 && program.errors.contains("no round of 3 failed"), "\(program.errors)")
      #expect(told.round == 3 && told.recording == nil)
      #expect(!FileManager.default.fileExists(atPath: run))
    }
    // There is no latest one that is not there.
    let none = try scratch.rrtool("replay")
    #expect(none.errors.contains("there is no recording yet"), "\(none.errors)")
  }

  /// The bank's books do not balance in one run of ten or so.
  @Test func theFailingRunIsKept() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let (program, told, digests) = try scratch.result("record", "-o", run, "--until-failure")
    #expect(program.status == 1 && told.end == "guest-exit" && told.statusOf == "guest", "\(program.errors)")
    let round = try #require(told.round)
    #expect(program.text.components(separatedBy: "CORRUPTED").count == 2)
    #expect(program.errors.contains("round \(round) failed"), "\(program.errors)")
    #expect(told.consoleTail?.contains("CORRUPTED") == true && told.recording == run)
    let (replayed, again, states) = try scratch.result("replay")
    #expect(replayed.status == 1 && again.position == told.position && states == digests)
  }

  @Test(
    arguments: [
      ("status42", [], 42, "guest-exit"), ("counter", ["--max-instructions", "100K"], 124, "limit"),
      ("busy", ["--timeout", "300ms"], 124, "timeout"), ("hello", ["--stop-on", "status"], 5, "stop-on"),
    ] as [(String, [String], Int32, String)])
  func whatCountsAsAFailure(_ guest: String, _ options: [String], _ status: Int32, _ end: String) throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let (program, told, _) = try scratch.result(
      [
        "record", "-o", run, "--until-failure=4", "--bios",
        guest == "busy" ? scratch.busyProgram() : Place.guest(guest),
      ]
        + options)
    #expect(program.status == status && told.end == end && told.round == 1, "\(program.errors)")
    #expect(told.statusOf == (end == "guest-exit" ? "guest" : "rrtool"))
    #expect(try scratch.rrtool("verify").status == 0, "it is the latest")
  }

  /// What stands at the place goes when a run has failed, and not before.
  @Test func theOldOneStaysUntilARunFails() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    func record(_ words: String...) throws -> ProgramResult {
      try scratch.rrtool(["record", "-o", run, "--force"] + words)
    }
    #expect(try record("--bios", Place.guest("status42")).status == 42)
    let before = try scratch.contents(below: "run.rr")
    let fine = try record("--until-failure=2", "--bios", Place.guest("hello"))
    #expect(fine.status == 0 && fine.errors.contains("no round of 2 failed"), "\(fine.errors)")
    #expect(try scratch.contents(below: "run.rr") == before)
    #expect(try record("--until-failure=2", "--bios", scratch.path("none")).status == 1)
    #expect(try scratch.contents(below: "run.rr") == before)
    // An interrupted round is none that failed.
    let program = try scratch.start([
      Place.tool.path, "record", "-o", run, "--force", "--until-failure", "--bios", Place.guest("echo"),
    ])
    try program.wait(for: "quit ends")
    program.send(SIGINT)
    let ended = try program.waitForResult()
    #expect(ended.status == 130 && ended.errors.contains("\(run) stays"), "\(ended.errors)")
    // One that is killed leaves what the next one takes away.
    let killed = try scratch.start([
      Place.tool.path, "record", "-o", run, "--force", "--until-failure", "--bios", Place.guest("echo"),
    ])
    try killed.wait(for: "quit ends")
    _ = try killed.killed()
    #expect(try scratch.contents(below: "run.rr") == before)

    let failed = try record("--until-failure=2", "--bios", Place.guest("traps"), "--max-instructions", "1K")
    #expect(failed.status == 124 && failed.errors.contains("recorded \(run)"), "\(failed.errors)")
    #expect(try scratch.contents(below: "run.rr") != before)
    #expect(try scratch.rrtool("replay").errors.contains("1,000: the same as recorded"))
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(!names.contains { $0.hasPrefix(".") }, "\(names)")
    // Nothing else is replaced, and that is said before anything runs.
    _ = try scratch.file("text", "text".utf8)
    let other = try scratch.rrtool(
      "record", "-o", scratch.path("text"), "--force", "--until-failure", "--bios", Place.guest("hello"))
    #expect(
      other.status == 1 && other.text.isEmpty && other.errors.contains("is not a recording"),
      "\(other.errors)")
    #expect(!other.errors.contains("round"), "\(other.errors)")
  }

  @Test func theLostFail() throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--until-failure", "--bios", try scratch.program(0x0000_006f))
    #expect(result.status == 4 && result.errors.contains("round 1 failed"), "\(result.errors)")
  }

  /// Each round finds all of a file or pipe on standard input.
  @Test func everyRoundGetsTheInput() throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--until-failure=3", "--bios", Place.guest("echo")],
      input: "\none\ntwo\nquit\n")
    #expect(result.status == 0, "\(result.errors)")
    // The first byte may come before the guest has its serial port ready.
    for line in ["ONE", "TWO"] { #expect(result.lines.filter { $0 == line }.count == 3, "\(result.text)") }
    #expect(result.lines.filter { $0.hasSuffix(" lines") }.count == 3, "\(result.text)")
  }

  @Test func aSignalEndsAllRounds() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--until-failure", "--bios",
      Place.guest("echo"),
      "--result", scratch.path("r.json"),
    ])
    try program.type("\nquit\n")
    try program.wait(for: " bytes, ")
    Thread.sleep(forTimeInterval: 0.5)
    program.send(SIGTERM)
    let ended = try program.waitForResult()
    #expect(ended.status == 128 + SIGTERM, "\(ended.errors)")
    let told = try ResultDocument(try scratch.bytes("r.json")).result
    #expect(told.end == "interrupted" && (told.round ?? 0) > 0)
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).count <= 3)
  }

  @Test(arguments: [
    ["--until-failure=0"], ["--until-failure=x"], ["--until-failure", "--paused"],
    ["--until-failure", "--qmp", "unix:m"],
    ["--until-failure", "--icount", "rrfile=log"],
  ]) func whatCannotBeIsRefused(_ words: [String]) throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--bios", Place.guest("hello")] + words)
    #expect(result.status == 64 && result.text.isEmpty, "\(result.errors)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    let disk = try scratch.disk("disk.raw", sectors: 8)
    let written = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("hello"), "--until-failure", "--drive",
      "file=\(disk),overlay=\(scratch.path("o.qcow2"))")
    #expect(written.status == 64 && written.errors.contains("--until-failure"), "\(written.errors)")
  }
}
