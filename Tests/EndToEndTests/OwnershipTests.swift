// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A recording belongs to its recorder while it is made; nobody loses one, and rrtool touches nobody else's files.
@Suite struct OwnershipTests {
  /// Runs a shell's line with the tool as `$0` and `arguments` behind it.
  private func shell(_ scratch: Scratch, _ line: String, _ arguments: String...) throws -> ProgramResult {
    try scratch.run(["sh", "-c", line, Place.tool.path] + arguments)
  }

  private func expectGood(_ scratch: Scratch, _ name: String) throws {
    let verified = try scratch.rrtool("verify", scratch.path(name))
    #expect(verified.status == 0, "\(verified.errors)")
  }

  /// What is closed is opened before any file is: none of them becomes the console.
  @Test(arguments: ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"]) func closedDescriptors(closing: String) throws {
    let scratch = try Scratch()
    let result = try shell(
      scratch, "\"$0\" record -o \"$1\" --bios \"$2\" --memory 16M \(closing)", scratch.path("run.rr"),
      Place.guest("hello"))
    #expect(result.status == 0)
    try expectGood(scratch, "run.rr")
    try scratch.expectSoundFiles("run.rr")
  }

  @Test func aRecordingThatIsBeingMadeStays() throws {
    let scratch = try Scratch()
    let path = scratch.path("run.rr")
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", path, "--bios", Place.guest("echo"), "--memory", "16M",
    ])
    try recorder.wait(for: "type lines")
    for command in [["rm", path], ["record", "--force", "-o", path]] {
      let refused = try scratch.rrtool(command)
      #expect(refused.status == 1 && refused.errors.contains("run.rr: is being made"), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1)
    }
    // Whoever moves it away keeps it: the recorder writes nothing into what stands there then.
    try FileManager.default.moveItem(atPath: path, toPath: scratch.path("moved.rr"))
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let other = try scratch.contents(below: "run.rr")
    try recorder.type("hello\nquit\n")
    #expect(try recorder.waitForResult().status == 0)
    #expect(try scratch.contents(below: "run.rr") == other)
    try expectGood(scratch, "run.rr")
    let moved = try scratch.rrtool("replay", scratch.path("moved.rr"))
    #expect(moved.status == 0 && moved.text.contains("HELLO"), "\(moved.errors)")
    #expect(try scratch.rrtool("inspect", scratch.path("moved.rr")).text.contains("complete"))
    #expect(try scratch.rrtool("rm", path).status == 0)
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// However early it is killed, the old one or the new one is there; and what it leaves is cleaned up by the next.
  @Test func forceGivesUpTheOldOneForAGoodOneOnly() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    var random = SeededGenerator(seed: 11)
    for round in 0..<16 {
      let recorder = try scratch.start([
        Place.tool.path, "record", "--force", "-o", scratch.path("run.rr"), "--bios", Place.guest("churn"),
        "--memory",
        "64M",
      ])
      Thread.sleep(forTimeInterval: .random(in: 0...0.12, using: &random))
      _ = try recorder.killed()
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
      #expect(replayed.status == 0, "round \(round): \(replayed.errors)")
    }
    try scratch.record("run.rr", "--force", "--bios", Place.guest("hello"), "--memory", "16M")
    try expectGood(scratch, "run.rr")
    let names = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path)
    #expect(names.filter { $0.hasPrefix(".") } == [], "left over")
  }

  @Test func foldersOfOthersStay() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    try FileManager.default.createDirectory(
      atPath: scratch.path("run.rr/cores"), withIntermediateDirectories: false)
    let before = try scratch.contents(below: "run.rr")
    let path = scratch.path("run.rr")
    for command in [["rm", path], ["record", "--force", "-o", path]] {
      let refused = try scratch.rrtool(command)
      #expect(refused.status == 1 && refused.errors.contains("'cores'"), "\(refused.errors)")
    }
    #expect(try scratch.contents(below: "run.rr") == before)
    try expectGood(scratch, "run.rr")
    // Half of it is gone already, as when removing it was cut short.
    try FileManager.default.removeItem(atPath: scratch.path("run.rr/cores"))
    try FileManager.default.removeItem(atPath: scratch.path("run.rr/vmstate.qcow2"))
    let removed = try scratch.rrtool("rm", path)
    #expect(removed.status == 0, "\(removed.errors)")
    #expect(!FileManager.default.fileExists(atPath: path))
  }

  /// A link in a recording, or its manifest, may name any image of the user's.
  @Test func imagesElsewhereAreNotWritten() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 512)
    try scratch.record(
      "run.rr", "--bios", Place.guest("diskcheck"), "--memory", "16M", "--drive", "file=\(disk)")
    let path = scratch.path("run.rr")
    #expect(try scratch.rrtool("snapshot", "create", "there", path, "--at", "50%").status == 0)
    for image in ["vmstate.qcow2", "disk0.qcow2"] {
      let (inside, outside) = (scratch.path("run.rr/" + image), scratch.path("precious.qcow2"))
      try FileManager.default.moveItem(atPath: inside, toPath: outside)
      try FileManager.default.createSymbolicLink(atPath: inside, withDestinationPath: outside)
      let before = try scratch.bytes("precious.qcow2")
      for command in [["create", "new", path, "--at", "10"], ["delete", "there", path]] {
        let refused = try scratch.rrtool(["snapshot"] + command)
        #expect(refused.status == 1 && refused.errors.contains("is a link"), "\(refused.errors)")
      }
      #expect(try scratch.bytes("precious.qcow2") == before)
      try FileManager.default.removeItem(atPath: inside)
      try FileManager.default.moveItem(atPath: outside, toPath: inside)
    }
    let other = try shell(
      scratch,
      "qemu-img create -q -f qcow2 \"$1\" 256K && qemu-img snapshot -c there \"$1\"",
      scratch.path("precious.qcow2"))
    try #require(other.status == 0, "\(other.errors)")
    let manifest = String(decoding: try scratch.bytes("run.rr/recording.json"), as: UTF8.self)
    _ = try scratch.file(
      "run.rr/recording.json",
      manifest.replacing("\"disk0.qcow2\"", with: "\"\(scratch.path("precious.qcow2"))\"").utf8)
    let before = try scratch.bytes("precious.qcow2")
    let refused = try scratch.rrtool("snapshot", "delete", "there", path)
    #expect(refused.status == 1 && refused.errors.contains("does not have its start"), "\(refused.errors)")
    #expect(try scratch.bytes("precious.qcow2") == before)
  }
}
