// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// What a recording is at many places, found out by one replay from its start to its end that never goes back.
struct StraightRun {
  /// Digests and guest time at each place, by position.
  private(set) var states: [UInt64: State] = [:]
  let places: [UInt64]
  let stop: Timeline.Stop
  /// Where it ended.
  let end: State
  let output: String

  struct State: Equatable {
    var moment: Moment
    var digests: [UInt64]

    init(_ timeline: Timeline) {
      moment = timeline.now
      digests = timeline.machine.digests()
    }
  }

  /// Places are: the start, random ones, the log's events (some, of a long log) and next to them, and the last position.
  init(_ recording: Recording, engine: Machine.Engine, random: inout SeededGenerator) throws {
    let log = try recording.openLog()
    let last = log.last.position
    var places: Set<UInt64> = [0, 1, last]
    for _ in 0..<60 { places.insert(UInt64.random(in: 0...last, using: &random)) }
    let cursor = log.makeCursor()
    let skipped = max(1, log.eventCount / 60)
    while let event = try cursor.next() {
      guard event.number % skipped == 0 else { continue }
      places.formUnion([event.position, event.position + 1].filter { $0 <= last })
    }
    let kept = KeptOutput()
    let timeline = try Timeline(recording, console: kept, engine: engine)
    var reached: [UInt64] = []
    for place in places.sorted() {
      guard try timeline.run(until: place) == .position else { break }
      states[place] = State(timeline)
      reached.append(place)
    }
    self.places = reached
    stop = try timeline.run()
    end = State(timeline)
    output = kept.text
  }
}

/// Recordings with all that can be between two instructions.
enum TravelledGuest: String, CaseIterable {
  case traps, selfModifying, disk, ledger, harts, input, hostInterface, semihosting, firmware, reset

  /// The recording, and what keeps its folder.
  func record() throws -> (Recording, AnyObject) {
    func kept(_ guest: RecordedGuest) throws -> (Recording, AnyObject) { (try guest.recording, guest.folder) }
    let blank: (TestFolder) -> [DriveOptions] = { _ in [DriveOptions(source: .blank(size: 1 << 20))] }
    switch self {
    case .traps: return try kept(RecordedGuest("traps", digestInterval: 50_000))
    case .selfModifying: return try kept(RecordedGuest("selfmodify", digestInterval: 50_000))
    case .disk: return try kept(RecordedGuest("diskcheck", digestInterval: 100_000, drives: blank))
    case .ledger: return try kept(RecordedGuest("ledger", harts: 2, digestInterval: 300_000, drives: blank))
    case .harts: return try kept(RecordedGuest("smp", harts: 4, digestInterval: 200_000))
    case .input:
      return try kept(
        RecordedGuest(
          "echo", input: "hello\nworld\nhow is it\nquit\n", digestInterval: 20_000, sleeps: true))
    case .hostInterface:
      return try kept(
        RecordedGuest("htif", input: "hello\nworld\nhow is it\nquit\n", digestInterval: 20_000))
    case .semihosting:
      return try kept(
        RecordedGuest(
          "semihosting", input: "hello\nworld\nhow is it\nquit\n", digestInterval: 500, semihosting: "it"))
    case .firmware: return try kept(RecordedGuest("firmware", digestInterval: 5_000))
    case .reset: return try recordReset()
    }
  }

  private func recordReset() throws -> (Recording, AnyObject) {
    let folder = TestFolder()
    var image: [UInt8] = []
    for word in ResetTests.program {
      for byte in 0..<4 { image.append(UInt8(word >> UInt32(byte * 8) & 255)) }
    }
    var guest = Guest(name: "reset", memorySize: 4 << 20, hartCount: 2, shift: 3, sleeps: false)
    guest.use(.bios, image, from: "reset.bin")
    let options = Recorder.Options(output: folder.file("reset.rr"), digestInterval: 1_000)
    _ = try Recorder(guest, options, inbox: Inbox(), console: KeptOutput()).run(limit: 1_000_000)
    return (try Recording(opening: folder.file("reset.rr")), folder)
  }
}
