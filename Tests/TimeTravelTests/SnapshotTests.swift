// SPDX-License-Identifier: Apache-2.0

import DiskImage
import Emulator
import HostSystem
import RecordingStore
import RunSupport
import TestSupport
import Testing
import TimeTravel

@Suite struct SnapshotTests {
  private func recordLedger() throws -> RecordedGuest {
    try RecordedGuest("ledger", harts: 2, digestInterval: 500_000) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
  }

  @Test func aReplayFromASnapshotEndsInTheSameState() throws {
    let recorded = try recordLedger()
    let whole = try recorded.replay()
    let end = recorded.result.ending.position
    for (index, position) in [1, end / 3, end / 2, end - 1].enumerated() {
      let timeline = try Timeline(recorded.recording)
      try timeline.seek(to: position)
      #expect(timeline.position == position)
      try timeline.createSnapshot("s\(index)")
      let replayed = try recorded.replay(from: "s\(index)")
      #expect(replayed.digests == whole.digests, "from \(position)")
      #expect(replayed.end == whole.end)
      #expect(whole.output.hasSuffix(replayed.output))
    }
    for name in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try runProgram(["qemu-img", "check", recorded.path + "/" + name])
      #expect(check.status == 0, "\(check.everything)")
      let list = try runProgram(["qemu-img", "snapshot", "-l", recorded.path + "/" + name])
      #expect(
        list.everything.contains("replay_init") && list.everything.contains("s2")
          && list.everything.contains("\(end / 2)"))
    }
  }

  /// A timeline that will be sent somewhere is opened at the last snapshot before that.
  @Test func itOpensNearWhereItIsSent() throws {
    let recorded = try recordLedger()
    let end = recorded.result.ending.position
    let places = [end / 3, end / 2]
    for place in places {
      let timeline = try Timeline(recorded.recording)
      try timeline.seek(to: place)
      try timeline.createSnapshot("at\(place)")
    }
    let straight = try Timeline(recorded.recording)
    for (goal, start) in [(places[0] - 1, 0), (places[0], places[0]), (end - 1, places[1])] {
      let timeline = try Timeline(recorded.recording, near: .absolute(goal))
      #expect(timeline.position == start)
      try timeline.seek(to: goal)
      try straight.run(until: goal)
      #expect(timeline.machine.digests() == straight.machine.digests())
    }
    let recording = try recorded.recording
    func goal(_ place: PositionExpression?, from name: String? = nil) throws -> UInt64 {
      try Timeline(recording, from: name, near: place).goal
    }
    #expect(try goal(nil) == 0)
    #expect(try goal(nil, from: "at\(places[0])") == places[0])
    #expect(try goal(.forward(10)) == 10)
    #expect(try goal(.forward(10), from: "at\(places[0])") == places[0] + 10)
    #expect(try goal(.backward(10), from: "at\(places[0])") == end - 10)
    #expect(throws: Failure.self) { try goal(.forward(1), from: "nowhere") }
    #expect(throws: Failure.self) { try goal(.absolute(end + 1)) }
  }

  /// Where requests to the disk are on their way, and in the middle of a line of output.
  @Test func aSnapshotAnywhereCarriesWhatIsPending() throws {
    let recorded = try RecordedGuest("diskcheck", digestInterval: 100_000) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
    let log = try recorded.recording.openLog()
    let whole = try recorded.replay()
    let cursor = log.makeCursor()
    var number = 0
    var pendingSeen = 0
    while let event = try cursor.next() {
      guard event.payload.kind == .blockRequest || event.payload.kind == .consoleOutput else { continue }
      number += 1
      guard number % 8 == 1, event.position + 1 < recorded.result.ending.position else { continue }
      let timeline = try Timeline(recorded.recording)
      try timeline.seek(to: event.position + 1)
      try timeline.createSnapshot("n\(number)")
      let state = try SnapshotStore(recorded.recording).load("n\(number)").state
      pendingSeen += state.pending.count + state.matchedOutput
      let replayed = try recorded.replay(from: "n\(number)")
      #expect(replayed.digests == whole.digests, "event \(event.number)")
      #expect(replayed.stop == whole.stop)
    }
    #expect(number > 8)
    #expect(pendingSeen > 0, "no snapshot was taken with anything pending: the test proves nothing")
  }

  @Test func seekingBackAndForthIsExact() throws {
    let recorded = try recordLedger()
    let end = recorded.result.ending.position
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: end / 2)
    let digests = timeline.machine.digests()
    try timeline.createSnapshot("middle")
    try timeline.seek(to: end - 10)
    try timeline.seek(to: 1000)
    #expect(timeline.position == 1000)
    try timeline.seek(to: end / 2)
    #expect(timeline.machine.digests() == digests)
    try timeline.run()
    try timeline.seek(to: end / 2 - 1)
    #expect(timeline.position == end / 2 - 1)
  }

  @Test func aSnapshotIsDeletedEverywhere() throws {
    let recorded = try recordLedger()
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: 100_000)
    try timeline.createSnapshot("gone")
    let store = SnapshotStore(try recorded.recording)
    #expect(try store.list().map(\.name) == ["replay_init", "gone"])
    try store.delete("gone")
    #expect(try store.list().map(\.name) == ["replay_init"])
    #expect(try store.orphans().isEmpty)
    let failure = #expect(throws: Failure.self) { try store.delete("replay_init") }
    #expect(failure?.kind == .usage)
    #expect(throws: Failure.self) { try store.delete("gone") }
    _ = try recorded.replay()
    for name in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try runProgram(["qemu-img", "check", recorded.path + "/" + name])
      #expect(check.status == 0, "\(check.everything)")
    }
  }

  @Test func aNameIsTakenOnlyOnce() throws {
    let recorded = try recordLedger()
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: 1000)
    try timeline.createSnapshot("here")
    #expect(throws: Failure.self) { try timeline.createSnapshot("here") }
    for name in ["", "1", "start", "end", "a b", "a/b", "-x", "50%", String(repeating: "x", count: 200)] {
      #expect(throws: Failure.self, "\(name)") { try timeline.createSnapshot(name) }
    }
    #expect(try SnapshotStore(recorded.recording).list().map(\.name) == ["replay_init", "here"])
  }

  /// If the memory image cannot be written, the drives must not keep a snapshot either.
  @Test func aSnapshotThatFailsIsNowhere() throws {
    let recorded = try recordLedger()
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: 200_000)
    do {
      // Whoever writes an image has it locked; opening it to write is what fails.
      let holder = try ImageOpener().openQcow2(recorded.path + "/vmstate.qcow2", readOnly: false)
      #expect(throws: Failure.self) { try timeline.createSnapshot("half") }
      withExtendedLifetime(holder) {}
    }
    let store = SnapshotStore(try recorded.recording)
    #expect(try store.list().map(\.name) == ["replay_init"])
    #expect(try store.orphans().isEmpty)
    try timeline.createSnapshot("half")
    #expect(try store.list().count == 2)
  }

  @Test func anExportIsTheMachinesMemory() throws {
    let recorded = try recordLedger()
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: 300_000)
    try timeline.createSnapshot("out")
    let store = SnapshotStore(try recorded.recording)
    let target = recorded.folder.file("exported")
    try store.export("out", to: target)
    let memory = try readFile(target + "/memory.raw")
    #expect(memory.count == 16 << 20)
    #expect(timeline.machine.memory.read(at: MemoryMap.memoryBase, count: memory.count) == memory)
    #expect(try readFile(target + "/disk0.raw").count == 1 << 20)
    #expect(throws: Failure.self) { try store.export("out", to: target) }
  }

  @Test func aDamagedMemoryImageIsFoundBeforeAnythingRuns() throws {
    let recorded = try recordLedger()
    let path = recorded.path + "/vmstate.qcow2"
    let good = try readFile(path)
    var found = 0
    for offset in stride(from: 5 * Recording.memoryClusterSize + 100, to: good.count, by: 4096) {
      var bad = good
      bad[offset] ^= 0xff
      _ = try recorded.folder.write("guest.rr/vmstate.qcow2", bad)
      do {
        _ = try Timeline(recorded.recording)
      } catch {
        found += 1
      }
    }
    _ = try recorded.folder.write("guest.rr/vmstate.qcow2", good)
    #expect(found > 0)
    _ = try recorded.replay()
  }
}
