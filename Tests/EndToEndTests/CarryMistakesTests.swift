// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What goes wrong when recordings are packed, moved and cut, told in one line that says what to do.
@Suite struct CarryMistakesTests {
  private func record(_ scratch: Scratch, _ name: String = "run.rr", _ guest: String = "diskcheck") throws {
    let disk = try scratch.disk("disk.raw", sectors: 4000)
    try scratch.record(
      name, "--bios", Place.guest(guest), "--memory", "16M", "--drive", "file=\(disk)")
  }

  private func expectRefusal(
    _ scratch: Scratch, _ arguments: [String], _ words: String..., status: Int32? = nil,
    not others: [String] = [],
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try scratch.rrtool(arguments, folder: scratch.path(""))
    #expect(
      status.map { $0 == result.status } ?? [1, 64].contains(result.status), "\(arguments): \(result.status)",
      sourceLocation: sourceLocation)
    #expect(
      result.errors.split(separator: "\n").count == 1, "\(arguments): \(result.errors)",
      sourceLocation: sourceLocation)
    for word in words {
      #expect(result.errors.contains(word), "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
    }
    for word in others {
      #expect(!result.errors.contains(word), "\(arguments): \(result.errors)", sourceLocation: sourceLocation)
    }
  }

  private func names(in scratch: Scratch) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).filter { $0 != "traces" }
      .sorted()
  }

  /// Packs a folder as rrtool does, whatever is in it.
  private func packByHand(_ scratch: Scratch, _ name: String, to packed: String) throws {
    let made = try scratch.run(
      ["tar", "--zstd", "--format=ustar", "-cf", packed, name], folder: scratch.path(""))
    try #require(made.status == 0, "\(made.errors)")
  }

  /// Garbage, nothing, another file, the log of another recording, and one that was cut.
  @Test func aLogThatIsNoneIsNeitherPackedNorUnpacked() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "4M")
    try record(scratch, "other.rr")
    let log = try scratch.bytes("run.rr/replay.log")
    let cases: [(String, [UInt8])] = [
      ("garbage", Array("no log at all, whatever it is called".utf8)), ("nothing", []),
      ("an image", try scratch.bytes("run.rr/vmstate.qcow2")),
      ("another's", try scratch.bytes("other.rr/replay.log")),
      ("cut", Array(log.dropLast(log.count / 2))),
    ]
    let before = try names(in: scratch) + ["bad.rrz"]
    for (what, bytes) in cases {
      _ = try scratch.file("run.rr/replay.log", bytes)
      try expectRefusal(scratch, ["pack", "run.rr"], "run.rr/replay.log: ", not: [".partial"])
      try packByHand(scratch, "run.rr", to: "bad.rrz")
      try expectRefusal(
        scratch, ["unpack", "bad.rrz", "-o", "bad.rr"], "bad.rrz", not: [".new", "restore it"])
      #expect(try names(in: scratch) == before.sorted(), "\(what)")
    }
    _ = try scratch.file("run.rr/replay.log", log)
    #expect(try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz")).status == 0)
  }

  /// One whose recorder was killed is packed as far as it goes.
  @Test func whatAKilledRecorderLeftIsPacked() throws {
    let scratch = try Scratch()
    let recorder = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("churn"), "--memory",
      "16M",
    ])
    let begun = Date()
    while !FileManager.default.fileExists(atPath: scratch.path("run.rr/recording.json")) {
      try #require(Date().timeIntervalSince(begun) < 60)
      usleep(10_000)
    }
    Thread.sleep(forTimeInterval: 0.3)
    _ = try recorder.killed()
    #expect(try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz")).status == 0)
    #expect(try scratch.rrtool("unpack", scratch.path("run.rrz"), "-o", scratch.path("there.rr")).status == 0)
  }

  /// A piece of an image that is not what was read: which file, which drive, where in it, and what to do.
  @Test func aDamagedPieceOfAnImageIsNamed() throws {
    let scratch = try Scratch()
    try record(scratch)
    #expect(try scratch.rrtool(["pack", "run.rr"], folder: scratch.path("")).status == 0)
    #expect(try scratch.rrtool(["unpack", "run.rrz", "-o", "good.rr"], folder: scratch.path("")).status == 0)
    let written = try scratch.run(
      ["qemu-io", "-f", "qcow2", "-c", "write -P 0x5a 0 64k", scratch.path("good.rr/base0.qcow2")])
    try #require(written.status == 0, "\(written.errors)")
    try packByHand(scratch, "good.rr", to: "bad.rrz")
    for arguments in [["unpack", "bad.rrz", "-o", "new.rr"], ["replay", "bad.rrz"]] {
      let result = try scratch.rrtool(arguments, folder: scratch.path(""))
      let line = result.errors.split(separator: "\n").last.map(String.init) ?? ""
      #expect(result.status == 1)
      #expect(
        line.hasPrefix("rrtool: bad.rrz (base0.qcow2): is damaged: at offset 0 of drive 0 "),
        "\(result.errors)")
      #expect(line.hasSuffix("; pack the recording again, or use another copy"), "\(result.errors)")
    }
    // The recording that it was unpacked to.
    try expectRefusal(
      scratch, ["replay", "good.rr"], "good.rr/base0.qcow2: is damaged: at offset 0 of drive 0",
      "; use another copy of the recording", status: 1)
  }

  @Test func whatStandsThereIsReplacedWithForceAlone() throws {
    let scratch = try Scratch()
    try record(scratch)
    _ = try scratch.file("taken", [1])
    try expectRefusal(scratch, ["pack", "run.rr", "-o", "taken"], "there is a file already", "--force")
    try expectRefusal(
      scratch, ["dump", "run.rr", "--at", "10", "-o", "taken"], "there is a file already", "--force")
    for verb in ["cp", "mv"] {
      try expectRefusal(
        scratch, [verb, "run.rr", "run.rr"], "run.rr: is the recording itself",
        not: ["-o", "--force", "remove"])
      try expectRefusal(scratch, [verb, "run.rr", "."], "run.rr: is the recording itself", not: ["--force"])
    }
  }

  @Test func whatIsNoRecordingIsSaidToBeNone() throws {
    let scratch = try Scratch()
    try record(scratch)
    for (name, bytes) in [("empty.rrz", []), ("text.rrz", Array("hello\n".utf8))] {
      _ = try scratch.file(name, bytes)
      for arguments in [["replay", name], ["verify", name], ["inspect", name], ["unpack", name]] {
        try expectRefusal(scratch, arguments, "\(name): is not a packed recording, or is damaged", status: 1)
      }
    }
    for arguments in [
      ["trim", "nope.rr", "-o", "x.rr"], ["trim", "nope.rr", "--from", "x y", "-o", "x.rr"],
    ] {
      try expectRefusal(scratch, arguments, "nope.rr: there is no such recording", status: 1)
    }
    try expectRefusal(
      scratch, ["pack", "run.rr", "--symbols", "missing"], "missing: there is no such file", not: ["restore"])
  }

  /// A folder is NAME.rr, and NAME.rrz one file.
  @Test func namesThatCannotBeAreRefused() throws {
    let scratch = try Scratch()
    try record(scratch)
    #expect(try scratch.rrtool(["pack", "run.rr"], folder: scratch.path("")).status == 0)
    let before = try names(in: scratch)
    let hello = ["--bios", Place.guest("hello")]
    for (commands, name, words) in [
      (
        [
          ["trim", "run.rr", "--to", "50%", "-o"], ["record"] + hello + ["-o"], ["unpack", "run.rrz", "-o"],
        ], "..", "no name"
      ),
      (
        [
          ["trim", "run.rr", "--to", "50%", "-o"], ["record"] + hello + ["-o"], ["unpack", "run.rrz", "-o"],
        ], ".", "no name"
      ),
      (
        [
          ["trim", "run.rr", "--to", "50%", "-o"], ["record"] + hello + ["-o"], ["unpack", "run.rrz", "-o"],
          ["pack", "run.rr", "-o"], ["mv", "run.rr"], ["cp", "run.rr"],
        ], "", "no name"
      ),
      (
        [
          ["trim", "run.rr", "--to", "50%", "-o"], ["record"] + hello + ["-o"], ["unpack", "run.rrz", "-o"],
          ["mv", "run.rr"], ["cp", "run.rr"],
        ], "x.rrz", "call it NAME.rr"
      ),
    ] as [([[String]], String, String)] {
      for command in commands { try expectRefusal(scratch, command + [name], words, status: 64) }
    }
    #expect(try names(in: scratch) == before)
  }

  @Test func aBaseThatIsGoneIsToldOnce() throws {
    let scratch = try Scratch()
    try record(scratch)
    try FileManager.default.removeItem(atPath: scratch.path("disk.raw"))
    for more in [[], ["--quick"]] {
      try expectRefusal(
        scratch, ["verify", "run.rr"] + more, "disk.raw: a base image of", " is gone", "--base OLD=NEW",
        status: 1)
    }
  }

  @Test func optionsOfFlashAreGivenOnce() throws {
    let scratch = try Scratch()
    _ = try scratch.file("flash", [UInt8](repeating: 0, count: 4096))
    let hello = ["run", "--bios", Place.guest("hello")]
    for text in ["flash,readonly=on,readonly=off", "file=flash,file=flash"] {
      try expectRefusal(
        scratch, hello + ["--pflash", text], "--pflash \(text): gives '", "' twice", status: 64)
    }
    try expectRefusal(
      scratch, hello + ["--pflash", "flash", "--pflash", "flash", "--pflash", "flash"], "both have a file",
      status: 64)
  }

  /// Whoever reads the log alone gets no images unpacked.
  @Test func theLogIsReadWithoutImages() throws {
    let scratch = try Scratch()
    try record(scratch)
    #expect(try scratch.rrtool(["pack", "run.rr"], folder: scratch.path("")).status == 0)
    let part = try scratch.rrtool(
      ["trim", "run.rr", "--from", "50%", "-o", "part.rr"], folder: scratch.path(""))
    #expect(part.status == 0, "\(part.errors)")
    #expect(try scratch.rrtool(["pack", "part.rr"], folder: scratch.path("")).status == 0)
    // So many bytes that a file of the images' size cannot be written.
    let limit = try scratch.bytes("run.rr/replay.log").count / 1024 + 8
    let limited = "set -o pipefail; (ulimit -f \(limit); exec \"$@\") | cat"
    let summary = try scratch.run(
      ["bash", "-c", limited, "bash", Place.tool.path, "inspect", "run.rrz"], folder: scratch.path(""))
    #expect(summary.status != 0, "it does need them")
    for view in [
      ["events"], ["console"], ["stats"], ["events", "--from", "50%"], ["console", "--timestamps"],
    ] {
      let arguments = ["inspect"] + view.prefix(1) + view.dropFirst()
      let whole = try scratch.rrtool(["inspect", "run.rr"] + view, folder: scratch.path(""))
      let packed = try scratch.run(
        ["bash", "-c", limited, "bash", Place.tool.path, "inspect", "run.rrz"] + view,
        folder: scratch.path(""))
      #expect(packed.status == 0 && packed.output == whole.output, "\(arguments): \(packed.errors)")
      let ofPart = try scratch.rrtool(["inspect", "part.rrz"] + view, folder: scratch.path(""))
      #expect(ofPart.status == 0, "\(arguments): \(ofPart.errors)")
    }
    let all = try scratch.rrtool(
      ["inspect", "run.rrz", "events", "--from", "replay_init"], folder: scratch.path(""))
    #expect(all.status == 0, "\(all.errors)")
  }
}
