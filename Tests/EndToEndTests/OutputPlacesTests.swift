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
        ["inspect", run, "pcap", "-o", target, "--force"],
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

  /// What is written is none of what is read, and nothing else that is written: by its name, another name of it, or one that is not there yet.
  @Test func noOutputIsAnInputOrAnotherOutput() throws {
    let scratch = try Scratch()
    for name in ["a.elf", "b.elf", "c.new"] {
      _ = try scratch.run(["cp", Place.guest("hello"), scratch.path(name)])
    }
    for name in ["initrd", "flash", "tree.dtb"] { _ = try scratch.file(name, [1, 2, 3]) }
    let disk = try scratch.disk("disk.raw", sectors: 8)
    for command in [
      ["ln", "-s", "a.elf", scratch.path("soft")], ["ln", scratch.path("a.elf"), scratch.path("hard")],
      ["mkdir", scratch.path("new")],
      ["qemu-img", "create", "-q", "-f", "qcow2", "-b", disk, "-F", "raw", scratch.path("top.qcow2")],
    ] {
      #expect(try scratch.run(command).status == 0, "\(command)")
    }
    try scratch.record("run.rr", "--bios", Place.guest("hello"), "--memory", "16M", "--drive", "file=\(disk)")
    try #require(
      try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz")).status == 0)
    let before = try scratch.contents(below: "")
    let (run, record) = (["run", "--bios", "a.elf"], ["record", "--bios", "a.elf"])
    for (words, why) in [
      (run + ["--result", "a.elf"], "--result a.elf: would replace what --bios needs"),
      (["run", "--bios", "c.new", "--result", "c"], "--result c.new: would replace what --bios needs"),
      (run + ["--result", "soft"], "--bios"), (run + ["--result", "./new/../hard"], "--bios"),
      (run + ["--serial", "file:a.elf"], "--serial file:a.elf: would replace what --bios needs"),
      (["run", "--kernel", "b.elf", "--initrd", "initrd", "--result", "initrd"], "--initrd"),
      (["run", "--kernel", "b.elf", "--dtb", "tree.dtb", "--result", "tree.dtb"], "--dtb"),
      (["run", "--kernel", "b.elf", "--result", "b.elf"], "--kernel"),
      (run + ["--pflash", "flash", "--result", "flash"], "--pflash"),
      (run + ["--drive", "file=disk.raw", "--result", "disk.raw"], "--drive"),
      (run + ["--drive", "file=top.qcow2", "--result", "disk.raw"], "--drive"),
      (run + ["--drive", "file=disk.raw", "--serial", "file:disk.raw"], "--drive"),
      (run + ["--result", "x", "--serial", "file:x"], "--result x: is where --serial writes as well"),
      (run + ["--result", "./x", "--serial", "file:new/../x"], "is where --serial writes as well"),
      (run + ["--dump-dtb", "x", "--result", "x"], "is where --dump-dtb writes as well"),
      (record + ["-o", "x.rr", "--result", "x.rr"], "is where -o writes as well"),
      (record + ["-o", "x.rr", "--result", "x.rr/replay.log"], "is where -o writes as well"),
      (record + ["-o", "x.rr", "--icount", "rrfile=x.log", "--result", "x.log"], "--icount writes as well"),
      (record + ["-o", "x.rr", "--drive", "file=disk.raw,overlay=disk.raw"], "--drive"),
      (record + ["-o", "run.rr", "--force", "--drive", "file=run.rr/disk0.qcow2"], "--drive"),
      (record + ["-o", "x.rr", "--result", "run.rr/new"], "lies in the recording"),
      (["replay", "run.rr", "--result", "run.rr/replay.log"], "the recording"),
      (["replay", "run.rr", "--result", "disk.raw"], "the recording"),
      (["replay", "run.rrz", "--result", "run.rrz"], "the recording"),
      (["verify", "run.rr", "--result", "run.rr/recording.json"], "the recording"),
      (["replay", "run.rr", "--to", "5", "--live", "-o", "x.rr", "--result", "x.rr"], "-o writes as well"),
      (["replay", "run.rr", "--to", "5", "--live", "--serial", "file:disk.raw"], "the recording"),
      (["dump", "run.rr", "--at", "5", "--force", "-o", "disk.raw"], "the recording"),
      (["dump", "run.rrz", "--at", "5", "--force", "-o", "run.rrz"], "the recording"),
      (["pack", "run.rr", "--symbols", "a.elf", "--force", "-o", "a.elf"], "--symbols"),
      (["snapshot", "export", "replay_init", "run.rr", "-o", "run.rr/out"], "the recording"),
    ] {
      let result = try scratch.rrtool(words, folder: scratch.path(""))
      #expect(result.status == 64 && result.text.isEmpty, "\(words): \(result.errors)")
      #expect(
        result.errors.contains(why) && result.errors.split(separator: "\n").count == 1,
        "\(words): \(result.errors)")
    }
    #expect(try scratch.contents(below: "") == before)
    // Nothing is lost of these.
    let harmless = try scratch.rrtool(
      run + ["--serial", "file:/dev/null", "--result", "/dev/null"], folder: scratch.path(""))
    #expect(harmless.status == 0, "\(harmless.errors)")
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
