// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

/// The monitor's socket, from outside: runs, recordings and replays that are controlled.
@Suite struct MonitorTests {
  /// Starts rrtool with a monitor, and connects to it.
  private func start(
    _ scratch: Scratch, _ arguments: String...
  ) throws -> (program: HostProgram, monitor: MonitorSocket) {
    let program = try scratch.start(
      [Place.tool.path] + arguments + ["--qmp", "unix:" + scratch.path("m.sock")])
    let monitor = try MonitorSocket(scratch.path("m.sock"))
    try monitor.negotiate()
    return (program, monitor)
  }

  /// What the monitor did to a guest that was recorded is in the recording, and happens again.
  @Test func aControlledRecordingReplaysTheSame() throws {
    let scratch = try Scratch()
    let (program, monitor) = try start(
      scratch, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"), "--memory", "16M")
    try program.wait(for: "quit ends")
    #expect(try monitor.ask("stop") != nil)
    try program.type("typed while paused\r")
    #expect((try monitor.ask("query-status") as? [String: Any])?["status"] as? String == "paused")
    #expect(try monitor.ask("cont") != nil)
    try program.wait(for: "TYPED WHILE PAUSED")
    #expect(try monitor.ask("system_reset") != nil)
    let reset = try monitor.wait(for: "RESET")
    #expect((reset["data"] as? [String: Any])?["guest"] as? Bool == false)
    try waitUntil("the guest starts again") {
      try program.outputSoFar().components(separatedBy: "quit ends").count == 3
    }
    try program.type("after the reset\r")
    try program.wait(for: "AFTER THE RESET")
    #expect(try monitor.ask("system_powerdown") != nil)
    _ = try monitor.wait(for: "SHUTDOWN")
    #expect(try monitor.next() == nil, "the monitor ends with the run")

    let recorded = try program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(!FileManager.default.fileExists(atPath: scratch.path("m.sock")))
    try scratch.expectReplay("run.rr", equals: recorded)
    let events = try scratch.rrtool("inspect", scratch.path("run.rr"), "events", "--format", "csv")
    for note in ["monitor: stop", "monitor: cont", "monitor: system_reset", "monitor: system_powerdown"] {
      #expect(events.text.contains(note))
    }
  }

  /// drgn has a core dumped into a descriptor that it passes; here of a replay.
  @Test func aDumpGoesIntoAPassedDescriptor() throws {
    let scratch = try Scratch()
    try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let (program, monitor) = try start(scratch, "replay", scratch.path("run.rr"), "--paused")
    let core = try FileHandle(forUpdating: URL(filePath: scratch.file("core", [])))
    #expect(try monitor.ask("getfd", #"{"fdname": "core"}"#, passing: [core.fileDescriptor]) != nil)
    let dump = #"{"paging": false, "protocol": "fd:core", "begin": 2147483648, "length": 1}"#
    #expect(try monitor.ask("dump-guest-memory", dump) != nil)
    #expect(try scratch.bytes("core").starts(with: [0x7f, 0x45, 0x4c, 0x46]))

    // What it passed and did not use is closed when the client goes.
    let pipe = Pipe()
    let writer = pipe.fileHandleForWriting.fileDescriptor
    #expect(try monitor.ask("getfd", #"{"fdname": "pipe"}"#, passing: [writer, writer]) != nil)
    #expect(try monitor.ask("query-status", passing: [writer]) != nil)
    try pipe.fileHandleForWriting.close()
    monitor.hangUp()
    #expect(try pipe.fileHandleForReading.readToEnd() == nil)
    let next = try MonitorSocket(scratch.path("m.sock"))
    try next.negotiate()
    #expect(try next.ask("closefd", #"{"fdname": "pipe"}"#) == nil)
    #expect(try next.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  @Test func onlyTheUserMayConnectAndNothingIsOverwritten() throws {
    let scratch = try Scratch()
    let socket = scratch.path("m.sock")
    let (program, monitor) = try start(scratch, "run", "--bios", Place.guest("echo"), "--memory", "16M")
    let permissions = try FileManager.default.attributesOfItem(atPath: socket)[.posixPermissions] as? Int
    #expect(permissions == 0o600)
    let second = try scratch.rrtool("run", "--bios", Place.guest("hello"), "--qmp", "unix:" + socket)
    #expect(second.status == 1)
    #expect(second.errors.contains("Address already in use; remove what stands there"), "\(second.errors)")
    let file = try scratch.file("file", [1, 2, 3])
    #expect(try scratch.rrtool("run", "--bios", Place.guest("hello"), "--qmp", "unix:" + file).status == 1)
    #expect(try scratch.bytes("file") == [1, 2, 3])
    let long = try scratch.rrtool(
      "run", "--bios", Place.guest("hello"), "--qmp", "unix:" + String(repeating: "x", count: 150))
    #expect(long.status == 64 && long.errors.contains("is too long for a socket"), "\(long.errors)")
    for wrong in ["tcp:1", "unix:", socket, "unix:x,wait=on"] {
      #expect(
        try scratch.rrtool("run", "--bios", Place.guest("hello"), "--qmp", wrong).status == 64, "\(wrong)")
    }
    #expect(try monitor.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  /// One client waits for its slow dump, another is served meanwhile and ends it; the first hears of it.
  @Test func aSlowDumpHoldsUpNoOtherClient() throws {
    let scratch = try Scratch()
    let (program, first): (HostProgram, MonitorSocket) = try start(
      scratch, "run", "--bios", Place.guest("churn"), "--memory", "64M")
    #expect(try first.ask("migrate-set-parameters", #"{"max-bandwidth": 100000}"#) != nil)
    let dump = #"{"paging": false, "protocol": "file:\#(scratch.path("core"))"}"#
    first.send(#"{"execute": "dump-guest-memory", "arguments": \#(dump)}"#)
    let second = try MonitorSocket(scratch.path("m.sock"))
    try second.negotiate()
    func status() throws -> String? {
      ((try second.ask("query-dump")) as? [String: Any])?["status"] as? String
    }
    while try status() == "none" { usleep(10_000) }
    #expect(try status() == "active")
    #expect(try second.ask("migrate_cancel") != nil)
    let event = try first.wait(for: "DUMP_COMPLETED")
    #expect(event["data"] != nil)
    #expect(try first.ask("query-status") == nil, "the answer to the dump comes first")
    #expect(try first.next()?["return"] != nil)
    #expect(try second.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  /// More than are served at a time wait for one to leave, however it leaves.
  @Test func theNinthClientIsNext() throws {
    let scratch = try Scratch()
    var (program, first): (HostProgram, MonitorSocket?) = try start(
      scratch, "run", "--bios", Place.guest("echo"), "--memory", "16M")
    let others = try (0..<7).map { _ in try MonitorSocket(scratch.path("m.sock")) }
    for other in others { try other.negotiate() }
    let ninth = try MonitorSocket(scratch.path("m.sock"))
    first?.send(#"{"execute": "query-sta"#)
    first = nil
    try ninth.negotiate()
    #expect(try ninth.ask("query-status") != nil)
    #expect(try ninth.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  /// Garbage, floods, and a client that asks and never reads: the guest runs on, and the next client is served.
  @Test func badClientsDoNotHoldUpTheGuest() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("echo"), "--memory", "16M", "--qmp",
      "unix:" + scratch.path("m.sock"),
    ])
    do {
      let client = try MonitorSocket(scratch.path("m.sock"))
      try client.negotiate()
      for text in ["nonsense\n", "[1, 2", "]\n", "{\"a\": \"\u{1}\"}\n", "\u{0}\n"] { client.send(text) }
      client.send([0x22, 0xff, 0xfe, 0x0a])
      client.send(String(repeating: "[", count: 100_000) + "\n")
      client.send("{\"execute\": \"" + String(repeating: "x", count: 3 << 20) + "\n")
      for _ in 0..<4 { #expect(try client.next()?["error"] != nil) }
      #expect(try client.ask("query-status") == nil, "the answer to one of the texts above comes first")
    }
    do {
      let deaf = try MonitorSocket(scratch.path("m.sock"))
      deaf.send(#"{"execute": "qmp_capabilities"}"#)
      for _ in 0..<40_000 { deaf.send(#"{"execute": "query-commands"}"#) }
    }
    try program.type("still here\r")
    try program.wait(for: "STILL HERE")
    let last = try MonitorSocket(scratch.path("m.sock"))
    try last.negotiate()
    #expect(try last.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  @Test func aReplayGoesBackAndForth() throws {
    let scratch = try Scratch()
    let recorded = try scratch.record("run.rr", "--bios", Place.guest("counter"), "--memory", "16M")
    let end = try scratch.summary(scratch.path("run.rr")).run.endPosition
    let (program, monitor) = try start(scratch, "replay", scratch.path("run.rr"), "--paused")
    func position() throws -> UInt64? {
      ((try monitor.ask("query-replay") as? [String: Any])?["icount"] as? NSNumber)?.uint64Value
    }
    func registers() throws -> String? {
      try monitor.ask("human-monitor-command", #"{"command-line": "info registers -a"}"#) as? String
    }
    #expect(try position() == 0)
    #expect(try monitor.ask("replay-seek", #"{"icount": 3000001}"#) != nil)
    _ = try monitor.wait(for: "STOP")
    #expect(try position() == 3_000_001)
    let there = try registers()
    #expect(try monitor.ask("replay-break", #"{"icount": 4000000}"#) != nil)
    #expect(try monitor.ask("cont") != nil)
    _ = try monitor.wait(for: "STOP")
    #expect(try position() == 4_000_000)
    #expect(try registers() != there)
    #expect(try monitor.ask("snapshot-save", #"{"job-id": "s", "tag": "four"}"#) != nil)
    while (try monitor.wait(for: "JOB_STATUS_CHANGE")["data"] as? [String: Any])?["status"] as? String
      != "concluded"
    {}
    #expect(try monitor.ask("replay-seek", #"{"icount": 3000001}"#) != nil)
    _ = try monitor.wait(for: "STOP")
    #expect(try registers() == there, "back is the same place")
    #expect(try monitor.ask("cont") != nil)
    _ = try monitor.wait(for: "STOP")
    #expect(try position() == end)
    for wrong in ["\(end + 1)", "18446744073709551615", "-1", "\"start\""] {
      #expect(try monitor.ask("replay-seek", "{\"icount\": \(wrong)}") == nil, "\(wrong)")
    }
    #expect(try monitor.ask("system_reset") == nil, "a replay has no buttons")
    #expect(try position() == end)
    #expect(try monitor.ask("quit") != nil)
    let result = try program.waitForResult()
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.output == recorded.output)
    #expect(
      try scratch.summary(scratch.path("run.rr")).snapshots.contains {
        $0.name == "four" && $0.position == 4_000_000
      })
  }

  /// Snapshots that are asked for while the guest is recorded: a replay goes on from each of them.
  @Test func snapshotsAreSavedWhileRecording() throws {
    let scratch = try Scratch()
    let drive = "file=\(try scratch.disk("disk.raw", sectors: 1024))"
    let (program, monitor) = try start(
      scratch, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"), "--memory", "16M",
      "--drive",
      drive, "--snapshot-every", "off")
    func save(_ name: String) throws -> String? {
      #expect(try monitor.ask("snapshot-save", "{\"job-id\": \"\(name)\", \"tag\": \"\(name)\"}") != nil)
      while (try monitor.wait(for: "JOB_STATUS_CHANGE")["data"] as? [String: Any])?["status"] as? String
        != "concluded"
      {}
      let jobs = try monitor.ask("query-jobs") as? [[String: Any]]
      return jobs?.first { $0["id"] as? String == name }?["error"] as? String
    }
    try program.wait(for: "quit ends")
    #expect(try save("first") == nil)
    try program.type("between\r")
    try program.wait(for: "BETWEEN")
    #expect(try monitor.ask("stop") != nil)
    #expect(try save("paused") == nil)
    #expect(try save("auto-1")?.contains("of its own") == true)
    #expect(try save("replay_init")?.contains("already") == true)
    #expect(try monitor.ask("human-monitor-command", #"{"command-line": "savevm first"}"#) as? String != "")
    #expect(try monitor.ask("human-monitor-command", #"{"command-line": "savevm last"}"#) as? String == "")
    #expect(try monitor.ask("cont") != nil)
    try program.type("quit\r")
    let recorded = try program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    let names = try scratch.summary(scratch.path("run.rr")).snapshots.map(\.name)
    #expect(Set(names) == ["replay_init", "first", "paused", "last"], "\(names)")
    for name in names {
      let replayed = try scratch.rrtool("replay", scratch.path("run.rr"), "--from", name)
      #expect(
        replayed.status == 0 && replayed.errors.contains("the same as recorded"),
        "\(name): \(replayed.errors)")
    }
    try scratch.expectSoundFiles("run.rr")
  }

  /// `rrtool monitor`: a command on the command line, and lines on standard input.
  @Test func peopleTalkThroughRRTool() throws {
    let scratch = try Scratch()
    let socket = scratch.path("m.sock")
    let program = try scratch.start([
      Place.tool.path, "run", "--bios", Place.guest("smp"), "--smp", "2", "--memory", "16M", "--paused",
      "--qmp",
      "unix:" + socket,
    ])
    try waitUntil("the monitor listens") { try scratch.rrtool("monitor", socket, "info", "name").status == 0 }
    #expect(try scratch.rrtool("monitor", socket, "info", "status").text == "VM status: paused (prelaunch)\n")
    let several = try scratch.rrtool(["monitor", socket], input: "info name\np 6*7\n\ncpu 1\n")
    #expect(several.text == "smp.elf\n0x2a\n")
    let wrong = try scratch.rrtool("monitor", socket, "savevm", "x")
    #expect(wrong.status == 1)
    #expect(wrong.errors.contains("a run that is not recorded has nowhere to keep one"), "\(wrong.errors)")
    let unknown = try scratch.rrtool(["monitor", socket], input: "frob\ninfo name\n")
    #expect(unknown.status == 1 && unknown.text == "smp.elf\n")
    #expect(try scratch.rrtool("monitor", socket, "cont").status == 0)
    let result = try program.waitForResult()
    #expect(result.status == 0)
    #expect(result.lines.last?.hasSuffix(": right") == true)
    let gone = try scratch.rrtool("monitor", socket, "info", "status")
    #expect(gone.status == 1 && gone.errors.contains("cannot connect"))
  }

  /// Ctrl-A c on the console's terminal: to the monitor, and back to the guest.
  @Test func theConsoleLeadsToTheMonitor() throws {
    let scratch = try Scratch()
    let script = scratch.path("typescript")
    let program = try scratch.start([
      "script", "--quiet", "--flush", "--return", "--command",
      "\(Place.tool.path) run --memory 16M --bios \(Place.guest("echo"))", script,
    ])
    try program.wait(for: "quit ends")
    try program.type("\u{1}c")
    try program.wait(for: "(rrtool) ")
    try program.type("sto\u{7f}\u{7f}\u{7f}info sta\t\r")
    try program.wait(for: "VM status: running")
    try program.type("stop\rinfo status\r")
    try program.wait(for: "VM status: paused")
    try program.type("cont\r\u{1}c")
    try program.type("for the guest\r")
    try program.wait(for: "FOR THE GUEST")
    try program.type("quit\r")
    #expect(try program.waitForResult().status == 0)
  }

  // MARK: Consoles at sockets

  /// A client of the console that never reads does not hold up a guest that prints without end: it is cut off, and the next
  /// one is served.
  @Test func aDeafClientOfTheConsoleIsCutOff() throws {
    let scratch = try Scratch()
    let path = scratch.path("console.sock")
    // lui a0,0x10000; li a1,'A'; sb a1,0(a0); j -4
    let code: [UInt32] = [0x1000_0537, 0x0410_0593, 0x00b5_0023, 0xffdf_f06f]
    let image = try scratch.file(
      "print", code.flatMap { word in (0..<4).map { UInt8(word >> ($0 * 8) & 255) } })
    let (program, monitor) = try start(
      scratch, "run", "--bios", image, "--memory", "16M", "--serial", "unix:" + path, "--paused")
    func position() throws -> Int {
      try #require((try monitor.ask("query-replay") as? [String: Any])?["icount"] as? Int)
    }
    let deaf = try MonitorSocket(path)
    // It is the console's when what it sends arrives; the guest does not read, but its machine takes it.
    deaf.send("x")
    #expect(try monitor.ask("cont") != nil)
    usleep(300_000)
    let next = try MonitorSocket(path)
    #expect(next.receive(until: "AAAA") != nil, "the next client is not served")
    #expect(deaf.receive(until: "no such text") == nil, "the end of what it was sent")
    let before = try position()
    try waitUntil("the guest goes on") { try position() > before }
    #expect(try monitor.ask("quit") != nil)
    #expect(try program.waitForResult().status == 0)
  }

  @Test func theConsoleIsAtASocket() throws {
    let scratch = try Scratch()
    let path = scratch.path("console.sock")
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"), "--memory",
      "16M",
      "--serial", "unix:" + path,
    ])
    do {
      let first = try MonitorSocket(path, patience: 1)
      // What comes before the guest has set up its serial port is lost.
      try waitUntil("the guest answers") {
        first.send("one client\r")
        return first.receive(until: "ONE CLIENT\r\n") != nil
      }
    }
    let second = try MonitorSocket(path)
    second.send("and the next\r")
    #expect(second.receive(until: "AND THE NEXT\r\n") != nil)
    second.send("quit\r")
    #expect(second.receive(until: "lines\r\n") != nil)
    let recorded = try program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.output.isEmpty)
    #expect(!FileManager.default.fileExists(atPath: path))
    let replayed = try scratch.rrtool("replay", scratch.path("run.rr"))
    #expect(replayed.text.contains("AND THE NEXT\r\n"))
    let busy = try scratch.file("busy", [])
    #expect(try scratch.rrtool("run", "--bios", Place.guest("hello"), "--serial", "unix:" + busy).status == 1)
  }
}
