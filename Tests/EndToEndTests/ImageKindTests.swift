// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Images of other formats, and data files that are elsewhere.
@Suite struct ImageKindTests {
  private static let guest = ["--bios", Place.guest("diskcheck"), "--memory", "16M"]

  /// A format that nobody reads here is not taken for the bytes of a disk, unless somebody says that it is.
  @Test(arguments: ["vmdk", "vpc", "vhdx", "vdi", "qed", "qcow", "parallels"]) func otherFormats(kind: String)
    throws
  {
    let scratch = try Scratch()
    let disk = scratch.path("disk.\(kind)")
    let made = try scratch.run(["qemu-img", "create", "-q", "-f", kind, disk, "64M"])
    try #require(made.status == 0, "\(made.errors)")
    // Whole sectors, for when it is taken as it is.
    try #require(try scratch.run(["truncate", "--size=%512", disk]).status == 0)
    for verb in [["record", "-o", scratch.path("run.rr")], ["run"]] {
      for more in ["", ",readonly=on"] {
        let refused = try scratch.rrtool(verb + ["--drive", "file=\(disk)\(more)"] + Self.guest)
        #expect(refused.status == 1, "\(refused.errors)")
        #expect(refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
        #expect(refused.errors.hasPrefix("rrtool: \(disk): is a"), "\(refused.errors)")
        #expect(
          refused.errors.contains(
            "'qemu-img convert -f \(kind) -O qcow2 \(disk) \(scratch.path("disk.qcow2"))'"),
          "\(refused.errors)")
        #expect(refused.errors.contains("format=raw"), "\(refused.errors)")
      }
    }
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
    let taken = try scratch.rrtool(
      [
        "record", "-o", scratch.path("run.rr"), "--drive", "file=\(disk),format=raw,readonly=on", "--bios",
        Place.guest("hello"),
      ])
    #expect(taken.status == 0, "\(taken.errors)")
    // What it says is what to do.
    let converted = try scratch.run(
      ["qemu-img", "convert", "-f", kind, "-O", "qcow2", disk, scratch.path("disk.qcow2")])
    #expect(converted.status == 0, "\(converted.errors)")
    let recorded = try scratch.rrtool(
      ["run", "--drive", "file=\(scratch.path("disk.qcow2"))", "--bios", Place.guest("hello")])
    #expect(recorded.status == 0, "\(recorded.errors)")
  }

  @Test func descriptorsAndEncryptedDisks() throws {
    let scratch = try Scratch()
    let text = "# Disk DescriptorFile\nversion=1\n" + String(repeating: " ", count: 480)
    let descriptor = try scratch.file("disk.vmdk", Array(text.utf8).prefix(512))
    let refused = try scratch.rrtool("run", "--drive", "file=\(descriptor)", "--bios", Place.guest("hello"))
    #expect(refused.status == 1 && refused.errors.contains("is a VMDK image"), "\(refused.errors)")
    // That is the guest's own business.
    let luks = try scratch.file(
      "luks", [UInt8]("LUKS".utf8) + [0xba, 0xbe] + [UInt8](repeating: 0, count: 1018))
    let taken = try scratch.rrtool("run", "--drive", "file=\(luks)", "--bios", Place.guest("hello"))
    #expect(taken.status == 0, "\(taken.errors)")
  }

  /// The data file of a qcow2 image is moved where nothing leads to it: for one command, written down, and packed.
  @Test(arguments: [false, true]) func dataFilesAreTakenFromElsewhere(isRaw: Bool) throws {
    let scratch = try Scratch()
    let source = try scratch.disk("source.raw", sectors: 4000)
    let made = try scratch.run(
      [
        "qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o",
        "data_file=data.raw,data_file_raw=\(isRaw ? "on" : "off")",
        source, "disk.qcow2",
      ], folder: scratch.path(""))
    try #require(made.status == 0, "\(made.errors)")
    let run = scratch.path("run.rr")
    let recorded = try scratch.rrtool(
      ["record", "-o", run, "--drive", "file=disk.qcow2"] + Self.guest, folder: scratch.path(""))
    try #require(recorded.status == 0, "\(recorded.errors)")
    let (old, new) = (scratch.path("data.raw"), scratch.path("away/other.data"))
    try FileManager.default.createDirectory(atPath: scratch.path("away"), withIntermediateDirectories: false)
    try FileManager.default.moveItem(atPath: old, toPath: new)
    for command in [["replay", run], ["verify", run], ["pack", run, "-o", scratch.path("x.rrz")]] {
      let without = try scratch.rrtool(command)
      #expect(without.status == 1, "\(command)")
      #expect(
        without.errors.contains("\(old): the data file of \(scratch.path("disk.qcow2"))"), "\(without.errors)"
      )
      #expect(without.errors.contains("--base OLD=NEW"), "\(without.errors)")
      #expect(without.errors.split(separator: "\n").count == 1, "\(without.errors)")
    }
    let base = "\(old)=\(new)"
    let before = try scratch.contents(below: "run.rr")
    let replayed = try scratch.rrtool("replay", run, "--base", base)
    #expect(replayed.status == 0 && replayed.output == recorded.output, "\(replayed.errors)")
    for arguments in [
      ["verify", run], ["pack", run, "-o", scratch.path("run.rrz")],
      ["trim", run, "--to", "50%", "-o", scratch.path("part.rr")],
    ] {
      let result = try scratch.rrtool(arguments + ["--base", base])
      #expect(result.status == 0, "\(arguments): \(result.errors)")
    }
    #expect(try scratch.contents(below: "run.rr") == before)
    // Another file is not taken for it.
    let wrong = try scratch.file("wrong.data", [UInt8](repeating: 7, count: 4000 * 512))
    let foreign = try scratch.rrtool("replay", run, "--base", "\(old)=\(wrong)")
    #expect(foreign.status == 1 && foreign.errors.contains("has changed since"), "\(foreign.errors)")
    // Written down, it is found; so is one that is moved again.
    let rebased = try scratch.rrtool("rebase", run, "--base", base)
    #expect(
      rebased.status == 0 && rebased.lines == [scratch.path("disk.qcow2"), new],
      "\(rebased.errors)\(rebased.text)")
    try scratch.expectReplay("run.rr", equals: recorded)
    #expect(try scratch.rrtool("mv", run, scratch.path("away/run.rr")).status == 0)
    try scratch.expectReplay("away/run.rr", equals: recorded)
    try FileManager.default.moveItem(atPath: new, toPath: scratch.path("third"))
    let again = try scratch.rrtool(
      "replay", scratch.path("away/run.rr"), "--base", "\(new)=\(scratch.path("third"))")
    #expect(again.status == 0, "\(again.errors)")
    // What was packed needs neither.
    for name in ["disk.qcow2", "third"] { try FileManager.default.removeItem(atPath: scratch.path(name)) }
    let packed = try scratch.rrtool("replay", scratch.path("run.rrz"))
    #expect(packed.status == 0 && packed.output == recorded.output, "\(packed.errors)")
    #expect(try scratch.rrtool("verify", scratch.path("part.rr")).status == 0)
  }

  /// Recordings that do not say where the data file was: what the image says does.
  @Test func dataFilesOfOlderRecordings() throws {
    let scratch = try Scratch()
    let source = try scratch.disk("source.raw", sectors: 4000)
    let made = try scratch.run(
      ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", "data_file=data.raw", source, "disk.qcow2"],
      folder: scratch.path(""))
    try #require(made.status == 0, "\(made.errors)")
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--drive", "file=disk.qcow2"] + Self.guest,
      folder: scratch.path(""))
    try #require(recorded.status == 0, "\(recorded.errors)")
    let manifest = try String(decoding: scratch.bytes("run.rr/recording.json"), as: UTF8.self)
    #expect(manifest.contains("\"dataPath\" : \"\(scratch.path("data.raw"))\""))
    let lines = manifest.split(separator: "\n").filter { !$0.contains("\"dataPath\"") }
    _ = try scratch.file("run.rr/recording.json", Array(lines.joined(separator: "\n").utf8))
    try scratch.expectReplay("run.rr", equals: recorded)
    try FileManager.default.moveItem(atPath: scratch.path("data.raw"), toPath: scratch.path("moved"))
    let replayed = try scratch.rrtool(
      "replay", scratch.path("run.rr"), "--base", "\(scratch.path("data.raw"))=\(scratch.path("moved"))")
    #expect(replayed.status == 0, "\(replayed.errors)")
  }
}
