// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `--ring` and `--live`, as users type them.
@Suite struct LiveTests {
  // MARK: Rings

  /// Records a guest that never ends into a ring, until all that had happened before is given up. How many instructions
  /// that takes is a matter of the host, which writes snapshots meanwhile.
  ///
  /// - Parameter prepare: is called with the monitor before the guest runs.
  private func recordRing(
    _ scratch: Scratch, _ prepare: (MonitorSocket) throws -> Void = { _ in }
  ) throws -> ProgramResult {
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("churn"), "--memory",
      "16M",
      "--drive", "file=\(try scratch.disk("disk.raw", sectors: 64))", "--ring", "200K", "--snapshot-every",
      "2_000_000", "--paused", "--qmp", "unix:" + scratch.path("m.sock"),
    ])
    let monitor = try MonitorSocket(scratch.path("m.sock"))
    try monitor.negotiate()
    try prepare(monitor)
    #expect(try monitor.ask("cont") != nil)
    try program.wait(for: "churn: ")
    let replay = try #require(try monitor.ask("query-replay") as? [String: Any])
    let here = try #require((replay["icount"] as? NSNumber)?.uint64Value)
    try waitUntil("the ring begins behind position \(here)") {
      try #require(program.isRunning, "the recorder has ended")
      let manifest = try JSONSerialization.jsonObject(with: Data(scratch.bytes("run.rr/recording.json")))
      let name = try #require((manifest as? [String: Any])?["initialSnapshot"] as? String)
      // `auto-000000123456`, or `replay_init`.
      return UInt64(name.drop { !$0.isNumber }) ?? 0 > here
    }
    #expect(try monitor.ask("system_powerdown") != nil)
    let recorded = try program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    return recorded
  }

  @Test func aRingStartsInTheMiddleOfTheRun() throws {
    let scratch = try Scratch()
    let path = scratch.path("run.rr")
    let recorded = try recordRing(scratch)
    let summary = try scratch.summary(path)
    let start = try #require(summary.snapshots.map(\.position).min())
    #expect(start > 0, "nothing was given up")
    let replayed = try scratch.rrtool("replay", path)
    #expect(replayed.status == recorded.status, "\(replayed.errors)")
    #expect(replayed.errors.contains("the same as recorded"))
    #expect(replayed.output.count < recorded.output.count)
    #expect(recorded.output.suffix(replayed.output.count) == replayed.output[...])
    #expect(try scratch.rrtool("verify", path).status == 0)

    // `start` is where it begins now, and there is nothing before.
    let client = try DebugClient(scratch, replaying: "run.rr", "--to", "end")
    try client.seek("start")
    #expect(try client.position() == start)
    #expect(try client.resume("bs").fields["replaylog"] == "begin")
    let before = try scratch.rrtool("replay", path, "--to", "\(start - 1)")
    #expect(before.status == 64 && before.errors.contains("lies before"), "\(before.errors)")
    for name in [".rr/vmstate.qcow2", ".rr/disk0.qcow2"] {
      #expect(try scratch.snapshots(of: scratch.path("run" + name)).values.contains(start))
    }
    try scratch.expectSoundFiles("run.rr")
  }

  /// A snapshot of one's own goes with the part of the run that it is of, and that is said.
  @Test func whatARingGivesUpIsTold() throws {
    let scratch = try Scratch()
    let recorded = try recordRing(scratch) { monitor in
      let answer = try monitor.ask("human-monitor-command", #"{"command-line": "savevm mine"}"#)
      #expect(answer as? String == "")
    }
    #expect(recorded.errors.contains("snapshot mine is gone"), "\(recorded.errors)")
    #expect(try !scratch.summary(scratch.path("run.rr")).snapshots.contains { $0.name == "mine" })
    #expect(try scratch.rrtool("replay", scratch.path("run.rr")).errors.contains("the same as recorded"))
    try scratch.expectSoundFiles("run.rr")
  }

  @Test func ringsThatCannotBe() throws {
    let scratch = try Scratch()
    for options in [
      ["--ring", "0"], ["--ring", "much"], ["--ring", "1M", "--snapshot-every", "off"],
      ["--ring", "1M", "--icount", "rrsnapshot=begin"],
    ] {
      let result = try scratch.rrtool(["record", "-o", scratch.path("run.rr")] + options)
      #expect(result.status == 64 && result.errors.contains("--ring"), "\(options): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
  }

  // MARK: Going live

  /// Left behind its first line, the guest gets other lines than those that were recorded; what follows replays alone.
  @Test func whatIsTypedInABranchIsNewInput() throws {
    let scratch = try Scratch()
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"), "--memory",
      "16M",
    ])
    try recorder.wait(for: "type lines")
    try recorder.type("first\n")
    try recorder.wait(for: "FIRST")
    try recorder.type("second\nquit\n")
    let recorded = try recorder.waitForResult()
    #expect(recorded.status == 0 && recorded.lines.contains("SECOND"), "\(recorded.errors)")
    // Where it answers the first line, and has not been given the second.
    let events = try scratch.rrtool(
      "inspect", scratch.path("run.rr"), "events", "--kind", "console-output"
    ).lines
    let answer = try #require(events.first { $0.contains("FIRST") }?.split(separator: " ").first)
    let place = "event:\(answer)"
    let created = try scratch.rrtool("snapshot", "create", "there", scratch.path("run.rr"), "--at", place)
    #expect(created.status == 0, "\(created.errors)")

    for options in [["--to", place], ["--from", "there"], ["--from", "there", "--to", "+10"]] {
      let branch = scratch.path("branch.rr")
      let live = try scratch.rrtool(
        ["replay", scratch.path("run.rr"), "--live", "-o", branch, "--force"] + options,
        input: "other\nquit\n")
      #expect(live.status == 0 && live.errors.contains("live from position"), "\(options): \(live.errors)")
      #expect(live.text.contains("OTHER") && !live.text.contains("SECOND"), "\(options): \(live.text)")
      try scratch.expectReplay("branch.rr", equals: live)
    }
    // Without -o nothing is recorded, and the recording is as it was.
    let live = try scratch.rrtool(
      "replay", scratch.path("run.rr"), "--to", place, "--live", input: "more\nquit\n")
    #expect(live.status == 0 && live.text.contains("MORE"), "\(live.errors)\(live.text)")
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  @Test func placesThatCannotBeLeft() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for (options, status, what) in [
      (["--live"], Int32(64), "--from or --to"), (["--live", "--to", "end"], 64, "over"),
      (["--live", "--debug", "--to", "50%"], 64, "debugger"), (["-o", "branch.rr"], 64, "--live"),
      (["--live", "--from", "nowhere"], 1, "nowhere"),
      (["--live", "--to", "50%", "-o", scratch.path("run.rr")], 64, "run.rr"),
    ] {
      let result = try scratch.rrtool(["replay", scratch.path("run.rr")] + options)
      #expect(result.status == status, "\(options): \(result.errors)")
      #expect(result.errors.contains(what), "\(options): \(result.errors)")
    }
  }
}
