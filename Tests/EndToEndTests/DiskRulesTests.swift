// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// The disk rules: a drive's file never changes, unless its owner asked for that.
@Suite struct DiskRulesTests {
  static let guest = ["--bios", Place.guest("diskcheck")]

  private func qcow2(_ scratch: Scratch, _ name: String) throws -> String {
    let raw = try scratch.disk("source.raw", sectors: 2048)
    let made = try scratch.run(["qemu-img", "convert", "-O", "qcow2", raw, scratch.path(name)])
    try #require(made.status == 0, "\(made.errors)")
    return scratch.path(name)
  }

  @Test(arguments: ["raw", "qcow2"]) func driveFileNeverChanges(format: String) throws {
    let scratch = try Scratch()
    let disk =
      format == "raw" ? try scratch.disk("disk.raw", sectors: 2048) : try qcow2(scratch, "disk.qcow2")
    let before = try Data(contentsOf: URL(filePath: disk))
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--drive", "file=\(disk),format=\(format)"] + Self.guest)
    #expect(recorded.status == 0, "\(recorded.errors)\(recorded.text)")
    try scratch.expectReplay("run.rr", equals: recorded)
    try scratch.expectSoundFiles("run.rr")
    #expect(try Data(contentsOf: URL(filePath: disk)) == before)

    // The overlay holds what the guest wrote: read through qemu-img it differs from its base.
    let compared = try scratch.run(["qemu-img", "compare", scratch.path("run.rr/disk0.qcow2"), disk])
    #expect(compared.status == 1, "\(compared.text)")
  }

  /// Bases as only QEMU's tools write them, named as QEMU takes names.
  @Test(arguments: [
    "compression_type=zstd", "extended_l2=on", "data_file=data.raw", "data_file=data.raw,data_file_raw=on",
  ]) func basesOfOtherKinds(_ options: String) throws {
    let scratch = try Scratch()
    let raw = try scratch.disk("source.raw", sectors: 2048)
    let made = try scratch.run(
      ["qemu-img", "convert", "-f", "raw", "-O", "qcow2", "-o", options]
        + (options.hasPrefix("comp") ? ["-c"] : []) + [raw, scratch.path("disk.qcow2")],
      folder: scratch.path(""))
    try #require(made.status == 0, "\(made.errors)")
    let before = try scratch.bytes("disk.qcow2")
    let name =
      #"json:{"driver":"qcow2",,"file":{"driver":"file",,"filename":"\#(scratch.path("disk.qcow2"))"}}"#
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--drive", "file=\(name)"] + Self.guest,
      folder: scratch.path(""))
    #expect(recorded.status == 0, "\(recorded.errors)\(recorded.text)")
    // From elsewhere, where a data file is found beside its image.
    try scratch.expectReplay("run.rr", equals: recorded)
    // QEMU's tools find it only from the folder in which the image was made.
    if !options.hasPrefix("data_file") { try scratch.expectSoundFiles("run.rr") }
    #expect(try scratch.bytes("disk.qcow2") == before)
  }

  @Test func otherDriversAreRefusedByName() throws {
    let scratch = try Scratch()
    for (name, word) in [
      (#"json:{"driver":"nbd",,"host":"localhost"}"#, "'nbd'"), ("nbd://localhost/x", "'nbd'"),
    ] {
      let refused = try scratch.rrtool(
        ["record", "-o", scratch.path("run.rr"), "--drive", "file=\(name)"] + Self.guest)
      #expect(refused.status == 1 && refused.errors.contains(word), "\(refused.errors)")
      #expect(refused.errors.split(separator: "\n").count == 1)
    }
  }

  @Test func overlayGoesWhereAskedAndIsNotOverwritten() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 2048)
    let drive = "file=\(disk),overlay=\(scratch.path("mine.qcow2"))"
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--drive", drive] + Self.guest)
    #expect(recorded.status == 0, "\(recorded.errors)")
    try scratch.expectReplay("run.rr", equals: recorded)
    let overlay = try scratch.bytes("mine.qcow2")
    #expect(try scratch.run(["qemu-img", "check", scratch.path("mine.qcow2")]).status == 0)

    let again = try scratch.rrtool(
      ["record", "-o", scratch.path("other.rr"), "--drive", drive] + Self.guest)
    #expect(again.status != 0)
    #expect(try scratch.bytes("mine.qcow2") == overlay)
  }

  @Test func recordsIntoAQcow2ThatKeepsItsStart() throws {
    let scratch = try Scratch()
    let disk = try qcow2(scratch, "disk.qcow2")
    let before = try scratch.run(["qemu-img", "convert", "-O", "raw", disk, scratch.path("before.raw")])
    #expect(before.status == 0)
    let recorded = try scratch.rrtool(
      [
        "record", "-o", scratch.path("run.rr"), "--drive", "file=\(disk),overlay=none", "--icount",
        "rrsnapshot=clean",
      ]
        + Self.guest)
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(try scratch.run(["qemu-img", "check", disk]).status == 0)
    #expect(try scratch.snapshots(of: disk) == ["clean": 0])
    try scratch.expectReplay("run.rr", equals: recorded)
    // The starting state is still there, under its name.
    let restored = try scratch.run([
      "qemu-img", "convert", "-l", "snapshot.name=clean", "-O", "raw", disk, scratch.path("after.raw"),
    ])
    #expect(restored.status == 0, "\(restored.errors)")
    #expect(try scratch.bytes("after.raw") == scratch.bytes("before.raw"))
  }

  @Test func changedBaseIsNoticedBeforeAnythingRuns() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 2048)
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr"), "--drive", "file=\(disk)"] + Self.guest)
    #expect(recorded.status == 0)
    var bytes = try scratch.bytes("disk.raw")
    bytes[bytes.count - 1] ^= 1
    _ = try scratch.file("disk.raw", bytes)
    let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
    #expect(replayed.status == 1)
    #expect(replayed.output.isEmpty)
    #expect(replayed.errors.contains("disk.raw"))
    #expect(replayed.errors.split(separator: "\n").count == 1, "\(replayed.errors)")
  }
}
