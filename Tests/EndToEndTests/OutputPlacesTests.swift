// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Nothing is written where a recording, or an image that it needs, would be lost; with --force neither.
@Suite struct OutputPlacesTests {
  private func record(_ scratch: Scratch) throws -> String {
    let disk = try scratch.disk("disk.raw", sectors: 4000)
    let recorded = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("diskcheck"), "--memory", "16M",
      "--drive",
      "file=\(disk)")
    try #require(recorded.status == 0, "\(recorded.errors)")
    return scratch.path("run.rr")
  }

  @Test func whatARecordingNeedsIsNotReplaced() throws {
    let scratch = try Scratch()
    let run = try record(scratch)
    try scratch.record("other.rr", "--bios", Place.guest("hello"), "--memory", "4M")
    let (own, others) = (try scratch.contents(below: "run.rr"), try scratch.contents(below: "other.rr"))
    let image = try scratch.bytes("disk.raw")
    for target in [
      run + "/replay.log", run + "/new", scratch.path("other.rr/replay.log"), scratch.path("disk.raw"),
    ] {
      for command in [
        ["pack", run, "-o", target, "--force"], ["dump", run, "--at", "5", "-o", target, "--force"],
      ] {
        let result = try scratch.rrtool(command)
        #expect(result.status == 64, "\(command): \(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      }
    }
    let within = scratch.path("other.rr/in.rr")
    for command in [
      ["cp", run, within], ["mv", run, within], ["trim", run, "--to", "50%", "-o", within, "--force"],
      ["record", "-o", within, "--force", "--bios", Place.guest("hello")],
    ] {
      let result = try scratch.rrtool(command)
      #expect(result.status == 64 && result.errors.contains("lies in the recording"), "\(result.errors)")
    }
    #expect(try scratch.contents(below: "run.rr") == own)
    #expect(try scratch.contents(below: "other.rr") == others)
    #expect(try scratch.bytes("disk.raw") == image)
  }

  @Test func aDumpedTreeReplacesNothing() throws {
    let scratch = try Scratch()
    let tree = scratch.path("tree.dtb")
    let command = ["run", "--bios", Place.guest("hello"), "--dump-dtb", tree]
    #expect(try scratch.rrtool(command).status == 0)
    let before = try scratch.bytes("tree.dtb")
    let again = try scratch.rrtool(command)
    #expect(again.status == 1 && again.errors.contains("exists already"), "\(again.errors)")
    #expect(try scratch.bytes("tree.dtb") == before)
  }

  /// The recorder would write its own manifest over the new one, or find its own gone.
  @Test func aRecordingThatIsBeingMadeIsNotRebased() throws {
    let scratch = try Scratch()
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("live.rr"), "--bios", Place.guest("echo"),
    ])
    try recorder.wait(for: "quit ends")
    let result = try scratch.rrtool("rebase", scratch.path("live.rr"))
    #expect(
      result.status == 1 && result.errors.contains("is being made by another rrtool"), "\(result.errors)")
    try recorder.type("quit\r")
    #expect(try recorder.waitForResult().status == 0)
    #expect(try scratch.rrtool("rebase", scratch.path("live.rr")).status == 0)
  }

  /// `.` is a folder, not a name in the default one.
  @Test func movesOutOfTheDefaultFolder() throws {
    let scratch = try Scratch()
    for _ in 0..<2 { _ = try scratch.rrtool("record", "--bios", Place.guest("hello"), "--memory", "4M") }
    let result = try scratch.run(
      [
        "sh", "-c", "cd \"$1\" && \"$0\" mv hello.elf-0 . && \"$0\" cp hello.elf-1 .", Place.tool.path,
        scratch.path(""),
      ])
    #expect(result.status == 0, "\(result.errors)")
    for name in ["hello.elf-0.rr", "hello.elf-1.rr"] {
      #expect(try scratch.rrtool("verify", scratch.path(name)).status == 0)
    }
  }

  /// One that cannot go does not keep the others.
  @Test func pruningGoesOn() throws {
    let scratch = try Scratch()
    for _ in 0..<3 { _ = try scratch.rrtool("record", "--bios", Place.guest("hello"), "--memory", "4M") }
    try Data("mine".utf8).write(to: URL(filePath: scratch.path("traces/hello.elf-0.rr/mine.txt")))
    let result = try scratch.rrtool("prune", "--keep", "0")
    #expect(result.status == 1 && result.errors.contains("mine.txt"), "\(result.errors)")
    #expect(result.text.contains("2 recordings removed"), "\(result.text)")
    let left = try FileManager.default.contentsOfDirectory(atPath: scratch.path("traces"))
    #expect(left.filter { $0.hasSuffix(".rr") } == ["hello.elf-0.rr"])
  }
}
