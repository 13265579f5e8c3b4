// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `rrtool trim` from outside: what it takes, what it refuses, and that nothing is left of what did not become anything.
@Suite struct TrimCommandTests {
  private func makeRecording(_ scratch: Scratch) throws -> ProgramResult {
    try scratch.record(
      "run.rr", "--bios", Place.guest("diskcheck"), "--memory", "16M", "--drive",
      "file=\(try scratch.disk("disk.raw", sectors: 4000))")
  }

  private func names(in scratch: Scratch) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).filter { $0 != "traces" }
      .sorted()
  }

  @Test func aPartIsARecordingLikeOthers() throws {
    let scratch = try Scratch()
    let recorded = try makeRecording(scratch)
    let (run, part) = (scratch.path("run.rr"), scratch.path("part.rr"))
    let trimmed = try scratch.rrtool("trim", run, "--from", "20%", "-o", part)
    #expect(trimmed.status == 0, "\(trimmed.errors)")
    #expect(trimmed.errors.hasPrefix("rrtool: trimmed \(part): position "))
    for name in ["run.rr", "disk.raw"] {
      try FileManager.default.moveItem(atPath: scratch.path(name), toPath: scratch.path(name + ".away"))
    }
    let replayed = try scratch.rrtool("replay", part)
    #expect(
      replayed.status == recorded.status && recorded.text.hasSuffix(replayed.text), "\(replayed.errors)")
    try scratch.expectSoundFiles("part.rr")
    for arguments in [
      ["inspect", part], ["inspect", part, "console"], ["inspect", part, "stats"],
      ["inspect", part, "chart"],
      ["inspect", part, "events", "--from", "50%"], ["snapshot", "list", part],
      ["snapshot", "create", "middle", part, "--at", "50%"], ["replay", part, "--from", "middle"],
      ["inspect", part, "last-write", "0x80001000,8"], ["verify", part],
      ["dump", part, "--at", "50%", "-o", scratch.path("core")],
      ["pack", part, "-o", scratch.path("part.rrz")],
      ["replay", scratch.path("part.rrz")],
      ["trim", scratch.path("part.rrz"), "--to", "middle", "-o", scratch.path("again.rr")],
      ["verify", scratch.path("again.rr")], ["rm", part],
    ] {
      let result = try scratch.rrtool(arguments)
      #expect(result.status == 0, "\(arguments): \(result.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: part))
  }

  @Test func whatCannotBeIsRefusedInALine() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    let (run, part) = (scratch.path("run.rr"), scratch.path("part.rr"))
    _ = try scratch.rrtool("trim", run, "--to", "10%", "-o", part)
    let before = try scratch.contents(below: "part.rr")
    for (arguments, status, problem) in [
      (["--from", "50%", "--to", "50%", "-o", "x.rr"], 64, "does not lie before --to"),
      (["--from", "end", "-o", "x.rr"], 64, "does not lie before --to"),
      (["--from", "1", "--to", "999999999", "-o", "x.rr"], 64, "lies beyond the recording"),
      (["--from", "nowhere", "-o", "x.rr"], 64, "neither a position nor the name of a snapshot"),
      (["-o", "x.rr"], 64, "nothing would be left out"),
      (["--from", "50%", "-o", part], 1, "part.rr: exists already"),
      (["--from", "50%", "-o", run, "--force"], 64, "is the recording itself"),
      (["--from", "50%", "-o", scratch.path("disk.raw"), "--force"], 1, "is not a recording"),
      (["--from", "50%", "-o", scratch.path("none/x.rr")], 1, "none: is not a folder"),
    ] as [([String], Int32, String)] {
      let result = try scratch.rrtool(["trim", run] + arguments)
      #expect(result.status == status && result.errors.contains(problem), "\(arguments): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
    #expect(try scratch.contents(below: "part.rr") == before)
    #expect(try names(in: scratch) == ["disk.raw", "part.rr", "run.rr"])
    #expect(!FileManager.default.fileExists(atPath: "x.rr"))
  }

  /// One that was made while the guest waited stands behind the start of its position; named as the end it is the end.
  @Test func theSnapshotAtTheEndIsInThePart() throws {
    let scratch = try Scratch()
    let (run, socket) = (scratch.path("run.rr"), scratch.path("monitor"))
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", run, "--bios", Place.guest("echo"), "--memory", "16M", "--qmp",
      "unix:\(socket)",
    ])
    try recorder.wait(for: "quit ends")
    try recorder.type("first\n")
    try recorder.wait(for: "FIRST")
    Thread.sleep(forTimeInterval: 0.2)
    let saved = try scratch.rrtool("monitor", socket, "savevm", "mine")
    #expect(saved.status == 0, "\(saved.errors)")
    Thread.sleep(forTimeInterval: 0.1)
    #expect(try scratch.rrtool("monitor", socket, "savevm", "later").status == 0)
    try recorder.type("second\nquit\n")
    #expect(try recorder.waitForResult().status == 0)
    let all = try scratch.summary(run).snapshots
    let place = try #require(all.first { $0.name == "mine" }).position
    #expect(all.first { $0.name == "later" }?.position == place, "no instruction came between")
    for (last, kept) in [
      ("mine", ["mine", "replay_init"]), ("later", ["later", "mine", "replay_init"]),
      ("\(place)", nil), ("\(place + 1)", ["later", "mine", "replay_init"]),
    ] as [(String, [String]?)] {
      let part = scratch.path("part.rr")
      let trimmed = try scratch.rrtool("trim", run, "--to", last, "-o", part, "--force")
      #expect(trimmed.status == 0, "\(trimmed.errors)")
      let names = try scratch.summary(part).snapshots.map(\.name).sorted()
      // A position is where its first snapshot is, or the last, or neither.
      #expect(kept.map { $0 == names } ?? true, "\(last): \(names)")
      let verified = try scratch.rrtool("verify", part)
      #expect(verified.status == 0, "\(last): \(verified.errors)")
      try scratch.expectSoundFiles("part.rr")
      for name in names {
        let replayed = try scratch.rrtool("replay", part, "--from", name)
        #expect(
          replayed.status == 0 && replayed.errors.contains("the same as recorded"),
          "\(last) from \(name): \(replayed.errors)")
      }
    }
  }

  @Test func oneThatIsBeingMadeIsNotTrimmed() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"),
    ])
    try program.wait(for: "quit ends")
    let result = try scratch.rrtool(
      "trim", scratch.path("run.rr"), "--from", "10", "-o", scratch.path("part.rr"))
    #expect(
      result.status == 1 && result.errors.contains("is being made by another rrtool"), "\(result.errors)")
    #expect(try names(in: scratch) == ["run.rr"])
    try program.type("quit\r")
    _ = try program.waitForResult()
  }

  /// A changed image is noticed, Ctrl-C leaves nothing, and what a killed one leaves the next one removes.
  @Test func nothingIsLeftBehind() throws {
    let scratch = try Scratch()
    try scratch.record(
      "run.rr", "--bios", Place.guest("churn"), "--memory", "64M", "--max-instructions", "300_000_000",
      "--drive",
      "file=\(try scratch.disk("disk.raw", sectors: 4000))", "--snapshot-every", "20_000_000")
    let arguments = ["trim", scratch.path("run.rr"), "--from", "5%", "-o", scratch.path("part.rr")]
    var random = SeededGenerator(seed: 4)
    for _ in 0..<12 {
      let program = try scratch.start([Place.tool.path] + arguments)
      Thread.sleep(forTimeInterval: .random(in: 0.02...0.25, using: &random))
      program.send(SIGINT)
      let ended = try program.waitForResult()
      if ended.status == 0 { try FileManager.default.removeItem(atPath: scratch.path("part.rr")) }
      #expect(try names(in: scratch) == ["disk.raw", "run.rr"], "\(ended.errors)")
    }
    for _ in 0..<8 {
      let program = try scratch.start([Place.tool.path] + arguments)
      Thread.sleep(forTimeInterval: .random(in: 0.02...0.2, using: &random))
      program.send(SIGKILL)
      _ = try program.waitForResult()
      try? FileManager.default.removeItem(atPath: scratch.path("part.rr"))
    }
    let trimmed = try scratch.rrtool(arguments)
    #expect(trimmed.status == 0, "\(trimmed.errors)")
    #expect(try names(in: scratch) == ["disk.raw", "part.rr", "run.rr"])
    #expect(try scratch.rrtool("verify", scratch.path("part.rr")).status == 0)
  }

  @Test func imagesThatChangedAreNotTaken() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    let file = try FileHandle(forWritingTo: URL(filePath: scratch.path("disk.raw")))
    try file.write(contentsOf: [UInt8](repeating: 9, count: 100_000))
    try file.close()
    let result = try scratch.rrtool(
      "trim", scratch.path("run.rr"), "--to", "50%", "-o", scratch.path("part.rr"))
    #expect(result.status == 1 && result.errors.contains("disk.raw: has changed since "), "\(result.errors)")
    #expect(try names(in: scratch) == ["disk.raw", "run.rr"])
  }

  @Test(.enabled(if: FullDisk.isPossible, "needs the right to mount a file system of its own"))
  func aFullDiskLeavesNothing() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    let small = scratch.path("small")
    let script = "\"$@\"; status=$?; ls -A \"$0\"; exit $status"
    let result = try scratch.run(
      FullDisk.command(
        mountedAt: small,
        [
          "sh", "-c", script, small, Place.tool.path, "trim", scratch.path("run.rr"), "--from", "50%", "-o",
          small + "/it.rr",
        ]))
    #expect(result.status == 1 && result.errors.contains("No space left on device"), "\(result.errors)")
    #expect(result.output.isEmpty, "\(result.text)")
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
  }
}
