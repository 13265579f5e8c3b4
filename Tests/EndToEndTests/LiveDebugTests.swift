// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// A debugger that comes to a guest while it is recorded, goes back, and lets it go on.
@Suite struct LiveDebugTests {
  /// A recording that is being made, with a place for debuggers.
  private struct Live {
    let scratch: Scratch
    let program: HostProgram
    let socket: String

    init(_ guest: String, _ options: String...) throws {
      scratch = try Scratch()
      socket = scratch.path("gdb.sock")
      program = try scratch.start(
        [
          Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest(guest), "--memory",
          "16M", "--gdb", "unix:\(socket)",
        ] + options)
    }

    func attach() throws -> DebugClient { try DebugClient(to: socket, of: program) }

    /// Ends the recording and replays it.
    func replayAfterInterrupt() throws {
      program.send(SIGINT)
      let recorded = try program.waitForResult()
      #expect(recorded.status == 128 + SIGINT, "\(recorded.errors)")
      try expectTheSame()
    }

    func expectTheSame() throws {
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
      #expect(replayed.errors.contains("the same as recorded"), "\(replayed.errors)")
      let verified = try scratch.rrtool("verify", scratch.path("run.rr"))
      #expect(verified.status == 0, "\(verified.errors)")
    }
  }

  /// All that can be seen of a machine where it stands.
  private struct Sight: Equatable {
    var position: UInt64
    var registers: [String]
    var memory: String

    init(_ client: DebugClient, harts: Int = 1) throws {
      position = try client.position()
      registers = try (0..<harts).map { hart in
        _ = try client.request("Hg\(hart + 1)")
        return try client.request("g") + client.request("p\(String(65 + 0x341, radix: 16))")
      }
      memory = try client.request("m80100000,400")
    }
  }

  @Test func goesBackFromWhereARunIsAndLetsItGoOn() throws {
    let live = try Live("churn")
    try live.program.wait(for: "churn: ")
    let client = try live.attach()
    var seen: [Sight] = []
    for _ in 0..<3 {
      let here = try Sight(client)
      seen.append(here)
      // Back and forth, and a long way back.
      for distance in 1...5 {
        #expect(try client.resume("bs").pc != nil)
        #expect(try client.position() == here.position - UInt64(distance))
      }
      seen.append(try Sight(client))
      for _ in 0..<5 { _ = try client.resume("vCont;s:1") }
      #expect(try Sight(client) == here)
      try client.seek("\(here.position / 2)")
      seen.append(try Sight(client))
      try client.seek("end")
      #expect(try Sight(client) == here)
      try client.seek("start")
      #expect(try client.resume("bs").fields["replaylog"] == "begin")
      // Over all that it has been through, to the present, and on.
      let output = try live.program.outputSoFar().count
      client.send("vCont;c")
      try waitUntil("the guest goes on") { try live.program.outputSoFar().count > output }
      let stop = try client.interrupt()
      #expect(stop.signal == "02")
      #expect(try client.position() > here.position)
    }
    try client.leave()
    let output = try live.program.outputSoFar().count
    try waitUntil("the guest goes on") { try live.program.outputSoFar().count > output }
    try live.replayAfterInterrupt()
    // What was seen was the recorded run.
    let replay = try DebugClient(live.scratch, replaying: "run.rr")
    for sight in seen {
      try replay.seek("\(sight.position)")
      #expect(try Sight(replay) == sight)
    }
  }

  /// Steps of a live hart are the recording's: single ones, and over the end of what was recorded before.
  @Test func stepsTheRunItself() throws {
    let live = try Live("smp", "--smp", "4", "--paused")
    let client = try live.attach()
    var places: [(hart: Int, position: UInt64, pc: UInt64)] = []
    for step in 0..<300 {
      let hart = step / 7 % 4
      _ = try client.request("Hg\(hart + 1)")
      let stop = try client.resume("vCont;s:\(hart + 1)")
      try #require(stop.hart == hart && stop.fields["replaylog"] == nil, "\(stop)")
      places.append((hart, try client.position(), try #require(stop.pc)))
    }
    try client.leave()
    let recorded = try live.program.waitForResult()
    #expect(recorded.status == 0 && recorded.text.contains("right"), "\(recorded.errors)")
    try live.expectTheSame()
    let replay = try DebugClient(live.scratch, replaying: "run.rr")
    for place in places {
      _ = try replay.request("Hg\(place.hart + 1)")
      let stop = try replay.resume("vCont;s:\(place.hart + 1)")
      #expect(try replay.position() == place.position)
      #expect(stop.pc == place.pc)
    }
  }

  /// Breakpoints and watchpoints stop the run itself, exactly where they stop its replay.
  @Test func stopsAtWhatIsSetInTheRunItself() throws {
    let live = try Live("smp", "--smp", "2", "--paused")
    let client = try live.attach()
    let function = try symbol("software_interrupt", in: "smp")
    let word = try symbol("locked_sum", in: "smp")
    let stops = { (client: DebugClient, count: Int) in
      var found: [DebugClient.Stop] = []
      for _ in 0..<count {
        found.append(try client.resume("vCont;c"))
        if found.last?.fields["watch"] != nil { _ = try client.resume("vCont;s:\(found.last!.hart + 1)") }
        found[found.count - 1].fields["position"] = "\(try client.position())"
      }
      return found
    }
    _ = try client.request("Z2,\(word),8")
    var seen = try stops(client, 20)
    _ = try client.request("z2,\(word),8")
    _ = try client.request("Z0,\(function),4")
    seen += try stops(client, 20)
    #expect(seen.allSatisfy { $0.fields["replaylog"] == nil }, "\(seen)")
    // In reverse they are met in what the run came from.
    _ = try client.request("z0,\(function),4")
    _ = try client.request("Z2,\(word),8")
    let last = try client.position()
    let back = try client.resume("bc")
    #expect(back.fields["watch"] == word)
    #expect(try client.position() <= last)
    _ = try client.request("z2,\(word),8")
    try client.leave()
    #expect(try live.program.waitForResult().status == 0)
    try live.expectTheSame()
    let replay = try DebugClient(live.scratch, replaying: "run.rr")
    _ = try replay.request("Z2,\(word),8")
    var again = try stops(replay, 20)
    _ = try replay.request("z2,\(word),8")
    _ = try replay.request("Z0,\(function),4")
    again += try stops(replay, 20)
    #expect(again == seen)
  }

  /// The end of the run can be looked at and gone back from; then the debugger hears of it.
  @Test func theEndIsAPlaceToGoBackFrom() throws {
    let live = try Live("status42", "--paused")
    let client = try live.attach()
    let stop = try client.resume("vCont;c")
    #expect(stop.fields["replaylog"] == "end")
    let end = try client.position()
    #expect(try client.resume("bs").fields["replaylog"] == nil)
    #expect(try client.position() == end - 1)
    // Forward again, to the end and out of it.
    #expect(try client.resume("vCont;c").fields["replaylog"] == "end")
    #expect(try client.position() == end)
    #expect(try client.request("vCont;c") == "W2a")
    let recorded = try live.program.waitForResult()
    #expect(recorded.status == 42, "\(recorded.errors)")
    let replayed = try live.scratch.rrtool("replay", live.scratch.path("run.rr"))
    #expect(replayed.status == 42 && replayed.errors.contains("the same as recorded"), "\(replayed.errors)")
  }

  /// What is typed while the guest is stopped waits for it. A debugger that vanishes lets it go on.
  @Test func inputWaitsForAStoppedGuest() throws {
    let live = try Live("echo")
    try live.program.wait(for: "type lines")
    let client = try live.attach()
    let here = try client.position()
    try live.program.type("stopped\n")
    usleep(200_000)
    _ = try client.resume("bs")
    try client.seek("end")
    #expect(try client.position() == here)
    #expect(try !live.program.outputSoFar().contains("STOPPED"))
    client.send("vCont;c")
    try live.program.wait(for: "STOPPED")
    _ = try client.interrupt()
    _ = try client.resume("bs")
    client.vanish()
    try live.program.type("more\nquit\n")
    let recorded = try live.program.waitForResult()
    #expect(recorded.status == 0 && recorded.text.contains("MORE"), "\(recorded.errors)")
    #expect(recorded.errors.contains("without a word"))
    try live.expectTheSame()
  }

  /// It is kept in good spirits, and served as soon as the one before has gone, by a guest that sleeps too.
  @Test func theNextDebuggerWaitsForItsTurn() throws {
    let live = try Live("echo")
    try live.program.wait(for: "type lines")
    let first = try live.attach()
    let next = try ClientSocket(live.socket, patience: 10, of: live.program)
    _ = next.send(DebugClient.frame("?"))
    for _ in 0..<3 { #expect(next.receive().map(Array.init) == Array("+".utf8)) }
    try first.leave()
    var answer = ""
    while !answer.contains("$"), let bytes = next.receive() {
      answer += String(decoding: bytes, as: UTF8.self)
    }
    #expect(answer.contains("$T"), "\(answer)")
    next.hangUp()
    try live.replayAfterInterrupt()
  }

  /// The monitor sees the run where it has come to, and does not let it go on behind the debugger's back.
  @Test func theMonitorWorksMeanwhile() throws {
    let scratchSocket = "m.sock"
    let folder = try Scratch()
    let live = try Live("churn", "--qmp", "unix:" + folder.path(scratchSocket))
    try live.program.wait(for: "churn: ")
    let client = try live.attach()
    let here = try Sight(client)
    let monitor = try MonitorSocket(folder.path(scratchSocket))
    try monitor.negotiate()
    try client.seek("50%")
    let place = try Sight(client)
    let status = try #require(try monitor.ask("query-status") as? [String: Any])
    #expect(status["status"] as? String == "paused")
    let replay = try #require(try monitor.ask("query-replay") as? [String: Any])
    #expect((replay["icount"] as? NSNumber)?.uint64Value == here.position)
    #expect(try monitor.ask("cont") == nil)
    let saved = try monitor.ask("human-monitor-command", #"{"command-line": "savevm here"}"#)
    #expect(saved as? String == "")
    #expect(try Sight(client) == place)
    // Paused by the monitor while the debugger lets it run, it can still be stopped there.
    client.send("vCont;c")
    try waitUntil("it runs") {
      (try monitor.ask("query-status") as? [String: Any])?["status"] as? String == "running"
    }
    #expect(try monitor.ask("stop") != nil)
    _ = try client.interrupt()
    try client.leave()
    try live.replayAfterInterrupt()
    #expect(try live.scratch.rrtool("replay", live.scratch.path("run.rr"), "--from", "here").status == 0)
  }

  /// Ended by a signal while a debugger has it stopped, in the past, the recording is whole.
  @Test func aSignalEndsAStoppedRun() throws {
    let live = try Live("churn")
    try live.program.wait(for: "churn: ")
    let client = try live.attach()
    try client.seek("20%")
    try live.replayAfterInterrupt()
    client.vanish()
  }

  @Test func drivesAreAsTheyWere() throws {
    let folder = try Scratch()
    let disk = try folder.disk("disk.raw", sectors: 4096)
    let live = try Live("diskcheck", "--drive", "file=\(disk)", "--paused")
    let client = try live.attach()
    var seen: [Sight] = []
    for _ in 0..<12 {
      client.send("vCont;c")
      usleep(20_000)
      client.sendBytes([3])
      let reply = try client.reply()
      guard reply.hasPrefix("T02") else { break }
      let here = try Sight(client)
      try client.seek("\(here.position / 3)")
      seen.append(try Sight(client))
      try client.seek("\(here.position - here.position / 5)")
      seen.append(try Sight(client))
      try client.seek("end")
      #expect(try Sight(client) == here)
    }
    try client.leave()
    let recorded = try live.program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors) \(recorded.text)")
    try live.expectTheSame()
    let replay = try DebugClient(live.scratch, replaying: "run.rr")
    for sight in seen {
      try replay.seek("\(sight.position)")
      #expect(try Sight(replay) == sight)
    }
  }

  @Test func aPlaceThatIsTakenIsToldBeforeAnythingIsMade() throws {
    let scratch = try Scratch()
    let taken = try scratch.file("taken", [])
    for (place, words) in [
      ("unix:\(taken)", "cannot listen"), ("tcp:99999", "no place"), ("tcp:example.org:1234", "this machine"),
      ("stdio", "console"),
    ] {
      let result = try scratch.rrtool(
        "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("hello"), "--gdb", place)
      #expect(result.status != 0 && result.errors.contains(words), "\(place): \(result.errors)")
      #expect(result.errors.split(separator: "\n").count == 1, "\(result.errors)")
      #expect(!FileManager.default.fileExists(atPath: scratch.path("run.rr")))
    }
  }

  /// A real gdb: to a place, back, forward again, and away.
  @Test func realGDBGoesBackInARun() throws {
    let live = try Live("smp", "--smp", "2", "--paused")
    let result = try live.scratch.run([
      "gdb-multiarch", "-q", "-nx", "-batch", "-iex", "set auto-load off", Place.guest("smp"), "-ex",
      "target remote \(live.socket)", "-ex", "break software_interrupt", "-ex", "continue", "-ex",
      "python print('AT', gdb.selected_frame().name())", "-ex", "reverse-stepi", "-ex", "reverse-stepi",
      "-ex", "delete", "-ex", "stepi", "-ex", "stepi", "-ex",
      "python print('AGAIN', gdb.selected_frame().name())", "-ex", "watch *(long *)&locked_sum", "-ex",
      "reverse-continue", "-ex", "python print('SUM', gdb.parse_and_eval('*(long *)&locked_sum'))", "-ex",
      "delete",
      "-ex", "detach",
    ])
    let text = result.text + result.errors
    #expect(text.contains("AT software_interrupt"), "\(text)")
    #expect(text.contains("AGAIN software_interrupt"), "\(text)")
    #expect(text.contains("SUM 9999"), "\(text)")
    let recorded = try live.program.waitForResult()
    #expect(recorded.status == 0 && recorded.text.contains("right"), "\(recorded.errors)")
    try live.expectTheSame()
  }

  /// What another hart met in the run itself, while it was to stand still, is told when it may go.
  @Test func keepsStopsOfHartsThatStandStill() throws {
    let live = try Live("smp", "--smp", "2", "--paused")
    let client = try live.attach()
    #expect(try client.request("Z2,\(try symbol("locked_sum", in: "smp")),8") == "OK")
    let first = try client.resume("vCont;c")
    let other = first.hart == 0 ? 1 : 0
    let place = try client.position()
    // Behind all that is recorded by now.
    #expect(try client.resume("vCont;c:\(other + 1)").hart == other)
    let end = try client.position()
    #expect(end > place)
    let kept = try client.resume("vCont;c")
    #expect(kept.hart == first.hart && kept.fields["watch"] != nil)
    let again = try client.position()
    #expect(again > place && again < end)
    // It is where a run over the same stretch ends.
    try client.seek("\(place)")
    var hits: [UInt64] = []
    for _ in 0..<2 {
      _ = try client.resume("vCont;c")
      hits.append(try client.position())
    }
    #expect(hits.contains(again))
    try client.leave()
    #expect(try live.program.waitForResult().status == 0)
    try live.expectTheSame()
  }

  /// `snapshot` is of where the run has come to.
  @Test func savesSnapshots() throws {
    let live = try Live("churn")
    try live.program.wait(for: "churn: ")
    let client = try live.attach()
    let here = try Sight(client)
    #expect(try client.monitor("snapshot first").contains("Snapshot first at position"))
    #expect(try Sight(client) == here)
    #expect(try client.monitor("snapshot first").contains("has a snapshot 'first' already"))
    #expect(try client.monitor("snapshot 12").contains("12"))
    _ = try client.resume("bs")
    #expect(
      try client.monitor("seek nowhere").contains("nowhere: is neither a position nor the name of a snapshot")
    )
    try client.seek("first")
    #expect(try Sight(client) == here)
    try client.seek("replay_init")
    #expect(try client.position() == 0)
    #expect(try client.monitor("snapshot second").contains("seek end"))
    try client.seek("end")
    #expect(try Sight(client) == here)
    #expect(try client.monitor("snapshot second").contains("Snapshot second at position"))
    try client.leave()
    try live.replayAfterInterrupt()
    let replay = try DebugClient(live.scratch, replaying: "run.rr")
    for name in ["first", "second"] {
      try replay.seek(name)
      #expect(try Sight(replay) == here, "\(name)")
    }
  }

  private func symbol(_ name: String, in guest: String) throws -> String {
    let result = try Scratch().run([
      "gdb-multiarch", "-q", "-nx", "-batch", "-ex", "p/x &\(name)", Place.guest(guest),
    ])
    return String(try #require(result.text.split(separator: "0x").last?.prefix { $0.isHexDigit }))
  }
}
