// SPDX-License-Identifier: Apache-2.0

import Testing

/// Every bare-metal guest, recorded and replayed.
@Suite struct GuestTests {
  struct Guest: CustomTestStringConvertible, Sendable {
    let name: String
    var harts = 1
    var status: Int32 = 0
    var lastLine: String
    var hasDisk = false
    var options: [String] = []
    var testDescription: String { "\(name), \(harts) harts" }
  }

  static let guests: [Guest] = [
    Guest(name: "hello", lastLine: "hello: status 0"),
    Guest(name: "status42", status: 42, lastLine: "hello: status 42"),
    Guest(name: "counter", lastLine: "counter: done"),
    Guest(name: "idle", lastLine: "idle: 100 timer interrupts, a second of guest time passed"),
    Guest(name: "selfmodify", lastLine: "selfmodify: right"),
    Guest(name: "codeflood", lastLine: "codeflood: right"),
    Guest(name: "firmware", harts: 2, lastLine: "firmware: 11 checks, 0 failed"),
    Guest(name: "remap", lastLine: "remap: cause 9, sum 1515000: right"),
    Guest(
      name: "traps",
      lastLine:
        "traps: 1280 load faults, 2560 store faults, 2040 user calls, 40 supervisor calls, sum 1625480: right"
    ),
    Guest(
      name: "smp", harts: 2,
      lastLine: "smp: 2 harts, 10000 by lock, 15000 by atomic additions, 200 rounds of the token: right"),
    Guest(
      name: "smp", harts: 8,
      lastLine: "smp: 8 harts, 40000 by lock, 180000 by atomic additions, 200 rounds of the token: right"),
    Guest(name: "diskfill", lastLine: "diskfill: 1024 sectors written and read back", hasDisk: true),
    Guest(name: "diskscatter", lastLine: "diskscatter: 10000 writes", hasDisk: true),
    Guest(name: "diskcheck", lastLine: "diskcheck: 86 checks, 0 failed", hasDisk: true),
    Guest(
      name: "diskcheck-legacy", lastLine: "diskcheck: 86 checks, 0 failed", hasDisk: true,
      options: ["--virtio", "legacy"]),
  ]

  @Test(arguments: guests) func replaysAsRecorded(_ guest: Guest) throws {
    let scratch = try Scratch()
    var options = ["--bios", Place.guest(guest.name), "--smp", String(guest.harts), "--memory", "64M"]
    options += guest.options
    if guest.hasDisk { options += ["--drive", "file=\(try scratch.disk("disk.raw", sectors: 1024))"] }

    let recorded = try scratch.rrtool(
      ["record", "-o", scratch.path("run.rr")] + options)
    #expect(recorded.status == guest.status, "\(recorded.errors)")
    #expect(recorded.lines.last == guest.lastLine)
    try scratch.expectReplay("run.rr", equals: recorded)
    try scratch.expectSoundFiles("run.rr")

    let console = try scratch.rrtool("inspect", scratch.path("run.rr"), "console")
    #expect(console.output == recorded.output)
  }

  /// What was typed comes again in a replay that has no keyboard.
  @Test func typedLinesComeAgain() throws {
    let scratch = try Scratch()
    let program = try scratch.start([
      Place.tool.path, "record", "-o", scratch.path("run.rr"), "--bios", Place.guest("echo"),
    ])
    for (prompt, line) in [
      ("quit ends", "what is typed here\r"), ("WHAT IS TYPED HERE", "comes back\r"), ("COMES BACK", "quit\r"),
    ] {
      try program.wait(for: prompt)
      try program.type(line)
    }
    let recorded = try program.waitForResult()
    #expect(recorded.status == 0, "\(recorded.errors)")
    #expect(recorded.lines.last == "echo: 35 bytes, 2 lines")
    try scratch.expectReplay("run.rr", equals: recorded)
  }

  /// Pure computation does not depend on whether it is recorded, nor on the engine.
  @Test(arguments: ["counter", "selfmodify", "codeflood", "remap", "traps"]) func enginesAgree(_ name: String)
    throws
  {
    let scratch = try Scratch()
    var positions: Set<UInt64> = []
    var outputs: Set<[UInt8]> = []
    for engine in ["auto", "interpreter"] {
      let recorded = try scratch.record("\(engine).rr", "--engine", engine, "--bios", Place.guest(name))
      outputs.insert(recorded.output)
      positions.insert(try scratch.summary(scratch.path("\(engine).rr")).run.endPosition)
    }
    outputs.insert(try scratch.rrtool("run", "--bios", Place.guest(name)).output)
    #expect(positions.count == 1)
    #expect(outputs.count == 1)
  }

  /// Both engines at once give the guest's output and status, once.
  @Test func lockstepRunsTheGuest() throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool("run", "--bios", Place.guest("status42"), "--engine", "lockstep")
    #expect(result.status == 42, "\(result.errors)")
    #expect(result.lines == ["hello: status 42"])
  }

  @Test func stopsAfterTheInstructionsAskedFor() throws {
    let scratch = try Scratch()
    let result = try scratch.record(
      "run.rr", "--bios", Place.guest("counter"), "--max-instructions", "1_000_003")
    #expect(result.errors.contains("reached its limit at position 1,000,003"))
    let plain = try scratch.rrtool("run", "--bios", Place.guest("counter"), "--max-instructions", "1_000_003")
    #expect(plain.status == 124)
    #expect(plain.errors == "rrtool: reached its limit at position 1,000,003\n")
    #expect(try scratch.summary(scratch.path("run.rr")).run.endPosition == 1_000_003)
  }

  /// Positions from the end begin with a minus, and follow their option like any other; they are shown as they may be
  /// typed.
  @Test func positionsFromTheEnd() throws {
    let scratch = try Scratch()
    try scratch.record(
      "run.rr", "--bios", Place.guest("counter"), "--max-instructions", "1_000_000")
    let run = scratch.path("run.rr")
    let replayed = try scratch.rrtool("replay", run, "--to", "-400_000")
    #expect(replayed.errors == "rrtool: replayed to position 600,000\n")
    let tenth = try scratch.rrtool("replay", "--to", "-1,000", run)
    #expect(tenth.errors == "rrtool: replayed to position 999,000\n")
    let created = try scratch.rrtool("snapshot", "create", "late", run, "--at", "-5")
    #expect(created.text == "snapshot late at position 999,995\n", "\(created.errors)")
    let events = try scratch.rrtool("inspect", run, "events", "--from", "-1", "--to", "-0", "--format", "csv")
    #expect(events.status == 0, "\(events.errors)")
    #expect(events.lines.count > 1)
    #expect(events.lines.dropFirst().allSatisfy { $0.contains(",1000000,") })
  }

  /// The console goes to a file as it would to standard output.
  @Test func serialPortGoesToAFile() throws {
    let scratch = try Scratch()
    let result = try scratch.rrtool(
      "run", "--bios", Place.guest("hello"), "--serial", "file:" + scratch.path("console.txt"))
    #expect(result.status == 0)
    #expect(result.output.isEmpty)
    #expect(String(decoding: try scratch.bytes("console.txt"), as: UTF8.self) == "hello: status 0\r\n")
  }
}
