// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import Execution
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// A guest that resets the machine once: memory and harts begin anew, position, time and log go on.
@Suite struct ResetTests {
  /// Executes 1,000 instructions, resets the machine, and powers off where they have been executed already: a hart's
  /// count is among the few things that a reset leaves alone.
  static let program: [UInt32] = [
    0xc020_22f3,  // rdinstret t0
    0x3e80_0313,  // li t1, 1000
    0x0010_03b7,  // lui t2, 0x100
    0x0062_fe63,  // bgeu t0, t1, +28
    0xc020_22f3,  // rdinstret t0
    0xfe62_eee3,  // bltu t0, t1, -4
    0x0000_7e37,  // lui t3, 7
    0x777e_0e13,  // addi t3, t3, 0x777
    0x01c3_a023,  // sw t3, (t2): reset
    0x0000_006f,  // j .
    0x0000_5e37,  // lui t3, 5
    0x555e_0e13,  // addi t3, t3, 0x555
    0x01c3_a023,  // sw t3, (t2): power off
    0x0000_006f,  // j .
  ]

  /// Records it on two harts.
  static func record(in folder: TestFolder, powersOffAtReset: Bool = false) throws -> Recording {
    var image = ByteWriter()
    for word in program { image.uint32(word) }
    var guest = Guest(name: "reset", memorySize: 4 << 20, hartCount: 2, shift: 3, sleeps: false)
    guest.powersOffAtReset = powersOffAtReset
    guest.use(.bios, image.bytes, from: "reset.bin")
    let options = Recorder.Options(output: folder.file("reset.rr"), digestInterval: 1_000)
    let recorder = try Recorder(guest, options, inbox: Inbox(), console: KeptOutput())
    _ = try recorder.run(limit: 1_000_000)
    return try Recording(opening: folder.file("reset.rr"))
  }

  /// `--no-reboot`, and the same in a replay from a snapshot just before the reset.
  @Test func aResetEndsAMachineThatPowersOffThere() throws {
    let folder = TestFolder()
    let recording = try Self.record(in: folder, powersOffAtReset: true)
    #expect(recording.manifest.machine.powersOffAtReset == true)
    let end = try #require(recording.manifest.ending)
    #expect(end.reason == .poweredOff && end.status == 0 && (1_000..<1_021).contains(end.position))
    let timeline = try Timeline(recording)
    #expect(try timeline.run(until: end.position - 1) == .position)
    try timeline.createSnapshot("before")
    for snapshot in [nil, "before"] {
      let replay = try Timeline(recording, from: snapshot)
      #expect(try replay.run() == .end(.poweredOff(status: 0)))
      #expect(replay.position == end.position)
    }
  }

  @Test func aGuestsOwnResetIsLoggedAndReplayed() throws {
    let folder = TestFolder()
    let recording = try Self.record(in: folder)
    let cursor = try ReplayLogReader(opening: recording.logPath).makeCursor()
    var resets: [UInt64] = []
    var end: LogEnd?
    while let event = try cursor.next() {
      if event.payload == .reset(.guest) { resets.append(event.position) }
      if case .end(let how) = event.payload { end = how }
    }
    // Hart 0 has the first turn, of 5,000 instructions.
    let reset = try #require(resets.first)
    #expect(resets.count == 1 && reset >= 1_000 && reset < 1_020)
    #expect(end == .poweredOff(status: 0))

    for place in [reset - 1, reset, reset + 1] {
      let name = "at-\(place)"
      let timeline = try Timeline(recording)
      #expect(try timeline.run(until: place) == .position)
      try timeline.createSnapshot(name)
      let stop = try Timeline(recording, from: name).run()
      #expect(stop == .end(.poweredOff(status: 0)))
    }
  }
}
