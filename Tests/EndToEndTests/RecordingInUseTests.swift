// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Recordings that somebody is at work on: one that makes it, or one that looks into it.
@Suite struct RecordingInUseTests {
  /// What the recorder has made so far is checked and shown, and nobody says that it was killed.
  @Test func oneThatIsBeingMadeIsSaidToBe() throws {
    let scratch = try Scratch()
    let live = scratch.path("live.rr")
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", live, "--bios", Place.guest("echo"), "--memory", "16M", "--drive",
      "file=\(try scratch.disk("disk.raw", sectors: 100))",
    ])
    try recorder.wait(for: "quit ends")
    for arguments in [["verify", live], ["verify", live, "--quick"], ["inspect", live], ["replay", live]] {
      let result = try scratch.rrtool(arguments)
      #expect(result.status == 0, "\(arguments): \(result.errors)")
      let said = result.text + result.errors
      #expect(said.contains("being made"), "\(arguments): \(said)")
      #expect(!said.contains("killed"), "\(arguments): \(said)")
    }
    let json = try scratch.rrtool("verify", live, "--format", "json")
    #expect(
      json.text.contains("\"is_being_made\":true") && json.text.contains("\"is_good\":true"), "\(json.text)"
    )
    #expect(try scratch.rrtool("inspect", live, "--format", "json").text.contains("\"is_being_made\":true"))
    _ = try recorder.killed()
    for arguments in [["verify", live], ["inspect", live], ["replay", live]] {
      let result = try scratch.rrtool(arguments)
      #expect(
        (result.text + result.errors).contains("killed"), "\(arguments): \(result.text)\(result.errors)")
      #expect(!(result.text + result.errors).contains("being made"), "\(arguments)")
    }
  }

  /// Whoever replays it finds it where it was.
  @Test func oneThatIsLookedIntoStays() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "4M")
    let run = scratch.path("run.rr")
    let reader = try scratch.start([Place.tool.path, "replay", run, "--gdb", "unix:\(scratch.path("gdb"))"])
    let begun = Date()
    while !FileManager.default.fileExists(atPath: scratch.path("gdb")) {
      try #require(Date().timeIntervalSince(begun) < 60)
      usleep(10_000)
    }
    let before = try scratch.contents(below: "run.rr")
    for command in [["rm", run], ["mv", run, scratch.path("away.rr")]] {
      let result = try scratch.rrtool(command)
      #expect(result.status == 1, "\(command)")
      #expect(
        result.errors == "rrtool: \(run): is in use: another rrtool looks into it; end that one first\n",
        "\(result.errors)")
    }
    #expect(try scratch.contents(below: "run.rr") == before)
    #expect(try scratch.rrtool("verify", run).status == 0, "others may look too")
    #expect(try scratch.rrtool("cp", run, scratch.path("copy.rr")).status == 0)
    _ = try reader.killed()
    #expect(try scratch.rrtool("mv", run, scratch.path("away.rr")).status == 0)
    #expect(try scratch.rrtool("rm", scratch.path("away.rr")).status == 0)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("away.rr")))
  }
}
