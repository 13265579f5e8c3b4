// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Recordings as one file: packed, listed by other people's tools, and made recordings again where nothing else is.
@Suite struct PackTests {
  /// A recording of `diskcheck` over a disk of random bytes, most of which it never reads.
  private func makeRecording(
    _ scratch: Scratch, _ name: String = "run.rr", drive more: String = "", _ options: String...
  ) throws -> ProgramResult {
    let disk = scratch.path("disk.raw")
    if !FileManager.default.fileExists(atPath: disk) {
      var generator = SeededGenerator(seed: 5)
      let words = (0..<(8 << 20) / 8).map { _ in generator.next() }
      try words.withUnsafeBytes { Data($0) }.write(to: URL(filePath: disk))
    }
    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path(name), "--bios", Place.guest("diskcheck"), "--memory", "16M"] + options
        + ["--drive", "file=\(disk)\(more)"])
    try #require(recorded.status == 0, "\(recorded.errors)\(recorded.text)")
    return recorded
  }

  private func pack(_ scratch: Scratch, _ name: String = "run.rr", to packed: String = "run.rrz") throws {
    let result = try scratch.rrtool("pack", scratch.path(name), "-o", scratch.path(packed))
    try #require(result.status == 0, "\(result.errors)")
    #expect(result.errors.hasPrefix("rrtool: packed \(scratch.path(packed)): "))
  }

  private func unpack(_ scratch: Scratch, _ packed: String = "run.rrz", to name: String) throws {
    let result = try scratch.rrtool("unpack", scratch.path(packed), "-o", scratch.path(name))
    try #require(result.status == 0, "\(result.errors)")
  }

  private func remove(_ scratch: Scratch, _ names: String...) throws {
    for name in names { try FileManager.default.removeItem(atPath: scratch.path(name)) }
  }

  /// What is there but for the folder of recordings that nobody named.
  private func names(in scratch: Scratch) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).filter { $0 != "traces" }
      .sorted()
  }

  @Test func whatWasPackedReplaysWhereNothingElseIs() throws {
    let scratch = try Scratch()
    let recorded = try makeRecording(scratch)
    try pack(scratch)
    try pack(scratch, to: "again.rrz")
    #expect(try scratch.bytes("run.rrz") == scratch.bytes("again.rrz"), "the same gives the same")
    let listed = try scratch.run(["tar", "--zstd", "-tf", scratch.path("run.rrz")])
    let names = [
      "base0.qcow2", "bases.digests", "disk0.qcow2", "recording.json", "replay.log", "vmstate.qcow2",
    ]
    #expect(listed.status == 0 && listed.lines == names.map { "run.rr/" + $0 }, "\(listed.errors)")
    #expect(
      try scratch.bytes("run.rrz").count < 1 << 20, "of a disk of 8 MiB that no compression makes smaller")

    try remove(scratch, "run.rr", "disk.raw")
    try unpack(scratch, to: "there.rr")
    try scratch.expectReplay("there.rr", equals: recorded)
    let verified = try scratch.rrtool("verify", scratch.path("there.rr"))
    #expect(verified.status == 0, "\(verified.errors)")
    #expect(try scratch.run(["qemu-img", "check", scratch.path("there.rr/base0.qcow2")]).status == 0)

    // Whoever has no rrtool gets the same.
    let untarred = try scratch.run([
      "tar", "--zstd", "-xf", scratch.path("run.rrz"), "-C", scratch.folder.path,
    ])
    #expect(untarred.status == 0, "\(untarred.errors)")
    #expect(try scratch.contents(below: "run.rr") == scratch.contents(below: "there.rr"))

    // It is a recording like others: it moves, has snapshots made, and is packed to the same again.
    try FileManager.default.createDirectory(atPath: scratch.path("away"), withIntermediateDirectories: false)
    try FileManager.default.moveItem(atPath: scratch.path("run.rr"), toPath: scratch.path("away/run.rr"))
    try pack(scratch, "away/run.rr", to: "third.rrz")
    #expect(try scratch.bytes("run.rrz") == scratch.bytes("third.rrz"))
    let made = try scratch.rrtool("snapshot", "create", "middle", scratch.path("away/run.rr"), "--at", "50%")
    #expect(made.status == 0, "\(made.errors)")
    let again = try scratch.rrtool("replay", scratch.path("away/run.rr"), "--from", "middle")
    #expect(again.status == 0, "\(again.errors)")
    #expect(try scratch.rrtool("rm", scratch.path("there.rr")).status == 0)
    #expect(!FileManager.default.fileExists(atPath: scratch.path("there.rr")))
  }

  /// What the run has not read is told, not taken for zeros.
  @Test func whatWasNotReadIsNotThere() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    try pack(scratch)
    try unpack(scratch, to: "there.rr")
    let exported = try scratch.rrtool(
      "snapshot", "export", "replay_init", scratch.path("there.rr"), "-o", scratch.path("parts"))
    #expect(exported.status == 1)
    #expect(exported.errors.contains("was packed without what is at offset "), "\(exported.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("parts")))
  }

  @Test func imagesThatChangedAreNotPacked() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    let file = try FileHandle(forWritingTo: URL(filePath: scratch.path("disk.raw")))
    try file.seek(toOffset: 1000)
    try file.write(contentsOf: [1, 2, 3])
    try file.close()
    let result = try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz"))
    #expect(result.status == 1 && result.errors.contains("disk.raw: has changed since "), "\(result.errors)")
    #expect(try names(in: scratch) == ["disk.raw", "run.rr"])
  }

  /// Files of a recording that stand elsewhere, chains of images, and drives of all kinds.
  @Test(arguments: ["chain", "read-only", "elsewhere", "into", "two"]) func everyKindOfDrive(kind: String)
    throws
  {
    let scratch = try Scratch()
    func qemuImage(_ arguments: String...) throws {
      let result = try scratch.run(["qemu-img"] + arguments)
      try #require(result.status == 0, "\(result.errors)")
    }
    _ = try scratch.disk("low.raw", sectors: 2000)
    var options = ["--bios", Place.guest(kind == "read-only" ? "hello" : "diskcheck"), "--memory", "16M"]
    var gone = ["low.raw"]
    switch kind {
    case "chain":
      try qemuImage(
        "create", "-q", "-f", "qcow2", "-F", "raw", "-b", scratch.path("low.raw"), scratch.path("mid.qcow2"),
        "4M")
      try qemuImage(
        "create", "-q", "-f", "qcow2", "-F", "qcow2", "-b", scratch.path("mid.qcow2"),
        scratch.path("top.qcow2"))
      options += ["--drive", "file=\(scratch.path("top.qcow2"))"]
      gone += ["mid.qcow2", "top.qcow2"]
    case "read-only":
      options += ["--drive", "file=\(scratch.path("low.raw")),readonly=on"]
    case "elsewhere":
      options += ["--drive", "file=\(scratch.path("low.raw")),overlay=\(scratch.path("mine.qcow2"))"]
      options += ["--icount", "rrfile=\(scratch.path("mine.log"))"]
      gone += ["mine.qcow2", "mine.log"]
    case "into":
      // Clusters of 4 KiB: a replay reads more around a write than the run did.
      try qemuImage(
        "create", "-q", "-f", "qcow2", "-o", "cluster_size=4096", "-F", "raw", "-b", scratch.path("low.raw"),
        scratch.path("own.qcow2"))
      options += ["--drive", "file=\(scratch.path("own.qcow2")),overlay=none"]
      options += ["--icount", "rrsnapshot=mine"]
      gone += ["own.qcow2"]
    default:
      options += ["--drive", "file=\(scratch.path("low.raw"))", "--drive", "file=\(scratch.path("low.raw"))"]
    }
    let recorded = try scratch.rrtool(["record", "-o", scratch.path("run.rr")] + options)
    try #require(recorded.status == 0, "\(recorded.errors)")
    try pack(scratch)
    try remove(scratch, "run.rr")
    for name in gone { try remove(scratch, name) }
    try unpack(scratch, to: "there.rr")
    try scratch.expectReplay("there.rr", equals: recorded)
    let verified = try scratch.rrtool("verify", scratch.path("there.rr"))
    #expect(verified.status == 0, "\(verified.errors)")
    try pack(scratch, "there.rr", to: "again.rrz")
    try unpack(scratch, "again.rrz", to: "again.rr")
    try scratch.expectReplay("again.rr", equals: recorded)
  }

  /// Recordings of every older format.
  @Test(arguments: ["format-1/diskcheck.rr", "format-2/ring.rr", "format-2/branch.rr", "format-3/echo.rr"])
  func olderRecordingsArePackedToo(name: String) throws {
    let scratch = try Scratch()
    let old = Place.project.appending(path: "fixtures/recordings/" + name).path
    #expect(try scratch.rrtool("pack", old, "-o", scratch.path("old.rrz")).status == 0)
    try unpack(scratch, "old.rrz", to: "old.rr")
    let (first, second) = (
      try scratch.rrtool("replay", old), try scratch.rrtool("replay", scratch.path("old.rr"))
    )
    #expect(first.status == second.status && first.output == second.output, "\(second.errors)")
  }

  @Test func namesAreTakenAndGiven() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    let here = ["sh", "-c", "cd \"$0\" && exec \"$@\"", scratch.folder.path, Place.tool.path]
    #expect(try scratch.run(here + ["pack", "run.rr"]).errors.hasPrefix("rrtool: packed run.rrz: "))
    let second = try scratch.run(here + ["pack", "run.rr"])
    #expect(second.status == 1 && second.errors.contains("there is a file already"), "\(second.errors)")
    #expect(try scratch.run(here + ["pack", "run.rr", "--force"]).status == 0)
    let taken = try scratch.run(here + ["unpack", "run.rrz"])
    #expect(taken.status == 1 && taken.errors.contains("run.rr: exists already"), "\(taken.errors)")
    #expect(try scratch.run(here + ["unpack", "run.rrz", "--force"]).status == 0)
    for (arguments, problem) in [
      (["unpack", "nothing.rrz"], "nothing.rrz: cannot open it: No such file or directory; check the name"),
      (["unpack", "run.rr"], "run.rr: is not a regular file; name a packed recording"),
      (["unpack", "disk.raw", "-o", "x.rr"], "disk.raw: is not a packed recording, or is damaged; "),
      (["pack", "disk.raw"], "disk.raw: is not a folder, as recordings are"),
      (["pack", "run.rr", "-o", "traces"], "traces: is not a regular file; choose another name"),
      (
        ["pack", "run.rr", "-o", "none/run.rrz"], "none/run.rrz: cannot create it: No such file or directory"
      ),
    ] {
      let result = try scratch.run(here + arguments)
      #expect(result.status == 1 && result.errors.hasPrefix("rrtool: " + problem), "\(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1)
    }
    #expect(try names(in: scratch) == ["disk.raw", "run.rr", "run.rrz"])
  }

  @Test func oneThatIsBeingMadeIsNotPacked() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"),
    ])
    try program.wait(for: "quit ends")
    let result = try scratch.rrtool("pack", scratch.path("run.rr"), "-o", scratch.path("run.rrz"))
    #expect(
      result.status == 1 && result.errors.contains("is being made by another rrtool"), "\(result.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rrz")))
    try program.type("quit\r")
    _ = try program.waitForResult()
    try pack(scratch)
  }

  /// Every byte counts: what is changed, cut off or added is told in a line, and nothing is left.
  @Test func damageIsTold() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    try pack(scratch)
    let good = try scratch.bytes("run.rrz")
    var generator = SeededGenerator(seed: 77)
    var cases: [(what: String, bytes: [UInt8])] = [
      ("nothing", []), ("longer", good + [0]), ("twice", good + good),
      ("only its beginning", Array(good.prefix(4))),
    ]
    for _ in 0..<60 {
      var bytes = good
      let place = Int.random(in: 0..<(Bool.random(using: &generator) ? 40 : bytes.count), using: &generator)
      bytes[place] ^= UInt8.random(in: 1...255, using: &generator)
      cases.append(("byte \(place)", bytes))
      let length = Int.random(in: 0..<good.count, using: &generator)
      cases.append(("cut at \(length)", Array(good.prefix(length))))
    }
    let before = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).sorted()
    for (what, bytes) in cases {
      let file = try scratch.file("bad.rrz", bytes)
      let result = try scratch.rrtool("unpack", file, "-o", scratch.path("bad.rr"))
      try remove(scratch, "bad.rrz")
      #expect(result.status == 1, "\(what)")
      #expect(
        result.errors.split(separator: "\n").count == 1 && result.errors.contains("bad.rrz"),
        "\(what): \(result.errors)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).sorted() == before, "\(what)"
      )
    }
  }

  /// Archives that somebody made to be unpacked elsewhere than they should.
  @Test func archivesOfStrangersAreRefused() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    try pack(scratch)
    let untarred = try scratch.run(["tar", "--zstd", "-xf", scratch.path("run.rrz"), "-C", scratch.path("")])
    #expect(untarred.status == 0)
    _ = try scratch.file("precious", "dear".utf8)
    let script = """
      import io, json, os, subprocess, sys, tarfile
      folder, kind = sys.argv[1:]
      path = folder + "/bad.tar"
      archive = tarfile.open(path, "w", format=tarfile.PAX_FORMAT if kind == "pax" else tarfile.GNU_FORMAT if kind == "gnu" else tarfile.USTAR_FORMAT)
      def add(name, data=b"x", **more):
          entry = tarfile.TarInfo(name)
          entry.size = len(data)
          for key in more: setattr(entry, key, more[key])
          archive.addfile(entry, io.BytesIO(data))
      def rest(*without, manifest=lambda text: text):
          for name in sorted(os.listdir(folder + "/run.rr")):
              data = open(folder + "/run.rr/" + name, "rb").read()
              if name == "recording.json": data = manifest(data.decode()).encode()
              if name not in without: add("run.rr/" + name, data)
      outside = {"up": "run.rr/../precious", "root": "/" + folder + "/precious", "deep": "run.rr/more/replay.log", "bare": "precious",
                 "hidden": "run.rr/.hidden", "two folders": "other.rr/replay.log", "empty": "run.rr//replay.log"}
      kinds = {"symlink": tarfile.SYMTYPE, "link": tarfile.LNKTYPE, "fifo": tarfile.FIFOTYPE, "device": tarfile.CHRTYPE}
      if kind in outside: rest(); add(outside[kind])
      elif kind in kinds: rest("replay.log"); add("run.rr/replay.log", b"", type=kinds[kind], linkname=folder + "/precious")
      elif kind == "twice": rest(); add("run.rr/replay.log")
      elif kind == "more": rest(); add("run.rr/more")
      elif kind == "less": rest("base0.qcow2")
      elif kind == "no manifest": rest("recording.json")
      elif kind == "elsewhere": rest(manifest=lambda text: text.replace('"replay.log"', '"%s/precious"' % folder))
      elif kind == "base elsewhere": rest(manifest=lambda text: text.replace('"relativePath" : "base0.qcow2"', '"relativePath" : "../disk.raw"'))
      elif kind == "base by path": rest(manifest=lambda text: text.replace('"path" : "/base0.qcow2"', '"path" : "%s/disk.raw"' % folder))
      elif kind == "not JSON": rest(manifest=lambda text: text[1:])
      elif kind == "folder": add("run.rr/", b"", type=tarfile.DIRTYPE); rest()
      elif kind == "pax": add("run.rr/replay.log", b"x", pax_headers={"path": "../precious"})
      elif kind == "gnu": add("run.rr/" + "n" * 200)
      elif kind == "huge": add("run.rr/replay.log", b"")
      archive.close()
      if kind == "huge":
          data = bytearray(open(path, "rb").read())
          data[124:136] = b"77777777777\\0"
          data[148:156] = b" " * 8
          data[148:156] = b"%06o\\0 " % sum(data[:512])
          open(path, "wb").write(data)
      subprocess.run(["zstd", "-q", "-f", "--rm", path, "-o", folder + "/bad.rrz"], check=True)
      """
    let problems = [
      "up": "plain files in one folder", "root": "plain files in one folder",
      "deep": "plain files in one folder",
      "bare": "plain files in one folder", "hidden": "no file of a recording",
      "two folders": "plain files in one folder",
      "empty": "plain files in one folder", "symlink": "neither a file nor a folder",
      "link": "neither a file nor a folder",
      "fifo": "neither a file nor a folder", "device": "neither a file nor a folder",
      "twice": "two files 'replay.log'",
      "more": "'more' in it, which is no part", "less": "lacks 'base0.qcow2'",
      "no manifest": "has no recording.json",
      "elsewhere": "files elsewhere", "base elsewhere": "files elsewhere", "base by path": "files elsewhere",
      "not JSON": "recording.json", "pax": "neither a file nor a folder",
      "gnu": "neither a file nor a folder",
      "huge": "ends too early",
    ]
    for (kind, problem) in problems.sorted(by: { $0.key < $1.key }) {
      let made = try scratch.run(["python3", "-c", script, scratch.folder.path, kind])
      try #require(made.status == 0, "\(made.errors)")
      let before = try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).sorted()
      let result = try scratch.rrtool("unpack", scratch.path("bad.rrz"), "-o", scratch.path("bad.rr"))
      #expect(result.status == 1 && result.errors.contains(problem), "\(kind): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1 && result.errors.contains("bad.rrz"), "\(kind)")
      #expect(
        try FileManager.default.contentsOfDirectory(atPath: scratch.folder.path).sorted() == before, "\(kind)"
      )
    }
    #expect(try scratch.bytes("precious") == Array("dear".utf8))
    // As tar makes it.
    #expect(try scratch.run(["python3", "-c", script, scratch.folder.path, "folder"]).status == 0)
    try unpack(scratch, "bad.rrz", to: "fine.rr")
    #expect(try scratch.contents(below: "fine.rr") == scratch.contents(below: "run.rr"))
  }

  @Test(.enabled(if: FullDisk.isPossible, "needs the right to mount a file system of its own"))
  func aFullDiskLeavesNothing() throws {
    let scratch = try Scratch()
    _ = try makeRecording(scratch)
    try pack(scratch)
    let script = "\"$@\"; status=$?; ls -A \"$0\"; exit $status"
    for command in [["pack", scratch.path("run.rr"), "-o"], ["unpack", scratch.path("run.rrz"), "-o"]] {
      let small = scratch.path("small")
      let result = try scratch.run(
        FullDisk.command(
          mountedAt: small, ["sh", "-c", script, small, Place.tool.path] + command + [small + "/it"]))
      #expect(result.status == 1 && result.errors.contains("No space left on device"), "\(result.errors)")
      #expect(result.output.isEmpty, "\(result.text)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
  }
}
