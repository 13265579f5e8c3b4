// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Which files with symbols are taken: those of what was booted, whatever was stripped of them.
@Suite struct SymbolTests {
  private let debugFile = Place.guest("ledger").replacingOccurrences(of: ".elf", with: ".debug")
  private let ledger = [UInt8](FileManager.default.contents(atPath: Place.guest("ledger")) ?? Data())

  /// A recording of the bank as a file of its own, and files of the same build and of another one.
  private func record() throws -> (scratch: Scratch, booted: String) {
    let scratch = try Scratch()
    let booted = try scratch.file("bank.elf", ledger)
    try scratch.record("run.rr", "--bios", booted, "--max-instructions", "3_000_000")
    var stripped = ledger
    stripped.replaceSubrange(40..<48, with: [UInt8](repeating: 0, count: 8))
    stripped.replaceSubrange(60..<64, with: [0, 0, 0, 0])
    _ = try scratch.file("stripped.elf", stripped)
    var other = ledger
    other[0x1010] ^= 1
    _ = try scratch.file("other.elf", other)
    return (scratch, booted)
  }

  private func gdb(_ scratch: Scratch, _ options: String..., script: String) throws -> ProgramResult {
    try scratch.rrtool(
      ["replay", scratch.path("run.rr"), "--debug"] + options,
      input: "set pagination off\n\(script)\nquit\n", seconds: 60)
  }

  /// An executable with a build-id and these bytes at an address, which says that it is for Linux or not.
  private func program(
    _ buildID: [UInt8], at address: UInt64, code: [UInt8], isForLinux: Bool = false
  ) -> [UInt8] {
    func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
      (0..<count).map { UInt8(value >> (8 * $0) & 0xff) }
    }
    var note = bytes(4, 4) + bytes(UInt64(buildID.count), 4) + bytes(3, 4) + Array("GNU\0".utf8) + buildID
    if isForLinux {
      note += bytes(4, 4) + bytes(16, 4) + bytes(1, 4) + Array("GNU\0".utf8) + bytes(0, 4) + bytes(4, 4)
      note += bytes(15, 8)
    }
    let headers = 64 + 2 * 56
    var file: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9)
    file += bytes(2, 2) + bytes(243, 2) + bytes(1, 4) + bytes(address, 8) + bytes(64, 8) + bytes(0, 8)
    file += bytes(0, 4) + bytes(64, 2) + bytes(56, 2) + bytes(2, 2) + bytes(64, 2) + bytes(0, 4)
    for (type, offset, place, count) in [
      (UInt64(1), headers, address, code.count), (4, headers + code.count, address + 0x1000, note.count),
    ] {
      file += bytes(type, 4) + bytes(5, 4) + bytes(UInt64(offset), 8) + bytes(place, 8) + bytes(place, 8)
      file += bytes(UInt64(count), 8) + bytes(UInt64(count), 8) + bytes(4, 8)
    }
    return file + code + note
  }

  @Test func whatWasBootedIsLoadedUnasked() throws {
    let (scratch, booted) = try record()
    let shown = try gdb(scratch, script: "info line timer_interrupt\ninfo address audit\ninfo files")
    #expect(
      shown.status == 0 && shown.text.contains("Symbols from \"\(booted)\""), "\(shown.text)\(shown.errors)")
    // The same bytes elsewhere are not looked for; others at the same place are not taken.
    try FileManager.default.moveItem(atPath: booted, toPath: scratch.path("away.elf"))
    let gone = try gdb(scratch, script: "info files")
    #expect(
      gone.errors.contains("\(booted): the bios that was booted is not there any more"), "\(gone.errors)")
    #expect(gone.status == 0 && !gone.text.contains("Symbols from"), "\(gone.text)")
    try FileManager.default.copyItem(atPath: scratch.path("other.elf"), toPath: booted)
    let changed = try gdb(scratch, script: "info files")
    #expect(
      changed.errors.contains("\(booted): is not the bios that was booted any more"), "\(changed.errors)")
    #expect(changed.status == 0 && !changed.text.contains("Symbols from"), "\(changed.text)")
  }

  @Test func anotherBuildIsRefused() throws {
    let (scratch, _) = try record()
    let run = scratch.path("run.rr")
    let other = scratch.path("other.elf")
    for command in [
      ["replay", run, "--debug"], ["inspect", run, "last-write", "0x80002058,8"],
      ["pack", run, "-o", scratch.path("run.rrz")],
    ] {
      let refused = try scratch.rrtool(command + ["--symbols", other], seconds: 60)
      #expect(refused.status == 1 && refused.errors.split(separator: "\n").count == 1, "\(refused.errors)")
      let digests = refused.errors.matches(of: #/[0-9a-f]{16}/#).map { String($0.output) }
      #expect(Set(digests).count == 2 && refused.errors.contains("--force-symbols"), "\(refused.errors)")
      for same in [debugFile, scratch.path("stripped.elf"), Place.guest("ledger")] where command[0] == "pack"
      {
        let packed = try scratch.rrtool(
          ["pack", run, "-o", scratch.path("\(UUID()).rrz"), "--symbols", same])
        #expect(packed.status == 0 && !packed.errors.contains("unchecked"), "\(same): \(packed.errors)")
      }
      let forced = try scratch.rrtool(
        command + ["--symbols", other, "--force-symbols"], input: "quit\n", seconds: 60)
      #expect(forced.status == 0 && forced.errors.contains("taken all the same"), "\(forced.errors)")
    }
    let pointless = try scratch.rrtool("pack", run, "-o", scratch.path("x.rrz"), "--force-symbols")
    #expect(pointless.status == 64, "\(pointless.errors)")
  }

  @Test func buildIDsDecideWhereThereAreSome() throws {
    let scratch = try Scratch()
    let code: [UInt8] = [0x6f, 0, 0, 0, 0x13, 0, 0, 0]
    let booted = try scratch.file("id.elf", program([1, 2, 3, 4], at: 0x8000_0000, code: code))
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", booted, "--max-instructions", "1000")
    let same = try scratch.file(
      "same.elf", program([1, 2, 3, 4], at: 0x8000_0000, code: code + [1, 2, 3, 4]))
    let other = try scratch.file("other.elf", program([1, 2, 3, 5], at: 0x8000_0000, code: code))
    let user = try scratch.file("user.elf", program([9, 9, 9, 9], at: 0x1_0000, code: code))
    let taken = try gdb(scratch, "--symbols", same, script: "info files")
    #expect(taken.status == 0 && taken.errors.isEmpty, "\(taken.errors)")
    let refused = try gdb(scratch, "--symbols", other, script: "info files")
    #expect(refused.status == 1, "\(refused.errors)")
    #expect(
      refused.errors.contains("build-id 01020305") && refused.errors.contains("has 01020304"),
      "\(refused.errors)")
    let unknown = try gdb(scratch, "--symbols", same, "--symbols", user, script: "info files")
    #expect(unknown.status == 0, "\(unknown.errors)")
    #expect(
      unknown.errors.contains("user.elf: taken unchecked: it lies where nothing lies"), "\(unknown.errors)")
  }

  /// A program that was linked for no place, as OpenSBI is since 1.6: its names are where it was put.
  @Test(arguments: ["gdb", "lldb"]) func programsThatMayLieAnywhere(debugger: String) throws {
    let scratch = try Scratch()
    var file = program([1, 2, 3, 4], at: 0x1000, code: [0x6f, 0, 0, 0])
    file[16] = 3
    let booted = try scratch.file("free.elf", file)
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", booted, "--max-instructions", "1000")
    let script =
      "#!/bin/sh\nfor word; do echo \"$word\"; done\nfor word; do case $word in *.gdb) cat $word;; esac; done\n"
    let fake = try scratch.program(debugger, script)
    for options in [[], ["--symbols", booted]] {
      let shown = try scratch.rrtool(
        ["replay", scratch.path("run.rr"), "--debug", "--debugger", fake] + options)
      #expect(shown.status == 0, "\(shown.errors)")
      let wanted =
        debugger == "gdb"
        ? "add-symbol-file \"\(booted)\" -o 0x80000000"
        : "target modules load -f \"\(booted)\" -s \(0x8000_0000)"
      #expect(shown.lines.contains(wanted), "\(shown.text)")
    }
  }

  /// A program of users that may lie anywhere is no other build of firmware that may as well.
  @Test func programsOfUsersBesideFirmwareThatMayLieAnywhere() throws {
    let scratch = try Scratch()
    func file(_ name: String, _ buildID: [UInt8], isForLinux: Bool) throws -> String {
      var file = program(buildID, at: 0x1000, code: [0x6f, 0, 0, 0], isForLinux: isForLinux)
      file[16] = 3
      return try scratch.file(name, file)
    }
    let booted = try file("free.elf", [1, 2, 3, 4], isForLinux: false)
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", booted, "--max-instructions", "1000")
    let other = try gdb(
      scratch, "--symbols", try file("other.elf", [1, 2, 3, 5], isForLinux: false), script: "")
    #expect(other.status == 1 && other.errors.contains("of another build"), "\(other.errors)")
    let user = try gdb(
      scratch, "--symbols", booted, "--symbols", try file("user.elf", [1, 2, 3, 5], isForLinux: true),
      script: "")
    #expect(
      user.status == 0 && user.errors.contains("user.elf: taken unchecked: it lies where"), "\(user.errors)")
  }

  /// Debugging information that was split off from a program without a build-id: the program has its checksum, or nothing can say.
  @Test func whatWasSplitOffIsKnownByItsChecksum() throws {
    let (scratch, _) = try record()
    var bytes = [UInt8](FileManager.default.contents(atPath: debugFile) ?? Data())
    bytes[bytes.count / 2] ^= 1
    let other = try scratch.file("other.debug", bytes)
    let taken = try gdb(scratch, "--symbols", debugFile, script: "info line guest_main")
    #expect(taken.status == 0 && taken.errors.isEmpty && taken.text.contains("ledger.c"), "\(taken.errors)")
    let refused = try gdb(scratch, "--symbols", other, script: "")
    #expect(refused.status == 1 && refused.errors.contains("its checksum is"), "\(refused.errors)")
    #expect(refused.errors.contains(".gnu_debuglink") && refused.errors.split(separator: "\n").count == 1)
    let forced = try gdb(scratch, "--symbols", other, "--force-symbols", script: "")
    #expect(forced.status == 0 && forced.errors.contains("taken all the same"), "\(forced.errors)")
    // Booted without its table of sections.
    try scratch.record("bare.rr", "--bios", scratch.path("stripped.elf"), "--max-instructions", "3_000_000")
    let unchecked = try scratch.rrtool(
      ["replay", scratch.path("bare.rr"), "--debug", "--symbols", debugFile], input: "quit\n", seconds: 60)
    #expect(unchecked.status == 0 && unchecked.errors.contains("taken unchecked"), "\(unchecked.errors)")
  }

  /// Nothing that was booted has symbols: a line says where they could come from.
  @Test func whereSymbolsCouldComeFrom() throws {
    let scratch = try Scratch()
    let flat = try scratch.file("flat.bin", [0x6f, 0, 0, 0] as [UInt8])
    for (name, options, wanted) in [
      ("flat.rr", ["--bios", flat], "--symbols"), ("demonstration.rr", [], "/ledger.debug"),
    ] {
      let run = scratch.path(name)
      _ = try scratch.rrtool(["record", "-o", run, "--max-instructions", "1000"] + options)
      let shown = try scratch.rrtool(["replay", run, "--debug"], input: "quit\n", seconds: 60)
      let lines = shown.errors.split(separator: "\n").filter { $0.contains("no symbols are loaded") }
      #expect(shown.status == 0 && lines.count == 1, "\(shown.errors)")
      #expect(lines.first?.contains(wanted) == true, "\(shown.errors)")
      let named = try scratch.rrtool(
        ["replay", run, "--debug", "--symbols", debugFile], input: "quit\n", seconds: 60)
      #expect(named.status == 0 && !named.errors.contains("no symbols"), "\(named.errors)")
      let folder = try scratch.rrtool("replay", run, "--debug", "--symbols", scratch.folder.path)
      #expect(folder.status == 1 && folder.errors.contains("is a folder"), "\(folder.errors)")
    }
  }

  /// Firmware and a kernel: both are loaded, and a file is compared with the one that lies where it does.
  @Test func firmwareAndKernel() throws {
    let scratch = try Scratch()
    let code: [UInt8] = [0x6f, 0, 0, 0]
    let bios = try scratch.file("bios.elf", program([1, 1, 1, 1], at: 0x8000_0000, code: code))
    let kernel = try scratch.file("kernel.elf", program([2, 2, 2, 2], at: 0x8020_0000, code: code))
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--bios", bios, "--kernel", kernel, "--max-instructions", "1000"
    )
    let shown = try gdb(scratch, script: "info files")
    #expect(shown.text.contains("Symbols from \"\(kernel)\""), "\(shown.text)\(shown.errors)")
    #expect(shown.text.contains("add symbol table from file \"\(bios)\""), "\(shown.text)")
    let other = try scratch.file("other.elf", program([2, 2, 2, 3], at: 0x8020_0000, code: code))
    let refused = try gdb(scratch, "--symbols", bios, "--symbols", other, script: "info files")
    #expect(
      refused.status == 1 && refused.errors.contains("than the kernel that was booted"), "\(refused.errors)")
    let both = try gdb(scratch, "--symbols", kernel, "--symbols", bios, script: "info files")
    #expect(both.status == 0 && !both.errors.contains("rrtool: "), "\(both.errors)")
  }

  /// A flat kernel has its ELF file's build-id in it.
  @Test func flatKernelsSayWhatTheyAre() throws {
    let scratch = try Scratch()
    let code: [UInt8] = [0x6f, 0, 0, 0] + [UInt8](repeating: 0, count: 60)
    let elf = program([7, 7, 7, 7], at: 0xffff_ffff_8000_0000, code: code)
    let flat = try scratch.file("Image", code + elf.suffix(20))
    _ = try scratch.rrtool(
      "record", "-o", scratch.path("run.rr"), "--kernel", flat, "--max-instructions", "1000")
    let same = try gdb(scratch, "--symbols", try scratch.file("vmlinux", elf), script: "info files")
    #expect(same.status == 0 && same.errors.isEmpty, "\(same.errors)")
    let other = try scratch.file("vmlinux.old", program([7, 7, 7, 8], at: 0xffff_ffff_8000_0000, code: code))
    let refused = try gdb(scratch, "--symbols", other, script: "info files")
    #expect(refused.status == 1 && refused.errors.contains("07070708"), "\(refused.errors)")
    #expect(refused.errors.contains("07070707") && refused.errors.contains("the kernel that was booted"))
  }

  @Test func severalFilesAndSources() throws {
    let (scratch, booted) = try record()
    let sources = scratch.path("where the=sources are")
    try FileManager.default.createDirectory(atPath: sources, withIntermediateDirectories: true)
    let ledgerSource = "// a copy of it\n" + String(repeating: "\n", count: 400)
    try Data(ledgerSource.utf8).write(to: URL(filePath: sources + "/ledger.c"))
    let mapped = try gdb(
      scratch, "--symbols", debugFile, "--symbols", booted, "--source-map", "guests/guests/ledger=\(sources)",
      script: "list ledger.c:1,1\ninfo source")
    #expect(mapped.text.contains("// a copy of it"), "\(mapped.text)\(mapped.errors)")
    #expect(mapped.text.contains("add symbol table from file \"\(booted)\""), "\(mapped.text)")
    // gdb looks for the whole name in a folder first, then for its last part.
    let elsewhere = try scratch.file("copy.debug", FileManager.default.contents(atPath: debugFile) ?? Data())
    let found = try gdb(scratch, "--symbols", elsewhere, "--directory", sources, script: "list ledger.c:1,1")
    #expect(found.text.contains("// a copy of it"), "\(found.text)\(found.errors)")
    for options in [
      ["--source-map", "nothing"], ["--source-map", "=x"], ["--source-map", "a\nb=c"],
      ["--directory", scratch.path("missing")],
    ] {
      let refused = try scratch.rrtool(["replay", scratch.path("run.rr"), "--debug"] + options, seconds: 60)
      #expect(
        refused.status == 64 && refused.errors.split(separator: "\n").count == 1,
        "\(options): \(refused.errors)")
      let pointless = try scratch.rrtool(["replay", scratch.path("run.rr")] + options)
      #expect(pointless.status == 64 && pointless.errors.contains("--debug"), "\(pointless.errors)")
    }
  }

  /// Recordings of older tools say nothing of the programs, and name files that may still be there.
  @Test func olderRecordingsAreReadFromTheirFiles() throws {
    let (scratch, booted) = try record()
    let manifest = scratch.path("run.rr/recording.json")
    var document = try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: manifest))) as? [String: Any])
    var boot = try #require(document["boot"] as? [String: Any])
    var images = try #require(boot["images"] as? [[String: Any]])
    #expect(images[0]["program"] != nil)
    images[0]["program"] = nil
    boot["images"] = images
    document["boot"] = boot
    try JSONSerialization.data(withJSONObject: document).write(to: URL(filePath: manifest))
    let shown = try gdb(scratch, script: "info files")
    #expect(shown.text.contains("Symbols from \"\(booted)\"") && shown.errors.isEmpty, "\(shown.errors)")
    let refused = try gdb(scratch, "--symbols", scratch.path("other.elf"), script: "info files")
    #expect(refused.status == 1 && refused.errors.contains("of another build"), "\(refused.errors)")
    // A manifest that a stranger made.
    for broken in [
      ["buildIds": ["xyz"]], ["buildIds": [], "contents": "12"],
      ["buildIds": [], "segments": [["address": 0, "size": 0]]], ["buildIds": 7],
    ] as [[String: Any]] {
      images[0]["program"] = broken
      boot["images"] = images
      document["boot"] = boot
      try JSONSerialization.data(withJSONObject: document).write(to: URL(filePath: manifest))
      let damaged = try scratch.rrtool("replay", scratch.path("run.rr"))
      #expect(damaged.status != 0 && damaged.errors.contains("damaged"), "\(broken): \(damaged.errors)")
    }
  }
}
