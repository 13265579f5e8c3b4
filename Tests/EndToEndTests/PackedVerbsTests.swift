// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Packed recordings that are looked into as they are; and images that are taken from elsewhere.
@Suite struct PackedVerbsTests {
  /// Runs the tool with temporary files in a folder of the test's own, where nothing may be left.
  private struct Bench {
    let scratch = try! Scratch()
    var temporary: String { scratch.path("temporary") }

    init() throws {
      try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
    }

    func command(_ arguments: [String]) -> [String] {
      ["env", "TMPDIR=\(temporary)", Place.tool.path] + arguments
    }

    func rrtool(_ arguments: String...) throws -> ProgramResult { try scratch.run(command(arguments)) }

    var leftovers: [String] { (try? FileManager.default.contentsOfDirectory(atPath: temporary)) ?? ["?"] }

    /// Records `diskcheck` over a disk, packs that, and removes both.
    func makePacked(_ name: String = "run.rrz") throws -> ProgramResult {
      let disk = try scratch.disk("disk.raw", sectors: 4000)
      let recorded = try scratch.record(
        "run.rr", "--bios", Place.guest("diskcheck"), "--memory", "16M", "--drive", "file=\(disk)")
      try #require(try rrtool("pack", scratch.path("run.rr"), "-o", scratch.path(name)).status == 0)
      try FileManager.default.removeItem(atPath: scratch.path("run.rr"))
      try FileManager.default.removeItem(atPath: disk)
      return recorded
    }
  }

  @Test func verbsThatLookTakePackedOnes() throws {
    let bench = try Bench()
    let recorded = try bench.makePacked()
    let packed = bench.scratch.path("run.rrz")
    let before = try bench.scratch.bytes("run.rrz")
    func run(_ arguments: String..., status: Int32 = 0) throws -> String {
      let result = try bench.scratch.run(bench.command(arguments))
      #expect(result.status == status, "\(arguments): \(result.errors)")
      let lines = result.errors.split(separator: "\n")
      #expect(lines.first?.hasPrefix("rrtool: unpacking \(packed) into \(bench.temporary)/") == true)
      #expect(!lines.dropFirst().contains { $0.contains(bench.temporary) }, "\(result.errors)")
      #expect(bench.leftovers == [], "\(arguments)")
      return result.text
    }
    #expect(try run("replay", packed) == recorded.text)
    #expect(try run("replay", packed, "--to", "50%").count <= recorded.text.count)
    #expect(try run("verify", packed).hasPrefix("\(packed): good"))
    #expect(try run("verify", packed, "--format", "json").contains(packed))
    #expect(try run("inspect", packed).contains(packed))
    #expect(try run("inspect", packed, "events", "--limit", "3").contains("Position"))
    #expect(try run("inspect", packed, "console").contains("0 failed"))
    #expect(try run("inspect", packed, "chart").contains("<svg"))
    #expect(try run("inspect", packed, "last-write", "0x80001000,8").contains("Written by"))
    #expect(try run("snapshot", "list", packed).contains("replay_init"))
    #expect(try run("snapshot", "show", "replay_init", packed).contains("Complete                   yes"))
    _ = try run("dump", packed, "--at", "50%", "-o", bench.scratch.path("core"))
    #expect(FileManager.default.fileExists(atPath: bench.scratch.path("core")))
    // Named without its end.
    _ = try run("replay", bench.scratch.path("run"))
    #expect(try bench.scratch.bytes("run.rrz") == before)
  }

  /// In a root folder that has the tool, its libraries, the packed recording and a place for temporary files: no /proc, no /dev.
  @Test(.enabled(if: geteuid() == 0, "only root may change its root folder")) func anEmptyRootIsEnough()
    throws
  {
    let bench = try Bench()
    let recorded = try bench.makePacked()
    let script = """
      set -e
      mkdir -p "$0/root/tmp" && cp "$1" "$0/root/rrtool" && cp "$0/run.rrz" "$0/root"
      for file in $(ldd "$1" | grep -o '/[^ ]*'); do mkdir -p "$0/root$(dirname $file)"; cp "$file" "$0/root$file"; done
      TMPDIR=/tmp exec chroot "$0/root" /rrtool "$2" /run.rrz $3
      """
    for (verb, more) in [("replay", ""), ("dump", "--at 50% -o /core"), ("verify", ""), ("inspect", "")] {
      let result = try bench.scratch.run([
        "sh", "-c", script, bench.scratch.folder.path, Place.tool.path, verb, more,
      ])
      #expect(result.status == 0, "\(verb): \(result.errors)")
      if verb == "replay" { #expect(result.output == recorded.output) }
      #expect(try FileManager.default.contentsOfDirectory(atPath: bench.scratch.path("root/tmp")) == [])
    }
    #expect(FileManager.default.fileExists(atPath: bench.scratch.path("root/core")))
  }

  @Test func aDebuggerTakesPackedOnes() throws {
    let bench = try Bench()
    _ = try bench.makePacked()
    let gdb = try bench.rrtool(
      "replay", bench.scratch.path("run.rrz"), "--debug", "--to", "50%", "--debugger", "true")
    #expect(gdb.status == 0, "\(gdb.errors)")
    #expect(bench.leftovers == [])
  }

  @Test func verbsThatChangeRefusePackedOnes() throws {
    let bench = try Bench()
    _ = try bench.makePacked()
    let packed = bench.scratch.path("run.rrz")
    for arguments in [
      ["snapshot", "create", "here", packed, "--at", "50%"], ["snapshot", "delete", "replay_init", packed],
      ["rebase", packed], ["rm", packed], ["pack", packed],
    ] {
      let result = try bench.scratch.run(bench.command(arguments))
      #expect(result.status == 1, "\(arguments)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(result.errors.hasPrefix("rrtool: \(packed): is a packed recording") || arguments[0] == "pack")
    }
    let live = try bench.rrtool(
      "replay", packed, "--to", "50%", "--live", "-o", bench.scratch.path("branch.rr"))
    #expect(live.status == 64 && live.errors.contains("rrtool unpack"), "\(live.errors)")
    #expect(!FileManager.default.fileExists(atPath: bench.scratch.path("branch.rr")))
    #expect(FileManager.default.fileExists(atPath: packed))
    #expect(bench.leftovers == [])
  }

  /// Ctrl-C, at any time, leaves nothing; and what a killed one leaves the next one removes.
  @Test func nothingIsLeftBehind() throws {
    let bench = try Bench()
    _ = try bench.makePacked()
    let packed = bench.scratch.path("run.rrz")
    var random = SeededGenerator(seed: 3)
    for verb in [["verify", packed], ["replay", packed], ["replay", packed, "--gdb", "tcp:0"]] {
      for signal in [SIGINT, SIGTERM] {
        let program = try bench.scratch.start(bench.command(verb))
        Thread.sleep(forTimeInterval: .random(in: 0...0.06, using: &random))
        program.send(signal)
        let ended = try program.waitForResult()
        #expect(bench.leftovers == [], "\(verb) \(signal): \(ended.errors)")
      }
    }
    // What stands there while it is at work.
    let program = try bench.scratch.start(bench.command(["replay", packed, "--gdb", "tcp:0"]))
    try wait { bench.leftovers.count == 1 }
    let held = try bench.rrtool("verify", packed, "--quick")
    #expect(held.status == 0, "\(held.errors)")
    #expect(bench.leftovers.count == 1, "it is in use")
    _ = try program.killed()
    #expect(bench.leftovers.count == 1)
    #expect(try bench.rrtool("verify", packed, "--quick").status == 0)
    #expect(bench.leftovers == [])
    let damaged = try bench.scratch.file("bad.rrz", try bench.scratch.bytes("run.rrz").dropLast(100))
    let result = try bench.rrtool("replay", damaged)
    #expect(result.status == 1 && result.errors.contains("bad.rrz: was cut"), "\(result.errors)")
    #expect(bench.leftovers == [])
  }

  private func wait(until isSo: () -> Bool) throws {
    for _ in 0..<1000 {
      if isSo() { return }
      Thread.sleep(forTimeInterval: 0.01)
    }
    Issue.record("that never came")
  }

  @Test func packedOnesAreListed() throws {
    let bench = try Bench()
    try FileManager.default.createDirectory(
      atPath: bench.scratch.path("traces"), withIntermediateDirectories: false)
    _ = try bench.makePacked("traces/run.rrz")
    _ = try bench.scratch.file("traces/bad.rrz", try bench.scratch.bytes("traces/run.rrz").prefix(3000))
    let listed = try bench.rrtool("ls")
    #expect(listed.text.contains(#/traces\/run\.rrz  20.* UTC  .*B  packed, powered off/#), "\(listed.text)")
    #expect(listed.text.contains(#/traces\/bad\.rrz  .*  unusable/#), "\(listed.text)")
    #expect(bench.leftovers == [])
    #expect(try bench.rrtool("replay", "run").status == 0, "found by its name")
  }

  /// What `pack --symbols` puts in is found without being named, in the packed recording, the unpacked one, copies and parts.
  @Test func symbolsComeAlong() throws {
    let bench = try Bench()
    let scratch = bench.scratch
    let ledger = Place.project.appending(path: "fixtures/guests/built/ledger.debug").path
    let run = scratch.path("run.rr")
    let recorded = try scratch.rrtool("record", "-o", run, "--max-instructions", "1_000_000")
    try #require(recorded.status == 0, "\(recorded.errors)")
    let none = try bench.rrtool("pack", run, "-o", scratch.path("x.rrz"), "--symbols", scratch.path("none"))
    #expect(none.status == 1, "\(none.errors)")
    let noELF = try scratch.file("text", "hello".utf8)
    let refused = try bench.rrtool("pack", run, "-o", scratch.path("x.rrz"), "--symbols", noELF)
    #expect(refused.status == 1 && refused.errors.contains("text: is not an ELF file"), "\(refused.errors)")
    let packed = scratch.path("run.rrz")
    let made = try bench.rrtool(
      "pack", run, "-o", packed, "--symbols", ledger, "--symbols", Place.guest("hello"),
      "--force-symbols")
    try #require(made.status == 0, "\(made.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("x.rrz")))
    let list = try scratch.run(["tar", "--zstd", "-tf", packed])
    #expect(list.lines.contains("run.rr/symbols0.elf") && list.lines.contains("run.rr/symbols1.elf"))
    func last(_ name: String, _ options: String...) throws -> String {
      let result = try scratch.run(
        bench.command(["inspect", name, "last-write", "0x80002010,64", "--before", "900_000"] + options))
      #expect(result.status == 0, "\(result.errors)")
      return result.text
    }
    let named = try last(run, "--symbols", ledger)
    #expect(try last(run) != named, "without symbols nothing is named")
    #expect(try last(packed) == named)
    #expect(try bench.rrtool("unpack", packed, "-o", scratch.path("there.rr")).status == 0)
    #expect(try bench.rrtool("cp", scratch.path("there.rr"), scratch.path("copy.rr")).status == 0)
    let trimmed = try bench.rrtool("trim", packed, "--to", "950_000", "-o", scratch.path("part.rr"))
    #expect(trimmed.status == 0, "\(trimmed.errors)")
    #expect(try bench.rrtool("pack", scratch.path("there.rr"), "-o", scratch.path("again.rrz")).status == 0)
    let again = try scratch.run(["tar", "--zstd", "-tf", scratch.path("again.rrz")])
    #expect(
      again.lines.filter { $0.hasSuffix(".elf") } == ["there.rr/symbols0.elf", "there.rr/symbols1.elf"])
    for name in ["there.rr", "copy.rr", "part.rr"] {
      #expect(try last(scratch.path(name)) == named, "\(name)")
    }
    // gdb is given them.
    let debugger = try scratch.program(
      "debugger",
      "#!/bin/sh\nfor word; do echo \"$word\"; done\nfor word; do case $word in *.gdb) cat $word;; esac; done\n"
    )
    let debug = try bench.rrtool("replay", scratch.path("there.rr"), "--debug", "--debugger", debugger)
    #expect(debug.lines.contains(scratch.path("there.rr/symbols0.elf")), "\(debug.text)\(debug.errors)")
    #expect(debug.lines.contains("add-symbol-file \"\(scratch.path("there.rr/symbols1.elf"))\""))
    #expect(try bench.rrtool("rm", scratch.path("there.rr")).status == 0)
    #expect(bench.leftovers == [])
  }

  /// `--base` is for one command, and leaves the recording as it is.
  @Test func basesAreTakenFromElsewhere() throws {
    let bench = try Bench()
    let scratch = bench.scratch
    let disk = try scratch.disk("disk.raw", sectors: 4000)
    let recorded = try scratch.record(
      "run.rr", "--bios", Place.guest("diskcheck"), "--memory", "16M", "--drive", "file=\(disk)")
    try FileManager.default.createDirectory(atPath: scratch.path("away"), withIntermediateDirectories: false)
    let moved = scratch.path("away/other.raw")
    try FileManager.default.moveItem(atPath: disk, toPath: moved)
    let before = try scratch.contents(below: "run.rr")
    let run = scratch.path("run.rr")
    let without = try bench.rrtool("replay", run)
    #expect(without.status == 1 && without.errors.contains("--base OLD=NEW"), "\(without.errors)")
    let base = "\(disk)=\(moved)"
    let replayed = try bench.rrtool("replay", run, "--base", base)
    #expect(replayed.status == 0 && replayed.text == recorded.text, "\(replayed.errors)")
    for arguments in [
      ["verify", run], ["inspect", run, "last-write", "0x80001000,8"],
      ["dump", run, "--at", "50%", "-o", scratch.path("core")],
      ["snapshot", "export", "replay_init", run, "-o", scratch.path("parts")],
      ["pack", run, "-o", scratch.path("run.rrz")],
    ] {
      let result = try scratch.run(bench.command(arguments + ["--base", base]))
      #expect(result.status == 0, "\(arguments): \(result.errors)")
    }
    #expect(try scratch.contents(below: "run.rr") == before)
    let wrong = try bench.rrtool("replay", run, "--base", "/nowhere=\(moved)")
    #expect(wrong.status == 64 && wrong.errors.contains("/nowhere: is no base image of"), "\(wrong.errors)")
    #expect(wrong.errors.contains(disk))
    let noPair = try bench.rrtool("replay", run, "--base", "nothing")
    #expect(noPair.status == 64 && noPair.errors.contains("is not of the form OLD=NEW"), "\(noPair.errors)")
    // Another image is not taken for it.
    let other = try scratch.file("other.raw", [UInt8](repeating: 7, count: 4000 * 512))
    let foreign = try bench.rrtool("replay", run, "--base", "\(disk)=\(other)")
    #expect(foreign.status == 1 && foreign.errors.contains("has changed since"), "\(foreign.errors)")
  }
}
