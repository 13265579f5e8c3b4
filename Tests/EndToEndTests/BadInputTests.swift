// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// Bad input of every kind: one line on standard error that names what is wrong, a status that is not zero, and
/// nothing lost that was there before.
@Suite struct BadInputTests {
  /// Runs rrtool and expects the refusal.
  private func expectRefusal(
    _ scratch: Scratch, _ arguments: [String], names name: String, status: Int32? = nil,
    _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let result = try scratch.rrtool(arguments, seconds: 60)
    let said = result.errors
    #expect((1...64).contains(result.status), "\(comment): \(said)", sourceLocation: sourceLocation)
    if let status { #expect(result.status == status, "\(comment): \(said)", sourceLocation: sourceLocation) }
    #expect(said.hasPrefix("rrtool: "), "\(comment): \(said)", sourceLocation: sourceLocation)
    #expect(said.split(separator: "\n").count == 1, "\(comment): \(said)", sourceLocation: sourceLocation)
    #expect(said.contains(name), "\(comment) is not named: \(said)", sourceLocation: sourceLocation)
    #expect(result.output.isEmpty, "\(comment)", sourceLocation: sourceLocation)
  }

  @Test func guestsThatCannotBoot() throws {
    let scratch = try Scratch()
    let ledger = [UInt8](try Data(contentsOf: URL(filePath: Place.guest("ledger"))))
    var foreign = ledger
    foreign[18] = 62  // e_machine: x86-64
    var high = ledger
    high.replaceSubrange(64 + 24..<64 + 32, with: [0, 0, 0, 0, 0, 0, 0, 0x7f])  // the first segment's address
    var long = ledger
    long.replaceSubrange(64 + 32..<64 + 40, with: [UInt8](repeating: 0xff, count: 8))  // its size in the file
    let cases: [(name: String, bytes: [UInt8]?, option: String)] = [
      ("missing", nil, "--bios"), ("empty", [], "--bios"), ("cut.elf", Array(ledger.prefix(100)), "--bios"),
      ("foreign.elf", foreign, "--bios"), ("high.elf", high, "--bios"), ("long.elf", long, "--bios"),
      ("missing", nil, "--kernel"), ("empty", [], "--kernel"),
      ("text", Array("no kernel at all, just a text that is long enough to have a header".utf8), "--kernel"),
      ("cut.elf", Array(ledger.prefix(100)), "--kernel"),
    ]
    for (name, bytes, option) in cases {
      if let bytes { _ = try scratch.file(name, bytes) }
      try expectRefusal(
        scratch, ["record", "-o", scratch.path("run.rr"), option, scratch.path(name)], names: name,
        "\(option) \(name)")
      #expect(
        !FileManager.default.fileExists(atPath: scratch.path("run.rr")), "\(option) \(name) left a recording")
    }
    try expectRefusal(
      scratch, ["run", "--bios", scratch.folder.path], names: scratch.folder.path, "a folder")
  }

  @Test func drivesThatCannotBeUsed() throws {
    let scratch = try Scratch()
    let raw = try scratch.disk("disk.raw", sectors: 64)
    _ = try scratch.file("odd.raw", [UInt8](repeating: 1, count: 1000))
    _ = try scratch.file("empty.raw", [])
    _ = try scratch.run(["qemu-img", "create", "-f", "qcow2", scratch.path("good.qcow2"), "1M"])
    let good = try scratch.bytes("good.qcow2")
    _ = try scratch.file("cut.qcow2", good.prefix(80))
    var newer = good
    newer[7] = 9
    _ = try scratch.file("newer.qcow2", newer)
    var feature = good
    feature[72] = 0x80  // an incompatible feature nobody knows
    _ = try scratch.file("feature.qcow2", feature)

    let guest = ["--bios", Place.guest("diskcheck")]
    let cases = [
      ("file=\(scratch.path("missing.raw"))", "missing.raw"), ("file=\(scratch.path("odd.raw"))", "odd.raw"),
      ("file=\(scratch.path("empty.raw"))", "empty.raw"),
      ("file=\(scratch.path("cut.qcow2")),format=qcow2", "cut.qcow2"),
      ("file=\(scratch.path("newer.qcow2")),format=qcow2", "newer.qcow2"),
      ("file=\(scratch.path("feature.qcow2")),format=qcow2", "feature.qcow2"),
      ("file=\(raw),format=qcow2", "disk.raw"), ("file=\(raw),overlay=none", "disk.raw"),
      ("file=\(raw),format=vmdk", "vmdk"), ("file=\(raw),colour=red", "colour"), ("format=raw", "file"),
      ("file=\(scratch.folder.path)", scratch.folder.path), ("file=/dev/null", "/dev/null"),
    ]
    for (drive, name) in cases {
      try expectRefusal(
        scratch, ["record", "-o", scratch.path("run.rr"), "--drive", drive] + guest, names: name, "\(drive)")
      let isThere = FileManager.default.fileExists(atPath: scratch.path("run.rr"))
      #expect(!isThere, "\(drive) left a recording")
      if isThere { try FileManager.default.removeItem(atPath: scratch.path("run.rr")) }
    }
    #expect(try scratch.bytes("good.qcow2") == good)
  }

  @Test func optionsThatCannotBe() throws {
    let scratch = try Scratch()
    let cases: [(options: [String], name: String)] = [
      (["--smp", "0"], "0"), (["--smp", "9"], "9"), (["--memory", "lots"], "lots"), (["--memory", "0"], "0"),
      (["--memory", "99999999999G"], "99999999999G"), (["--icount", "shift=11"], "shift"),
      (["--icount", "speed=3"], "speed"), (["--engine", "steam"], "steam"), (["--serial", "lpt1"], "lpt1"),
      (["--max-instructions", "-1x"], "-1x"),
    ]
    for (options, name) in cases {
      let glued = [options[0] + "=" + options[1]]
      try expectRefusal(
        scratch, ["run", "--bios", Place.guest("hello")] + glued, names: name, "\(glued)")
    }
    // The guest that is built in has its own board, and is not run on another one than was asked for.
    for options in [["--smp", "4"], ["--memory", "12Q"], ["--virtio", "legacy"], ["--semihosting"]] {
      try expectRefusal(
        scratch, ["record", "-o", scratch.path("x.rr")] + options, names: "nothing to boot", "\(options)")
    }
    try expectRefusal(
      scratch, ["record", "-o", scratch.path("run.rr"), "--engine", "lockstep"], names: "--engine lockstep",
      status: 64, "a recording in lockstep")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
  }

  @Test func outputsThatExistAreKept() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"))
    let before = try scratch.contents(below: "run.rr")
    try expectRefusal(
      scratch, ["record", "-o", scratch.path("run.rr"), "--bios", Place.guest("hello")], names: "run.rr",
      "exists")
    #expect(try scratch.contents(below: "run.rr") == before)

    // --force replaces a recording, and nothing that is none.
    try FileManager.default.createDirectory(
      atPath: scratch.path("precious"), withIntermediateDirectories: false)
    _ = try scratch.file("precious/letter", "dear".utf8)
    try expectRefusal(
      scratch, ["record", "-o", scratch.path("precious"), "--force", "--bios", Place.guest("hello")],
      names: "precious", "a folder that is no recording")
    #expect(try scratch.bytes("precious/letter") == Array("dear".utf8))
    try expectRefusal(
      scratch, ["record", "-o", scratch.path("run.rr"), "--force", "--bios", scratch.path("missing")],
      names: "missing", "--force with a guest that is missing")
    #expect(
      try scratch.contents(below: "run.rr") == before, "the old recording stays until a new one can begin")

    try expectRefusal(
      scratch, ["record", "-o", scratch.path("no/such/run.rr"), "--bios", Place.guest("hello")],
      names: "no/such",
      "no folder to make it in")
    try expectRefusal(
      scratch, ["record", "-o", "/proc/run.rr", "--bios", Place.guest("hello")], names: "/proc/run.rr",
      "no permission")
  }

  /// A recording whose files someone damaged. The others of its files stay as they are.
  @Test func damagedRecordings() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 2048)
    try scratch.record("good.rr", "--bios", Place.guest("diskcheck"), "--drive", "file=\(disk)")
    func half(_ bytes: [UInt8]) -> [UInt8] { Array(bytes.prefix(bytes.count / 2)) }
    func nothing(_: [UInt8]) -> [UInt8] { [] }
    func foreign(_: [UInt8]) -> [UInt8] { Array("something else\n".utf8) }
    func newer(_ bytes: [UInt8]) -> [UInt8] {
      var manifest = (try? JSONSerialization.jsonObject(with: Data(bytes))) as? [String: Any] ?? [:]
      manifest["version"] = 9999
      return [UInt8]((try? JSONSerialization.data(withJSONObject: manifest)) ?? Data())
    }
    let damages: [(file: String, how: String, damage: ([UInt8]) -> [UInt8])] = [
      ("recording.json", "half", half), ("recording.json", "nothing", nothing),
      ("recording.json", "foreign", foreign),
      ("recording.json", "newer", newer), ("replay.log", "nothing", nothing),
      ("replay.log", "foreign", foreign),
      ("vmstate.qcow2", "half", half), ("vmstate.qcow2", "nothing", nothing),
      ("vmstate.qcow2", "foreign", foreign),
      ("disk0.qcow2", "nothing", nothing), ("disk0.qcow2", "foreign", foreign),
    ]
    for (file, how, damage) in damages {
      let comment: Comment = "\(file): \(how)"
      try? FileManager.default.removeItem(atPath: scratch.path("bad.rr"))
      try FileManager.default.copyItem(atPath: scratch.path("good.rr"), toPath: scratch.path("bad.rr"))
      _ = try scratch.file("bad.rr/\(file)", damage(try scratch.bytes("good.rr/\(file)")))
      let before = try scratch.contents(below: "bad.rr")
      try expectRefusal(scratch, ["replay", scratch.path("bad.rr")], names: file, status: 1, comment)
      #expect(try scratch.contents(below: "bad.rr") == before, comment)

      try FileManager.default.removeItem(atPath: scratch.path("bad.rr/\(file)"))
      try expectRefusal(
        scratch, ["replay", scratch.path("bad.rr")], names: "bad.rr", status: 1, "\(file) missing")
    }
    try expectRefusal(scratch, ["replay", scratch.path("none.rr")], names: "none.rr", "no recording")
    try expectRefusal(
      scratch, ["replay", scratch.folder.path], names: scratch.folder.path, "a folder that is none")
    try expectRefusal(Scratch(), ["replay"], names: "traces", "no latest recording")
  }

  /// One bit of the log flipped, at many places: replay and inspect say so, or the bit did not matter; neither
  /// crashes, and a replay that ends well printed what was recorded.
  @Test func damagedLogs() throws {
    let scratch = try Scratch()
    let recorded = try scratch.record("run.rr", "--bios", Place.guest("smp"), "--smp", "2")
    let good = try scratch.bytes("run.rr/replay.log")
    for place in stride(from: 0, to: good.count, by: max(1, good.count / 60)) {
      var bad = good
      bad[place] ^= 1 << UInt8(place % 8)
      _ = try scratch.file("run.rr/replay.log", bad)
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"), seconds: 60)
      #expect([0, 1, 3].contains(replayed.status), "byte \(place): \(replayed.errors)")
      #expect(recorded.output.starts(with: replayed.output), "byte \(place)")
      let inspected = try scratch.rrtool("inspect", scratch.path("run.rr"), "events", seconds: 60)
      #expect([0, 1].contains(inspected.status), "byte \(place): \(inspected.errors)")
      for line in (replayed.errors + inspected.errors).split(separator: "\n") {
        #expect(
          line.split(separator: "replay.log", omittingEmptySubsequences: false).count < 3,
          "named once: \(line)")
      }
    }
  }

  @Test func placesAndNamesThatAreNotThere() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("hello"))
    let run = scratch.path("run.rr")
    let before = try scratch.contents(below: "run.rr")
    try expectRefusal(scratch, ["replay", run, "--from", "nowhere"], names: "nowhere", "no such snapshot")
    try expectRefusal(scratch, ["replay", run, "--to", "12x4"], names: "12x4", "no position")
    try expectRefusal(
      scratch, ["snapshot", "create", "s", run, "--at", "999_999_999_999"], names: "999", "past the end")
    try expectRefusal(
      scratch, ["snapshot", "create", "replay_init", run, "--at", "5"], names: "replay_init",
      "a name that is taken")
    try expectRefusal(scratch, ["snapshot", "delete", "nowhere", run], names: "nowhere", "no such snapshot")
    try expectRefusal(
      scratch, ["inspect", run, "events", "--kind", "sunset"], names: "sunset", "no kind of event")
    try expectRefusal(scratch, ["inspect", run, "weather"], names: "weather", "nothing to show")
    #expect(try scratch.contents(below: "run.rr") == before)
  }

  /// A disk that fills up ends a recording with one line that names the user's file; what was recorded can be replayed.
  @Test(.enabled(if: FullDisk.isPossible, "needs the right to mount a file system of its own"))
  func diskThatFillsDuringARecording() throws {
    let scratch = try Scratch()
    let disk = try scratch.disk("disk.raw", sectors: 32_768)
    // The recording itself has room, so that its start is written whatever the overlay does meanwhile.
    let recording = scratch.path("run.rr")
    let overlay = scratch.path("small/overlay.qcow2")
    let script = """
      "$0" record -o "$1" --bios "$2" --drive "file=$3,overlay=$4" --memory 64M; echo "recorded: $?" >&2
      "$0" replay "$1"; echo "replayed: $?" >&2
      """
    let result = try scratch.run(
      FullDisk.command(
        mountedAt: scratch.path("small"),
        ["sh", "-c", script, Place.tool.path, recording, Place.guest("diskfill"), disk, overlay]))
    let lines = result.errors.split(separator: "\n").map(String.init)
    try #require(lines.count == 4, "\(result.errors)")
    #expect(lines[0].hasPrefix("rrtool: \(overlay): "), "\(lines[0])")
    #expect(lines[1] == "recorded: 1")
    #expect(lines[2].hasPrefix("rrtool: replayed to "), "\(lines[2])")
    #expect(lines[3] == "replayed: 0")
  }

  /// A disk that is too small to begin with loses nothing that was there.
  @Test(.enabled(if: FullDisk.isPossible, "needs the right to mount a file system of its own"))
  func fullDisk() throws {
    let scratch = try Scratch()
    _ = try scratch.file("precious", "dear".utf8)
    let result = try scratch.run(
      FullDisk.command(
        mountedAt: scratch.path("small"), [Place.tool.path, "record", "-o", scratch.path("small/run.rr")]))
    #expect(result.status == 1, "\(result.errors)")
    #expect(result.errors.contains("run.rr"))
    #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    #expect(try scratch.bytes("precious") == Array("dear".utf8))
  }
}

/// A file system of 256 KiB in a mount namespace of its own, for one command.
enum FullDisk {
  static func command(mountedAt folder: String, _ command: [String]) -> [String] {
    let script = "mkdir -p \"$0\" && mount -t tmpfs -o size=256k tmpfs \"$0\" && exec \"$@\""
    return ["unshare", "--map-root-user", "--mount", "sh", "-c", script, folder] + command
  }

  static let isPossible: Bool = {
    guard let scratch = try? Scratch() else { return false }
    return (try? scratch.run(command(mountedAt: scratch.path("small"), ["true"])))?.status == 0
  }()
}
