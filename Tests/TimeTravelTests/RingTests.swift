// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Execution
import HostSystem
import RecordingStore
import ReplayLog
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Recordings of which only the newest part is kept, and runs that leave a recording.
@Suite struct RingTests {
  private func record(ring: UInt64, limit: UInt64? = nil) throws -> RecordedGuest {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(500_000)
    policy.waitsForEach = true
    policy.ringByteLimit = ring
    return try RecordedGuest("ledger", harts: 2, limit: limit, digestInterval: 500_000, snapshots: policy) {
      _ in [DriveOptions(source: .blank(size: 1 << 20))]
    }
  }

  private func expectSoundFiles(_ path: String) throws {
    for image in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try runProgram(["qemu-img", "check", "-U", path + "/" + image])
      #expect(check.status == 0, "\(check.everything)")
    }
    let log = try runProgram(["gzip", "--test", "--suffix", ".log", path + "/replay.log"])
    #expect(log.status == 0, "\(log.everything)")
  }

  @Test func aRingKeepsTheNewestPart() throws {
    let recorded = try record(ring: 1)
    let recording = try recorded.recording
    #expect(recording.manifest.version == RecordingManifest.formatVersion)
    let store = SnapshotStore(recording)
    let snapshots = try store.list()
    let start = try #require(snapshots.first)
    #expect(snapshots.count == 1, "no more fits: \(snapshots.map(\.name))")
    #expect(start.isInitial && start.name == recording.manifest.initialSnapshot && start.moment.position > 0)
    #expect(recording.manifest.initialSnapshot != "replay_init")

    let log = try recording.openLog()
    #expect(log.isComplete && log.firstEventNumber > 0, "nothing was dropped")
    let timeline = try Timeline(recording)
    #expect(timeline.position == start.moment.position)
    let end = recorded.result.ending.position
    #expect(try timeline.resolve(.start) == start.moment.position)
    #expect(try timeline.resolve(.fraction(millionths: 1_000_000)) == end)
    #expect(throws: Failure.self) { try timeline.resolve(.absolute(start.moment.position - 1)) }
    guard case .end = try timeline.run() else {
      Issue.record("the replay did not come to the end")
      return
    }
    #expect(timeline.now.position == end)
    try expectSoundFiles(recorded.path)
    #expect(throws: Failure.self, "what a reset needs cannot be deleted") { try store.delete("replay_init") }
    #expect(throws: Failure.self) { try store.delete(start.name) }

    // A snapshot of one's own, and going back before it.
    try timeline.seek(to: (start.moment.position + end) / 2)
    try timeline.createSnapshot("middle")
    _ = try recorded.replay(from: "middle")
  }

  @Test func aRingWithRoomKeepsEverything() throws {
    let recorded = try record(ring: 1 << 30)
    let recording = try recorded.recording
    #expect(
      recording.manifest.version == RecordingManifest.formatVersion
        && recording.manifest.initialSnapshot == "replay_init")
    #expect(try recording.openLog().firstEventNumber == 0)
    _ = try recorded.replay()
  }

  @Test func aRingThatIsKilledStillStarts() throws {
    // What a recorder that was killed leaves: no end, no index.
    let recorded = try record(ring: 1)
    try recorded.forgetEnding()
    let path = try recorded.recording.logPath
    let log = try ReplayLogReader(opening: path)
    let bytes = try readFile(path)
    let store = SnapshotStore(try recorded.recording)
    let needed = try store.load(store.recording.manifest.initialSnapshot).state.nextEvent
    var stops: [Timeline.Stop] = []
    for dropped in [100, 120, 200, 300] where bytes.count > dropped + 400 {
      _ = try recorded.folder.write("guest.rr/replay.log", Array(bytes.dropLast(dropped)))
      let cut = try ReplayLogReader(opening: path)
      #expect(!cut.isComplete && cut.firstEventNumber == log.firstEventNumber)
      #expect(cut.eventCount >= cut.firstEventNumber && cut.eventCount <= log.eventCount)
      // A recorder writes the log up to a snapshot before the snapshot itself.
      guard cut.eventCount >= needed else { continue }
      stops.append(try Timeline(recorded.recording).run())
    }
    #expect(!stops.isEmpty)
    // The ledger's bug may have shown, or not.
    let status = recorded.result.ending.status
    for stop in stops { #expect(stop == .incomplete || stop == .end(.poweredOff(status: status)), "\(stop)") }
  }

  @Test func wrongWishesAreRefused() throws {
    for wish in [SnapshotPolicy.Spacing.never, .instructions(1000)] {
      var policy = SnapshotPolicy()
      policy.spacing = wish
      policy.ringByteLimit = 1000
      let failure = #expect(throws: Failure.self) {
        _ = try RecordedGuest(
          "hello", snapshotName: wish == .never ? nil : "clean", snapshots: policy)
      }
      #expect(failure?.kind == .usage)
    }
  }

  // MARK: Going live

  /// What follows is recorded as a recording of its own, which replays without the other.
  @Test(arguments: [false, true]) func aBranchStandsAlone(isOfRing: Bool) throws {
    let parent = try record(ring: isOfRing ? 1 : 1 << 30)
    let before = try readFile(parent.path + "/disk0.qcow2") + readFile(parent.path + "/replay.log")
    let timeline = try Timeline(parent.recording)
    let end = parent.result.ending.position
    let place = (timeline.position + end) / 2
    try timeline.seek(to: place)
    let digests = timeline.machine.digests()

    let folder = TestFolder()
    let output = KeptOutput()
    let recorder = try Recorder(
      leaving: timeline, Recorder.Options(output: folder.file("branch.rr"), digestInterval: 300_000),
      inbox: Inbox(), console: output)
    #expect(recorder.machine.digests() == digests, "the branch does not begin where the recording was left")
    let result = try recorder.run()
    #expect(result.ending.reason == .poweredOff && result.ending.position > place)
    #expect(
      before == (try readFile(parent.path + "/disk0.qcow2") + readFile(parent.path + "/replay.log")),
      "the recording was changed")
    try HostFiles.removeFlatFolder(parent.path)

    let branch = try Recording(opening: folder.file("branch.rr"))
    #expect(
      branch.manifest.version == RecordingManifest.formatVersion && branch.manifest.branch?.position == place)
    let replayed = KeptOutput()
    let replay = try Timeline(branch, console: replayed)
    #expect(replay.position == place && replay.machine.digests() == digests)
    guard case .end = try replay.run() else {
      Issue.record("the replay did not come to the end")
      return
    }
    #expect(replay.now.position == result.ending.position && replayed.text == output.text)
    try replay.seek(to: place + 1000)
    #expect(replay.position == place + 1000)
    try expectSoundFiles(folder.file("branch.rr"))
  }

  /// Left where requests to the drive were on their way: their answers come.
  @Test func requestsOnTheirWayAreAnswered() throws {
    let parent = try RecordedGuest("diskcheck", digestInterval: 100_000) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
    let cursor = try parent.recording.openLog().makeCursor()
    var tried = 0
    var number = 0
    while let event = try cursor.next() {
      guard event.payload.kind == .blockRequest else { continue }
      number += 1
      guard number % 40 == 1 else { continue }
      tried += 1
      let timeline = try Timeline(parent.recording)
      try timeline.seek(to: event.position + 1)
      let folder = TestFolder()
      let recorder = try Recorder(
        leaving: timeline, Recorder.Options(output: folder.file("branch.rr")), inbox: Inbox(),
        console: KeptOutput())
      let result = try recorder.run(limit: 100_000_000)
      #expect(result.ending.reason == .poweredOff && result.ending.status == 0, "\(event.position)")
      guard case .end = try Timeline(Recording(opening: folder.file("branch.rr"))).run() else {
        Issue.record("the replay did not come to the end")
        return
      }
    }
    #expect(tried > 1)
  }

  @Test func aRunThatIsNotRecordedGoesOnToo() throws {
    let parent = try record(ring: 1 << 30)
    let timeline = try Timeline(parent.recording)
    try timeline.seek(to: parent.result.ending.position / 2)
    let run = try PlainRun(leaving: timeline, inbox: Inbox(), console: KeptOutput())
    let result = run.run()
    #expect(result.failure == nil && result.ending.reason == .poweredOff)
    // Only what was not left can be left.
    try timeline.seek(to: parent.result.ending.position)
    try timeline.run()
    #expect(throws: Failure.self) {
      try PlainRun(leaving: timeline, inbox: Inbox(), console: KeptOutput())
    }
  }
}
