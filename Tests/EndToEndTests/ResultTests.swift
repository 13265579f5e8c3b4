// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// Each way in which a run can end has a status and a word of its own, and the same in a recording and its replay.
@Suite struct ResultTests {
  /// Ends a guest with a status: `lui t0, 0x100; li t1, (status << 16 | 0x3333); sw t1, (t0)` for a status below 0x8000.
  private func ends(_ scratch: Scratch, with status: UInt32) throws -> String {
    // The low half is 0x3333, below 0x800 when taken as 0x3000 + 0x333.
    let value = status << 16 | 0x3333
    return try scratch.program(
      0x0010_02b7, (value & 0xffff_f000) | 0x337, 0x3333_0313, 0x0062_a023, 0x0000_006f)
  }

  @Test(
    arguments: [(0, 0), (42, 42), (64, 64), (124, 124), (256, 1), (257, 1), (300, 44)] as [(UInt32, Int32)])
  func theGuestsStatusIsItsOwn(_ reported: UInt32, _ status: Int32) throws {
    let scratch = try Scratch()
    let guest = try ends(scratch, with: reported)
    let run = scratch.path("run.rr")
    for words in [["run", "--bios", guest], ["record", "--bios", guest, "-o", run], ["replay", run]] {
      let (program, told, _) = try scratch.result(words)
      #expect(program.status == status, "\(words) \(program.errors)")
      #expect(told.end == "guest-exit" && told.statusOf == "guest" && told.guestStatus == reported)
    }
    let checked = try scratch.result("verify", run)
    #expect(checked.program.status == 0 && checked.told.end == "good" && checked.told.statusOf == "rrtool")
    #expect(checked.told.recordedEnd == "guest-exit" && checked.told.isSame == true)
  }

  @Test func aRunItsRecordingAndItsReplayHaveTheSameDigests() throws {
    let scratch = try Scratch()
    let guest = Place.guest("status42")
    let plain = try scratch.result("run", "--bios", guest, "--rng-seed", "off")
    let recorded = try scratch.result(
      "record", "--bios", guest, "--rng-seed", "off", "-o", scratch.path("run.rr"))
    let replayed = try scratch.result("replay", scratch.path("run.rr"))
    let lockstep = try scratch.result("run", "--bios", guest, "--rng-seed", "off", "--engine", "lockstep")
    #expect(plain.digests.count > 5 && plain.digests.contains { $0.component == "memory" })
    #expect(plain.digests == recorded.digests && plain.digests == replayed.digests)
    #expect(plain.digests == lockstep.digests)
    #expect(plain.told.position == replayed.told.position && plain.told.position == lockstep.told.position)
    for told in [plain.told, recorded.told, replayed.told, lockstep.told] {
      #expect(told.consoleTail == "hello: status 42\r\n", "\(told)")
      #expect(told.hostSeconds >= 0 && told.message?.contains("position \(told.position ?? 0)") == true)
    }
    #expect(recorded.told.recording == scratch.path("run.rr"))
    #expect(plain.told.recording == nil)
  }

  @Test func aLimitIsTold() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let limit = ["--bios", Place.guest("counter"), "--max-instructions", "1_000_003"]
    for words in [["run"] + limit, ["record", "-o", run] + limit, ["run", "--engine", "lockstep"] + limit] {
      let (program, told, _) = try scratch.result(words)
      // A recording of so much is what was asked for.
      #expect(program.status == (words[0] == "record" ? 0 : 124), "\(program.errors)")
      #expect(told.end == "limit" && told.statusOf == "rrtool" && told.position == 1_000_003)
    }
    // What ended the recorder is nothing that the guest did.
    let (replayed, told, _) = try scratch.result("replay", run)
    #expect(replayed.status == 0 && told.end == "end-of-recording" && told.recordedEnd == "limit")
    #expect(told.isSame == true && told.position == 1_000_003)
  }

  @Test(arguments: ["run", "record", "lockstep"]) func timeIsUp(_ kind: String) throws {
    let scratch = try Scratch()
    let verb = kind == "record" ? ["record", "-o", scratch.path("run.rr")] : ["run"]
    let engine = kind == "lockstep" ? ["--engine", "lockstep"] : []
    let began = Date()
    let (program, told, _) = try scratch.result(
      verb + engine + ["--bios", try scratch.busyProgram(), "--timeout", "700ms"])
    #expect(program.status == 124 && told.end == "timeout", "\(program.errors)")
    #expect(program.errors.contains("its time was up"), "\(program.errors)")
    #expect(told.hostSeconds >= 0.7 && Date().timeIntervalSince(began) < 30)
    guard kind == "record" else { return }
    let (replayed, again, _) = try scratch.result("replay", scratch.path("run.rr"))
    #expect(replayed.status == 0 && again.position == told.position && again.recordedEnd == "timeout")
    #expect(try scratch.rrtool("verify", scratch.path("run.rr")).status == 0)
    let late = try scratch.result("replay", scratch.path("run.rr"), "--timeout", "1ms")
    #expect([0, 124].contains(late.program.status))
  }

  /// A guest that waits for input that may come does not look at any clock.
  @Test func timeIsUpForOneThatWaits() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("echo"), "--timeout", "0.3", "--result",
      scratch.path("r.json"),
    ])
    #expect(try program.waitForResult().status == 124)
    #expect(try ResultDocument(try scratch.bytes("r.json")).result.end == "timeout")
  }

  @Test func theConsoleEndsTheRun() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let words = ["--bios", Place.guest("smp"), "--smp", "2", "--rng-seed", "off"]
    let whole = try scratch.rrtool(["run"] + words)
    let line = try #require(whole.lines.first { $0.count > 8 })
    let pattern = NSRegularExpression.escapedPattern(for: String(line.dropFirst(2).prefix(5)))
    var positions: Set<UInt64> = []
    for verb in [
      ["run"], ["run", "--engine", "interpreter"], ["run", "--engine", "lockstep"], ["record", "-o", run],
    ] {
      let (program, told, _) = try scratch.result(verb + words + ["--stop-on", pattern])
      #expect(program.status == 0 && told.end == "stop-on", "\(verb) \(program.errors)")
      #expect(program.errors.contains("the console said what was waited for"), "\(program.errors)")
      #expect(whole.text.hasPrefix(program.text) && program.text.hasSuffix(line.dropFirst(2).prefix(5)))
      positions.insert(try #require(told.position))
    }
    #expect(positions.count == 1, "\(positions)")
    for engine in ["interpreter", "auto"] {
      let (replayed, told, _) = try scratch.result("replay", run, "--engine", engine)
      #expect(replayed.status == 0 && told.position == positions.first && told.recordedEnd == "stop-on")
    }
    let summary = try scratch.rrtool("inspect", run)
    #expect(summary.text.contains("the console said"), "\(summary.text)")
    #expect(try scratch.rrtool("verify", run).status == 0)
    // What never comes ends nothing, and a guest that ends without it has not done well.
    for verb in [["run"], ["record", "--force", "-o", run], ["replay", run]] {
      let guest = verb[0] == "replay" ? [] : words
      let (program, told, _) = try scratch.result(verb + guest + ["--stop-on", "^no such line$"])
      #expect(program.status == 6 && told.end == "guest-exit" && told.statusOf == "rrtool", "\(verb)")
      #expect(told.isStopOnMet == false && told.guestStatus == 0)
      #expect(
        program.errors.contains("the console never said what --stop-on '^no such line$' waits for\n"),
        "\(program.errors)")
    }
  }

  /// Whatever else ended it has its own status; and who ends a run himself has what he wants.
  @Test func whatWasNotSaidIsTold() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    let never = ["--stop-on", "^no such line$"]
    for (guest, options, status, end) in [
      (Place.guest("status42"), [], 42, "guest-exit"),
      (Place.guest("counter"), ["--max-instructions", "5K"], 124, "limit"),
      (try scratch.busyProgram(), ["--timeout", "300ms"], 124, "timeout"),
    ] as [(String, [String], Int32, String)] {
      let (program, told, _) = try scratch.result(
        ["run", "--bios", guest] + options + never)
      #expect(program.status == status && told.end == end && told.isStopOnMet == false, "\(program.errors)")
      #expect(program.errors.contains("the console never said"), "\(program.errors)")
    }
    let limited = try scratch.result(
      ["record", "-o", run, "--bios", Place.guest("counter"), "--max-instructions", "5K"] + never)
    #expect(limited.program.status == 6 && limited.told.end == "limit", "\(limited.program.errors)")
    // It is what a failure looks like there.
    let rounds = try scratch.result(
      ["record", "--force", "-o", run, "--bios", Place.guest("hello"), "--until-failure=2"] + never)
    #expect(rounds.program.status == 0 && rounds.told.isStopOnMet == nil, "\(rounds.program.errors)")
    let met = try scratch.result("run", "--bios", Place.guest("hello"), "--stop-on", "status")
    #expect(met.program.status == 0 && met.told.isStopOnMet == true)
    #expect(try scratch.result("run", "--bios", Place.guest("hello")).told.isStopOnMet == nil)
  }

  @Test func theLostAreTold() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    for (end, words) in [("lost", [0x0000_006f]), ("deadlock", [0x1050_0073, 0xffdf_f06f])]
      as [(String, [UInt32])]
    {
      let guest = try scratch.program(words[0], words.last ?? 0)
      for verb in [["run"], ["record", "--force", "-o", run], ["run", "--engine", "lockstep"]] {
        let (program, told, _) = try scratch.result(verb + ["--bios", guest])
        #expect(program.status == 4 && told.end == end && told.statusOf == "rrtool", "\(program.errors)")
        #expect(told.message?.contains("stopped at position") == true)
      }
      let (replayed, told, _) = try scratch.result("replay", run)
      #expect(replayed.status == 4 && told.end == end && told.isSame == true)
    }
  }

  @Test(arguments: [SIGINT, SIGTERM, SIGHUP]) func aSignalIsTold(_ signal: Int32) throws {
    let scratch = try Scratch()
    for verb in [["run"], ["record", "-o", scratch.path("run.rr")]] {
      let program = try scratch.start(
        [Place.tool.path] + verb + ["--bios", Place.guest("echo"), "--result", scratch.path("r.json")])
      try program.wait(for: "quit ends")
      program.send(signal)
      let ended = try program.waitForResult()
      #expect(ended.status == 128 + signal, "\(ended.errors)")
      let told = try ResultDocument(try scratch.bytes("r.json")).result
      #expect(told.end == "interrupted" && told.signal == signal && told.exitStatus == 128 + signal)
      #expect(told.consoleTail?.contains("quit ends") == true)
    }
    let (replayed, told, _) = try scratch.result("replay", scratch.path("run.rr"))
    #expect(replayed.status == 0 && told.recordedEnd == "interrupted", "\(replayed.errors)")
  }

  /// The monitor's `quit` is asked for in as many words.
  @Test func quitIsNoFailure() throws {
    let scratch = try Scratch()
    let socket = scratch.path("m")
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("echo"), "--qmp", "unix:\(socket)", "--result",
      scratch.path("r.json"),
    ])
    try program.wait(for: "quit ends")
    #expect(try scratch.rrtool("monitor", socket, "quit").status == 0)
    #expect(try program.waitForResult().status == 0)
    let told = try ResultDocument(try scratch.bytes("r.json")).result
    #expect(told.end == "interrupted" && told.signal == nil && told.exitStatus == 0)
  }

  /// A signal that ends a command at once leaves a result as well.
  @Test func aSignalWhileVerifyingIsTold() throws {
    let scratch = try Scratch()
    try scratch.record(
      "run.rr", "--bios", scratch.busyProgram(), "--max-instructions", "3_000_000_000")
    let program = try scratch.start([
      Place.tool.path, "verify", scratch.path("run.rr"), "--result", scratch.path("r.json"),
    ])
    Thread.sleep(forTimeInterval: 0.3)
    program.send(SIGTERM)
    let ended = try program.waitForResult()
    let told = try ResultDocument(try scratch.bytes("r.json")).result
    #expect(told.end == (ended.status == 0 ? "good" : "interrupted") && told.command == "verify")
  }

  @Test func aDivergenceIsTold() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("status42"), "--memory", "16M", status: 42)
    // The log of another guest.
    try scratch.record("other.rr", "--bios", Place.guest("hello"), "--memory", "16M")
    let log = scratch.path("run.rr/replay.log")
    try FileManager.default.removeItem(atPath: log)
    try FileManager.default.copyItem(atPath: scratch.path("other.rr/replay.log"), toPath: log)
    for verb in ["replay", "verify"] {
      let (program, told, _) = try scratch.result(verb, scratch.path("run.rr"))
      #expect(
        program.status == (verb == "replay" ? 3 : program.status) && program.status != 0, "\(program.errors)")
      #expect(["divergence", "failure"].contains(told.end) && told.statusOf == "rrtool")
      #expect(told.errors?.isEmpty == false)
      if verb == "replay" { #expect(told.end == "divergence" && told.position != nil) }
    }
  }

  @Test func failuresAndWrongUsageAreTold() throws {
    let scratch = try Scratch()
    let failed = try scratch.result("run", "--bios", scratch.path("none.elf"))
    #expect(failed.program.status == 1 && failed.told.end == "failure" && failed.told.statusOf == "rrtool")
    #expect(failed.told.errors?.first.map { failed.program.errors.contains($0) } == true)
    let usage = try scratch.result("record", "--bios", Place.guest("hello"), "--smp", "99")
    #expect(usage.program.status == 64 && usage.told.end == "usage")
    let missing = try scratch.result("replay", scratch.path("none.rr"))
    #expect(missing.program.status == 1 && missing.told.end == "failure")
    #expect(try scratch.result("verify", scratch.path("none.rr")).told.end == "failure")
  }

  @Test(arguments: [
    ["--timeout", "0"], ["--timeout", "-1"], ["--timeout", "soon"], ["--timeout", "5x"],
    ["--timeout", "1.2.3"],
    ["--stop-on", "("], ["--stop-on", "a*"], ["--stop-on", "\\b"], ["--format", "yaml"],
  ]) func badOptionsAreNamed(_ words: [String]) throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool(["run", "--bios", Place.guest("hello"), "\(words[0])=\(words[1])"])
    #expect(result.status == 64 && result.text.isEmpty, "\(words) \(result.errors)")
    #expect(result.errors.hasPrefix("rrtool: \(words[0])") && result.errors.split(separator: "\n").count == 1)
  }

  @Test func aResultThatCannotBeWrittenIsToldBeforeTheRun() throws {
    let scratch = try Scratch()
    for place in [
      scratch.folder.path, scratch.folder.path + "/.", scratch.path("none/result.json"),
      "/proc/none/result.json",
    ] {
      let result = try scratch.rrtool("run", "--bios", Place.guest("hello"), "--result", place)
      #expect(result.status == 1 && result.text.isEmpty, "\(place): \(result.errors)")
      #expect(
        result.errors.contains(place) && result.errors.split(separator: "\n").count == 1, "\(result.errors)")
    }
    // A disk that is full at the end.
    let full = try scratch.rrtool("run", "--bios", Place.guest("hello"), "--result", "/dev/full")
    #expect(full.status == 1 && full.errors.contains("/dev/full"), "\(full.errors)")
    #expect(try scratch.rrtool("run", "--bios", Place.guest("hello"), "--result", "/dev/null").status == 0)
  }

  @Test func anOldResultGoesAtTheStart() throws {
    let scratch = try Scratch()
    _ = try scratch.file("r.json", "old".utf8)
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("echo"), "--result", scratch.path("r.json"),
    ])
    try program.wait(for: "quit ends")
    _ = try program.killed()
    #expect(!FileManager.default.fileExists(atPath: scratch.path("r.json")))
  }

  /// What stands behind a descriptor is written to and not replaced, and so is what a link leads to.
  @Test func descriptorsAndLinksStay() throws {
    let scratch = try Scratch()
    for line in ["/dev/fd/3 3>result", "/proc/self/fd/3 3>>result"] {
      let result = try scratch.run(
        [
          "sh", "-c",
          "cd \"$0\"; echo first >result; ln -sf result kept; \"$1\" run --bios \"$2\" --result \(line)",
          scratch.path(""), Place.tool.path, Place.guest("status42"),
        ])
      #expect(result.status == 42 && result.text.contains("hello: status 42"), "\(result.errors)")
      let text = String(decoding: try scratch.bytes("kept"), as: UTF8.self)
      #expect(text.hasPrefix("first\n") == line.contains(">>") && text.contains("guest-exit"), "\(text)")
    }
    let linked = try scratch.rrtool(
      "run", "--bios", Place.guest("status42"), "--result", scratch.path("kept"))
    #expect(linked.status == 42)
    #expect(try ResultDocument(scratch.bytes("result")).result.exitStatus == 42)
    #expect(try FileManager.default.destinationOfSymbolicLink(atPath: scratch.path("kept")) == "result")
    let closed = try scratch.rrtool("run", "--bios", Place.guest("status42"), "--result", "/dev/fd/77")
    #expect(
      closed.status == 1 && closed.text.isEmpty && closed.errors.hasPrefix("rrtool: /dev/fd/77: "),
      "\(closed.errors)")
  }

  @Test func standardOutputHasTheResultAlone() throws {
    let scratch = try Scratch()
    let run = scratch.path("run.rr")
    for words in [
      ["run", "--bios", Place.guest("status42"), "--format", "json"],
      ["run", "--bios", Place.guest("status42"), "--result", "-"],
      ["run", "--bios", Place.guest("status42"), "--result", "/dev/stdout"],
      ["record", "--bios", Place.guest("status42"), "-o", run, "--format", "json"],
      ["replay", run, "--format", "json"], ["replay", run, "--result", "-", "--format", "json"],
    ] {
      let result = try scratch.rrtool(words)
      let told = try ResultDocument(result.output).result
      #expect(told.command == words[0] && told.exitStatus == 42 && result.status == 42, "\(words)")
      #expect(result.errors.contains("hello: status 42"), "\(words) \(result.errors)")
    }
    let both = try scratch.rrtool(
      "verify", run, "--format", "json", "--result", scratch.path("r.json"))
    #expect(try ResultDocument(both.output).result.end == "good")
    #expect(try scratch.bytes("r.json").count > 100 && both.text.contains("\"is_good\":true"))
  }
}
