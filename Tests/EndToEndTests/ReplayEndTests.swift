// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What ends a replay and a check before the recording does.
@Suite struct ReplayEndTests {
  /// A recording of two harts that talk, and what they said.
  private func recording(_ scratch: Scratch, _ words: String...) throws -> (path: String, text: String) {
    let run = scratch.path("run.rr")
    let result = try scratch.rrtool(
      ["record", "-o", run, "--bios", Place.guest("smp"), "--smp", "2", "--rng-seed", "off"] + words)
    #expect(result.status == 0, "\(result.errors)")
    return (run, result.text)
  }

  /// The place is the same as that of a run that was stopped by the same expression.
  @Test func theConsoleStopsAReplay() throws {
    let scratch = try Scratch()
    let (run, text) = try recording(scratch)
    let word = String(try #require(text.split(separator: "\n").first { $0.count > 8 }).dropFirst(2).prefix(5))
    let pattern = NSRegularExpression.escapedPattern(for: word)
    let plain = try scratch.result(
      "run", "--bios", Place.guest("smp"), "--smp", "2", "--rng-seed", "off", "--stop-on", pattern)
    #expect(plain.told.end == "stop-on")
    for engine in ["interpreter", "auto"] {
      let (replayed, told, digests) = try scratch.result(
        "replay", run, "--engine", engine, "--stop-on", pattern)
      #expect(replayed.status == 0 && told.end == "stop-on" && told.isSame == true, "\(replayed.errors)")
      #expect(replayed.errors.contains("the console said what was waited for"), "\(replayed.errors)")
      #expect(replayed.text == plain.program.text && told.position == plain.told.position)
      #expect(digests == plain.digests)
    }
    // A position that comes first counts, and what never comes ends nothing.
    let early = try scratch.result("replay", run, "--to", "10", "--stop-on", pattern)
    #expect(early.told.end == "position" && early.told.position == 10)
    let never = try scratch.result("replay", run, "--stop-on", "^no such line$")
    #expect(never.told.end == "guest-exit", "\(never.program.errors)")
    // Where the recording itself was ended by it.
    _ = try recording(scratch, "--force", "--stop-on", pattern)
    let again = try scratch.result("replay", run, "--stop-on", pattern)
    #expect(again.program.status == 0 && again.told.position == plain.told.position)
  }

  @Test func aRunThatGoesOnLiveIsStoppedToo() throws {
    let scratch = try Scratch()
    let (run, _) = try recording(scratch)
    let (program, told, _) = try scratch.result(
      "replay", run, "--to", "100", "--live", "--stop-on", "smp: ")
    #expect(program.status == 0 && told.end == "stop-on", "\(program.errors)")
  }

  @Test func timeIsUpForACheck() throws {
    let scratch = try Scratch()
    try scratch.record(
      "run.rr", "--bios", scratch.busyProgram(), "--max-instructions", "3_000_000_000")
    let run = scratch.path("run.rr")
    let (program, told, _) = try scratch.result("verify", run, "--timeout", "200ms")
    #expect(program.status == 124 && told.end == "timeout" && told.statusOf == "rrtool", "\(program.errors)")
    #expect(program.errors.contains("its time was up"), "\(program.errors)")
    #expect((told.position ?? .max) < 3_000_000_000 && told.isSame == nil)
    let json = try scratch.rrtool("verify", run, "--timeout", "200ms", "--format", "json")
    #expect(json.text.contains("\"is_good\":false"), "\(json.text)")
    let whole = try scratch.result("verify", run, "--timeout", "10m")
    #expect(whole.program.status == 0 && whole.told.end == "good", "\(whole.program.errors)")
  }

  @Test func aDebuggerLeavesAResult() throws {
    let scratch = try Scratch()
    let (run, _) = try recording(scratch)
    let file = scratch.path("result.json")
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "1000", "--result", file)
    try client.seek("5000")
    #expect(try client.detach().status == 0)
    let told = try ResultDocument(try scratch.bytes("result.json")).result
    #expect(told.end == "debugger" && told.statusOf == "rrtool" && told.exitStatus == 0)
    #expect(told.position == 5000 && told.recordedEnd == "guest-exit" && told.recording == run)
    #expect(told.message?.contains("left by the debugger at position 5,000") == true)
    // One of our own, and one that fails.
    for (program, status) in [("true", Int32(0)), ("false", 1)] {
      let (debugged, told, _) = try scratch.result(
        "replay", run, "--debug", "--debugger", program, "--to", "1000")
      #expect(debugged.status == status && told.end == "debugger", "\(debugged.errors)")
    }
    let missing = try scratch.result("replay", run, "--debug", "--debugger", "no-such-program")
    #expect(missing.program.status == 1 && missing.told.end == "failure", "\(missing.program.errors)")
    for words in [
      ["--debug", "--format", "json"], ["--debug", "--result", "-"], ["--gdb", "stdio", "--result", "-"],
    ] {
      let refused = try scratch.rrtool(["replay", run, "--debugger", "true"] + words)
      #expect(
        refused.status == 64 && refused.errors.contains("standard output is the debugger's"),
        "\(refused.errors)")
    }
    for option in ["--timeout=1s", "--stop-on=x"] {
      let refused = try scratch.rrtool("replay", run, "--gdb", "tcp:0", option)
      #expect(refused.status == 64 && refused.errors.contains("does not go with a debugger"))
    }
  }

  /// A debugger that was there does not change what a run came to.
  @Test(arguments: ["record", "run"]) func aRunWithADebuggerLeavesAResult(_ verb: String) throws {
    let scratch = try Scratch()
    let socket = scratch.path("gdb.sock")
    let program = try scratch.start(
      [
        Place.tool.path, verb, "--bios", Place.guest("hello"), "--gdb", "unix:\(socket)", "--paused",
        "--result", scratch.path("r.json"),
      ] + (verb == "record" ? ["-o", scratch.path("run.rr")] : []))
    let client = try DebugClient(to: socket, of: program)
    try client.leave()
    #expect(try program.waitForResult().status == 0)
    let told = try ResultDocument(try scratch.bytes("r.json")).result
    #expect(told.end == "guest-exit" && told.statusOf == "guest" && told.position != nil)
  }
}
