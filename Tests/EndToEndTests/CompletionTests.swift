// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// What shells offer when a word is to be completed (Tab).
@Suite struct CompletionTests {
  /// A folder with two recordings, one packed, and a snapshot in the first.
  private static func recordings() throws -> Scratch {
    let scratch = try Scratch()
    try scratch.record("one.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    try scratch.record("two.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    for (name, place) in [("before-bug", "10"), ("middle", "50%")] {
      let made = try scratch.rrtool("snapshot", "create", name, scratch.path("one.rr"), "--at", place)
      try #require(made.status == 0, "\(made.errors)")
    }
    let packed = try scratch.rrtool("pack", scratch.path("two.rr"), "-o", scratch.path("three.rrz"))
    try #require(packed.status == 0, "\(packed.errors)")
    _ = try scratch.file("disk.img", [0])
    try FileManager.default.createDirectory(
      atPath: scratch.path("old"), withIntermediateDirectories: false)
    return scratch
  }

  /// What the tool answers when a shell asks: the last of `words` is to be completed.
  private static func answer(
    _ scratch: Scratch, _ argument: String, _ words: String...
  ) throws -> Set<String> {
    let verbs = words.prefix(words.first == "snapshot" ? 2 : 1)
    return try answer(scratch, argument, verbs: Array(verbs), words)
  }

  private static func answer(
    _ scratch: Scratch, _ argument: String, verbs: [String], _ words: [String]
  ) throws -> Set<String> {
    let asked =
      ["---completion"] + verbs + ["--", argument, "\(words.count)", "\(words.last?.count ?? 0)", "rrtool"]
    let result = try scratch.rrtool(asked + words, folder: scratch.folder.path)
    try #require(result.status == 0 && result.errors == "", "\(words): \(result.errors)")
    return Set(result.lines.map { String($0) })
  }

  @Test func recordingsAreOffered() throws {
    let scratch = try Self.recordings()
    let unnamed = try scratch.rrtool("record", "--bios", Place.guest("hello"), "--memory", "16M")
    try #require(unnamed.status == 0)
    let all = try Self.answer(scratch, "positional@0", "replay", "")
    #expect(all.isSuperset(of: ["one.rr", "two.rr", "three.rrz", "hello.elf-0.rr", "old/"]))
    #expect(!all.contains("disk.img"))
    #expect(try !Self.answer(scratch, "positional@0", "rm", "").contains("three.rrz"))
    let elsewhere = try Self.answer(scratch, "positional@0", "verify", scratch.path("") + "/")
    #expect(elsewhere.contains(scratch.path("") + "/one.rr") && !elsewhere.contains("one.rr"))
  }

  @Test func snapshotsOfTheRecordingOnTheLineAreOffered() throws {
    let scratch = try Self.recordings()
    let ofOne: Set = ["replay_init", "before-bug", "middle"]
    #expect(try Self.answer(scratch, "--from", "replay", "one.rr", "--from", "") == ofOne)
    #expect(
      try Self.answer(scratch, "--to", "replay", "one.rr", "--to", "") == ofOne.union(["start", "end"]))
    // What is packed has its own too.
    try #require(
      try scratch.rrtool("pack", scratch.path("one.rr"), "-o", scratch.path("four.rrz")).status == 0)
    #expect(try Self.answer(scratch, "--from", "replay", "four.rrz", "--from", "") == ofOne)
    _ = try scratch.file("damaged.rrz", try scratch.bytes("four.rrz").prefix(3000))
    #expect(try Self.answer(scratch, "--from", "replay", "damaged.rrz", "--from", "") == [])
    // Where none is named it is the latest one.
    #expect(try Self.answer(scratch, "positional@0", "snapshot", "show", "") == ["replay_init"])
    #expect(
      try Self.answer(scratch, "--at", "dump", "nothing.rr", "--at", "").isSuperset(of: ["start", "end"]))
  }

  @Test func viewsAndDrivesAreOffered() throws {
    let scratch = try Self.recordings()
    for (words, isOffered) in [
      (["inspect", ""], true), (["inspect", "events", ""], true), (["inspect", "one.rr", ""], false),
      (["inspect", "one.rr", "events", ""], false),
    ] {
      let answer = try Self.answer(scratch, "positional@0", verbs: ["inspect", "summary"], words)
      #expect(answer.contains("two.rr") == isOffered, "\(words)")
    }
    let line = ["qemu", "record", "--", "qemu-system-riscv64", ""]
    #expect(try Self.answer(scratch, "positional@0", verbs: ["qemu"], line).contains("disk.img"))
    #expect(
      try Self.answer(scratch, "positional@0", verbs: ["qemu"], line.dropLast() + ["-ker"]).contains(
        "-kernel"))
    #expect(try Self.answer(scratch, "--drive", "record", "--drive", "").contains("file=disk.img"))
  }

  @Test func fishSaysNothingBesides() throws {
    let scratch = try Self.recordings()
    let asked = ["rrtool ", "rrtool rec", "rrtool help ", "rrtool --version ", "rrtool --"]
    let result = try scratch.start([
      "env", "-C", scratch.folder.path, "HOME=\(scratch.folder.path)", "fish", "--no-config", "-c",
      "\(Place.tool.path) --generate-completion-script fish | source\n"
        + asked.map { "complete -C '\($0)' >/dev/null\n" }.joined(),
    ]).waitForResult()
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
  }

  /// The shells themselves, each on a terminal of its own, with Tab typed to them; all at once, as most of it is waiting.
  @Test func shellsComplete() throws {
    let scratch = try Self.recordings()
    let lines = [
      ("rrtool rep", "rrtool replay"), ("rrtool replay on", "rrtool replay one.rr"),
      ("rrtool dump one.rr --at bef", "rrtool dump one.rr --at before-bug"),
      ("rrtool inspect one.rr events --kind clock", "rrtool inspect one.rr events --kind clock-read"),
      ("rrtool inspect events one.rr --kind clock", "rrtool inspect events one.rr --kind clock-read"),
      ("rrtool inspect one.rr ev", "rrtool inspect one.rr events"),
      ("rrtool inspect las", "rrtool inspect last-write"),
      ("rrtool inspect on", "rrtool inspect one.rr"),
      ("rrtool inspect console on", "rrtool inspect console one.rr"),
      ("rrtool inspect one.rr events --lim", "rrtool inspect one.rr events --limit"),
      ("rrtool help sna", "rrtool help snapshot"), ("rrtool help inspect sta", "rrtool help inspect stats"),
      ("rrtool help snapshot exp", "rrtool help snapshot export"), ("rrtool qemu rec", "rrtool qemu record"),
      ("rrtool qemu -- qem", "rrtool qemu -- qemu-system-riscv64"),
      ("rrtool record --cpu rva", "rrtool record --cpu rva22s64"),
      ("rrtool record --drive file=dis", "rrtool record --drive file=disk.img"),
      ("rrtool run --kernel dis", "rrtool run --kernel disk.img"),
      ("rrtool snapshot cre", "rrtool snapshot create"),
    ]
    let driver = Place.project.appending(path: "Tests/EndToEndTests/complete_on_terminal.py").path
    let shells = try ["bash", "zsh", "fish"].map { shell in
      (
        shell,
        try scratch.start(
          ["env", "-C", scratch.folder.path, "python3", driver, shell, Place.tool.path] + lines.map(\.0))
      )
    }
    for (shell, program) in shells {
      let result = try program.waitForResult()
      #expect(result.status == 0, "\(shell): \(result.errors)")
      // bash goes on into what is a folder.
      let completed = result.lines.map { $0.hasSuffix("/") ? String($0.dropLast()) : String($0) }
      #expect(completed == lines.map(\.1), "\(shell)")
    }
  }
}
