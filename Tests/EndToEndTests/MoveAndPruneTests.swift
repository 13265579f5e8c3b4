// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Recordings that are moved, copied, and removed when they are too many.
@Suite struct MoveAndPruneTests {
  private func makeFolder(_ scratch: Scratch, _ name: String) throws {
    try FileManager.default.createDirectory(atPath: scratch.path(name), withIntermediateDirectories: true)
  }

  private func names(_ scratch: Scratch, _ folder: String = "") throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.path(folder)).filter { $0 != "traces" }
      .sorted()
  }

  private func record(_ scratch: Scratch, _ name: String, _ options: String...) throws -> ProgramResult {
    let disk = scratch.path("images/disk.raw")
    if !FileManager.default.fileExists(atPath: disk) {
      try makeFolder(scratch, "images")
      _ = try scratch.disk("images/disk.raw", sectors: 4000)
    }
    let result = try scratch.rrtool(
      ["record", "-o", scratch.path(name), "--bios", Place.guest("diskcheck"), "--memory", "16M"] + options
        + ["--drive", "file=\(disk)"])
    try #require(result.status == 0, "\(result.errors)")
    return result
  }

  private func expectSame(_ scratch: Scratch, _ name: String, _ recorded: ProgramResult) throws {
    try scratch.expectReplay(name, equals: recorded)
    let verified = try scratch.rrtool("verify", scratch.path(name))
    #expect(verified.status == 0, "\(verified.errors)")
  }

  /// After the move, and after everything was moved together, the images are found.
  @Test func movedRecordingsFindTheirImages() throws {
    let scratch = try Scratch()
    let recorded = try record(scratch, "run.rr")
    try makeFolder(scratch, "archive/old")
    let moved = try scratch.rrtool("mv", scratch.path("run.rr"), scratch.path("archive/old/it.rr"))
    #expect(moved.status == 0, "\(moved.errors)")
    #expect(try names(scratch) == ["archive", "images"])
    try expectSame(scratch, "archive/old/it.rr", recorded)
    // Into a folder, under its own name.
    #expect(try scratch.rrtool("mv", scratch.path("archive/old/it.rr"), scratch.path("archive")).status == 0)
    try expectSame(scratch, "archive/it.rr", recorded)
    let both = scratch.path("both")
    try makeFolder(scratch, "both")
    for name in ["archive", "images"] {
      try FileManager.default.moveItem(atPath: scratch.path(name), toPath: both + "/" + name)
    }
    try expectSame(scratch, "both/archive/it.rr", recorded)
    // Its base is found there, and said to be there.
    #expect(try scratch.rrtool("mv", scratch.path("both/archive/it.rr"), scratch.path("last.rr")).status == 0)
    let manifest = try String(decoding: scratch.bytes("last.rr/recording.json"), as: UTF8.self)
    #expect(
      manifest.contains("\"both/images/disk.raw\"") == false && manifest.contains("../both/images/disk.raw"))
    try expectSame(scratch, "last.rr", recorded)
  }

  @Test func copiesStandForThemselves() throws {
    let scratch = try Scratch()
    let recorded = try record(scratch, "run.rr")
    let copied = try scratch.rrtool("cp", scratch.path("run.rr"), scratch.path("copy.rr"))
    #expect(copied.status == 0, "\(copied.errors)")
    try expectSame(scratch, "copy.rr", recorded)
    let before = try scratch.contents(below: "run.rr")
    #expect(
      try scratch.rrtool("snapshot", "create", "here", scratch.path("copy.rr"), "--at", "50%").status == 0)
    #expect(try scratch.contents(below: "run.rr") == before)
    // One whose files stand elsewhere, and one that has its images with it.
    let elsewhere = try record(scratch, "else.rr", "--icount", "rrfile=\(scratch.path("its.log"))")
    #expect(try scratch.rrtool("cp", scratch.path("else.rr"), scratch.path("whole.rr")).status == 0)
    try FileManager.default.removeItem(atPath: scratch.path("its.log"))
    try expectSame(scratch, "whole.rr", elsewhere)
    #expect(try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz")).status == 0)
    #expect(try scratch.rrtool("unpack", scratch.path("run.rrz"), "-o", scratch.path("own.rr")).status == 0)
    try FileManager.default.removeItem(atPath: scratch.path("images"))
    #expect(try scratch.rrtool("cp", scratch.path("own.rr"), scratch.path("own2.rr")).status == 0)
    #expect(try scratch.rrtool("mv", scratch.path("own.rr"), scratch.path("own3.rr")).status == 0)
    for name in ["own2.rr", "own3.rr"] { try expectSame(scratch, name, recorded) }
    #expect(try names(scratch, "own2.rr") == names(scratch, "own3.rr"))
  }

  /// Between two file systems a move is a copy.
  @Test(.enabled(if: FullDisk.isPossible, "needs the right to mount a file system of its own"))
  func movesToAnotherFileSystem() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "4M")
    let small = scratch.path("small")
    let script = "\"$1\" mv \"$2\" \"$0/it.rr\" && \"$1\" verify \"$0/it.rr\""
    let result = try scratch.run(
      FullDisk.command(
        mountedAt: small, ["sh", "-c", script, small, Place.tool.path, scratch.path("run.rr")]))
    #expect(result.status == 0 && result.text.contains("good"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
  }

  @Test func whatCannotBeMovedStays() throws {
    let scratch = try Scratch()
    _ = try record(scratch, "run.rr")
    _ = try record(scratch, "other.rr")
    let run = scratch.path("run.rr")
    let before = try scratch.contents(below: "run.rr")
    for verb in ["mv", "cp"] {
      for (target, problem) in [
        ("other.rr", "exists already"), ("none/it.rr", "is not a folder"),
        ("images/disk.raw", "exists already"),
      ] {
        let result = try scratch.rrtool(verb, run, scratch.path(target))
        #expect(result.status == 1 && result.errors.contains(problem), "\(verb) \(target): \(result.errors)")
        #expect(result.errors.split(separator: "\n").count == 1)
      }
    }
    #expect(try scratch.rrtool("mv", run, run + "/within.rr").status == 64)
    #expect(try scratch.contents(below: "run.rr") == before)
    #expect(try scratch.rrtool("mv", scratch.path("images"), scratch.path("x")).status == 1)
    #expect(try names(scratch) == ["images", "other.rr", "run.rr"])

    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("live.rr"), "--bios", Place.guest("echo"),
    ])
    try recorder.wait(for: "quit ends")
    for verb in ["mv", "cp"] {
      let result = try scratch.rrtool(verb, scratch.path("live.rr"), scratch.path("x.rr"))
      #expect(
        result.status == 1 && result.errors.contains("is being made by another rrtool"), "\(result.errors)")
    }
    try recorder.type("quit\r")
    _ = try recorder.waitForResult()
    #expect(try names(scratch) == ["images", "live.rr", "other.rr", "run.rr"])
  }

  /// In the default folder names are enough, and the latest recording stays the latest.
  @Test func namesInTheDefaultFolder() throws {
    let scratch = try Scratch()
    for _ in 0..<2 {
      #expect(try scratch.rrtool("record", "--bios", Place.guest("hello"), "--memory", "4M").status == 0)
    }
    #expect(try scratch.rrtool("mv", "hello.elf-1", "kept").status == 0)
    let listed = try scratch.rrtool("ls")
    #expect(listed.text.contains("* \(scratch.path("traces/kept.rr"))"), "\(listed.text)")
    #expect(try scratch.rrtool("replay").status == 0)
    #expect(try scratch.rrtool("cp", "kept", "again").status == 0)
    #expect(try scratch.rrtool("replay", "again").status == 0)
  }

  // MARK: prune

  @Test func theOldestGoFirst() throws {
    let scratch = try Scratch()
    for _ in 0..<6 {
      #expect(try scratch.rrtool("record", "--bios", Place.guest("hello"), "--memory", "4M").status == 0)
    }
    func left() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: scratch.path("traces")).filter {
        $0.hasSuffix(".rr")
      }
      .sorted()
    }
    let all = (0..<6).map { "hello.elf-\($0).rr" }
    let wouldBe = try scratch.rrtool("prune", "--keep", "4", "--dry-run")
    #expect(wouldBe.status == 0, "\(wouldBe.errors)")
    #expect(
      wouldBe.text.contains("would remove \(scratch.path("traces/hello.elf-0.rr"))  "), "\(wouldBe.text)")
    #expect(wouldBe.lines.last?.hasPrefix("2 recordings would be removed, ") == true)
    #expect(try left() == all)
    let removed = try scratch.rrtool("prune", "--keep", "4")
    #expect(
      removed.lines.last?.hasPrefix("2 recordings removed, ") == true, "\(removed.text)\(removed.errors)")
    #expect(try left() == Array(all[2...]))

    // One that is being made, or looked into, stays: the next ones go.
    let recorder = try scratch.start([Place.tool.path, "record", "--bios", Place.guest("echo")])
    try recorder.wait(for: "quit ends")
    let viewer = try scratch.start([Place.tool.path, "replay", "hello.elf-2", "--gdb", "tcp:0"])
    while try !viewer.errorsSoFar().contains("waiting for a debugger") { Thread.sleep(forTimeInterval: 0.01) }
    #expect(try scratch.rrtool("prune", "--keep", "0").status == 0)
    #expect(try left() == ["echo.elf-0.rr", "hello.elf-2.rr"])
    viewer.send(SIGINT)
    _ = try viewer.waitForResult()
    try recorder.type("quit\r")
    _ = try recorder.waitForResult()
    #expect(try scratch.rrtool("prune", "--max-size", "1G").status == 0)
    #expect(try left() == ["echo.elf-0.rr", "hello.elf-2.rr"])
    #expect(try scratch.rrtool("prune", "--max-size", "0").status == 0)
    #expect(try left() == [])
    #expect(try scratch.rrtool("prune").status == 64)
    #expect(try scratch.rrtool("prune", "--keep", "-1").status == 64)
  }

  // MARK: What killed ones leave

  /// Parts of packed recordings of processes that are no more are removed; those of living ones, and other people's files, stay.
  @Test func partsOfKilledPackingGo() throws {
    let scratch = try Scratch()
    _ = try record(scratch, "run.rr")
    let dead = try scratch.run(["sh", "-c", "echo $$"]).lines[0]
    func leave(_ folder: String) throws -> [String] {
      try makeFolder(scratch, folder)
      for name in ["old.rrz.\(dead).0.partial", "old.rrz.\(dead).1.base.partial", "odd.\(dead).0.partial"] {
        _ = try scratch.file(folder + "/" + name, [1, 2, 3])
      }
      let living = "new.rrz.\(ProcessInfo.processInfo.processIdentifier).0.partial"
      let others = ["core.\(dead).0.partial", "notes.rrz.partial", living, "x.rrz.0.0.partial"]
      for name in others { _ = try scratch.file(folder + "/" + name, [1, 2, 3]) }
      return others
    }
    var others = try leave("packs")
    let packed = scratch.path("packs/odd")
    #expect(try scratch.rrtool("pack", scratch.path("run.rr"), "-o", packed).status == 0)
    #expect(try names(scratch, "packs") == (others + ["odd"]).sorted())
    others = try leave("packs") + ["odd.\(dead).0.partial"]
    #expect(try scratch.rrtool("unpack", packed, "-o", scratch.path("there.rr")).status == 0)
    #expect(try names(scratch, "packs") == (others + ["odd"]).sorted())
    others = try leave("traces") + ["odd.\(dead).0.partial"]
    #expect(try scratch.rrtool("ls").status == 0)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: scratch.path("traces")).filter {
        $0 != "latest-trace"
      }
      .sorted() == others.sorted())
  }

  /// However a pack is killed, the next one leaves nothing but itself.
  @Test func killedPacks() throws {
    let scratch = try Scratch()
    _ = try record(scratch, "run.rr")
    try makeFolder(scratch, "packs")
    var random = SeededGenerator(seed: 21)
    for _ in 0..<10 {
      let program = try scratch.start([
        Place.tool.path, "pack", "--force", scratch.path("run.rr"), "-o", scratch.path("packs/run.rrz"),
      ])
      Thread.sleep(forTimeInterval: .random(in: 0...0.08, using: &random))
      program.send(SIGKILL)
      _ = try program.waitForResult()
    }
    #expect(
      try scratch.rrtool("pack", "--force", scratch.path("run.rr"), "-o", scratch.path("packs/run.rrz"))
        .status == 0)
    #expect(try names(scratch, "packs") == ["run.rrz"])
  }
}
