// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// `copy-on-read=on`: a recording that needs no image.
@Suite struct CopyOnReadTests {
  private func qemuImage(_ scratch: Scratch, _ arguments: String...) throws {
    let result = try scratch.run(["qemu-img"] + arguments)
    try #require(result.status == 0, "\(result.errors)")
  }

  /// Images of a kind, and the drives over them.
  private func prepare(_ kind: String, _ scratch: Scratch) throws -> (images: [String], options: [String]) {
    let low = try scratch.disk("low.raw", sectors: 4000)
    switch kind {
    case "chain":
      let (mid, top) = (scratch.path("mid.qcow2"), scratch.path("top.qcow2"))
      try qemuImage(scratch, "create", "-q", "-f", "qcow2", "-F", "raw", "-b", low, mid, "4M")
      try qemuImage(scratch, "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", mid, top)
      return ([low, mid, top], ["--drive", "file=\(top),copy-on-read=on"])
    case "elsewhere":
      return ([low], ["--drive", "file=\(low),overlay=\(scratch.path("mine.qcow2")),copy-on-read=on"])
    case "two":
      let drive = ["--drive", "file=\(low),copy-on-read=on"]
      return ([low], drive + drive)
    case "read-only":
      return ([low], ["--drive", "file=\(low),readonly=on,copy-on-read=on"])
    default: return ([low], ["--drive", "file=\(low),copy-on-read=on"])
    }
  }

  @Test(arguments: ["raw", "chain", "elsewhere", "two", "read-only"]) func noImageIsNeeded(kind: String)
    throws
  {
    let scratch = try Scratch()
    let (images, options) = try prepare(kind, scratch)
    let guest = Place.guest(kind == "read-only" ? "hello" : "diskcheck")
    let recorded = try scratch.rrtool(
      [
        "record", "-o", scratch.path("run.rr"), "--bios", guest, "--memory", "16M", "--snapshot-every",
        "1_000_000",
      ]
        + options)
    try #require(recorded.status == 0, "\(recorded.errors)")
    for image in images { try FileManager.default.removeItem(atPath: image) }
    try scratch.expectReplay("run.rr", equals: recorded)
    let verified = try scratch.rrtool("verify", scratch.path("run.rr"))
    #expect(verified.status == 0, "\(verified.errors)")
    try scratch.expectSoundImages("run.rr")
    for engine in ["interpreter", "jit"] {
      let replayed = try scratch.rrtool(
        "replay", scratch.path("run.rr"), "--engine", engine, "--from", "replay_init")
      #expect(replayed.output == recorded.output, "\(engine)")
    }
    #expect(try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz")).status == 0)
    #expect(try scratch.rrtool("verify", scratch.path("run.rrz")).status == 0)
    #expect(try scratch.rrtool("cp", scratch.path("run.rr"), scratch.path("copy.rr")).status == 0)
    try scratch.expectReplay("copy.rr", equals: recorded)
    #expect(try scratch.rrtool("rm", scratch.path("run.rr")).status == 0)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
  }

  /// It costs what was read, not what the image has; what was not read is not there.
  @Test func onlyWhatIsReadIsCopied() throws {
    let scratch = try Scratch()
    let disk = scratch.path("large.raw")
    try qemuImage(scratch, "create", "-q", "-f", "raw", disk, "20G")
    let file = try FileHandle(forWritingTo: URL(filePath: disk))
    try file.write(contentsOf: [UInt8](repeating: 5, count: 16 << 20))
    try file.close()
    try scratch.record(
      "run.rr", "--bios", Place.guest("diskcheck"), "--memory", "16M", "--drive",
      "file=\(disk),copy-on-read=on")
    try FileManager.default.removeItem(atPath: disk)
    let used = try scratch.run(["du", "-sk", scratch.path("run.rr")])
    #expect(try #require(Int(used.lines[0].prefix { $0.isNumber })) < 8 << 10, "\(used.text)")
    #expect(try scratch.rrtool("replay", scratch.path("run.rr")).status == 0)
    let exported = try scratch.rrtool(
      "snapshot", "export", "replay_init", scratch.path("run.rr"), "-o", scratch.path("parts"))
    #expect(
      exported.status == 1 && exported.errors.contains("which the run never read"), "\(exported.errors)")
  }

  /// Killed at any time, it still needs no image.
  @Test func killedRecordersNeedNoImage() throws {
    let scratch = try Scratch()
    var random = SeededGenerator(seed: 9)
    var replayed = 0
    for _ in 0..<8 {
      let disk = try scratch.disk("disk.raw", sectors: 4000)
      let program = try scratch.start([
        Place.tool.path, "record", "-o", scratch.path("run.rr"), "--force", "--bios",
        Place.guest("diskcheck"),
        "--memory", "16M", "--drive", "file=\(disk),copy-on-read=on",
      ])
      Thread.sleep(forTimeInterval: .random(in: 0.03...0.3, using: &random))
      program.send(SIGKILL)
      _ = try program.waitForResult()
      try FileManager.default.removeItem(atPath: disk)
      guard FileManager.default.fileExists(atPath: scratch.path("run.rr")) else { continue }
      let result = try scratch.rrtool("replay", scratch.path("run.rr"))
      let hasStart = !result.errors.contains("has no start")
      #expect(result.status == 0 || !hasStart, "\(result.errors)")
      if hasStart { replayed += 1 }
    }
    #expect(replayed > 0)
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 4000)
    try qemuImage(scratch, "create", "-q", "-f", "qcow2", scratch.path("own.qcow2"), "4M")
    for (verb, drive, problem) in [
      ("record", "file=\(disk),copy-on-read=maybe", "copy-on-read is on or off, not 'maybe'"),
      ("record", "file=\(scratch.path("own.qcow2")),overlay=none,copy-on-read=on", "nothing lies under"),
      ("run", "file=\(disk),copy-on-read=on", "keeps nothing"),
    ] {
      let output = verb == "record" ? ["-o", scratch.path("run.rr")] : []
      let result = try scratch.rrtool([verb, "--bios", Place.guest("hello"), "--drive", drive] + output)
      #expect(result.status == 64 && result.errors.contains(problem), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
  }
}
