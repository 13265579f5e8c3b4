// SPDX-License-Identifier: Apache-2.0

import Emulator
import RecordingStore
import ReplayLog
import RunSupport
import Testing
import TimeTravel

/// What a recording says of the state, computed while the guest ran on, is what a machine that waits for each digest computes.
@Suite struct RecordedDigestTests {
  /// The events of a recording's log.
  private func events(_ recorded: RecordedGuest) throws -> [LogEvent] {
    let cursor = try ReplayLogReader(opening: recorded.recording.logPath).makeCursor()
    var events: [LogEvent] = []
    while let event = try cursor.next() { events.append(event) }
    return events
  }

  /// The guest writes all its memory without end, and reads the wall clock all the time: every digest has events right behind
  /// it, and the run ends while one is pending.
  @Test(arguments: [UInt64(300_000), 5_000_000]) func aGuestThatWritesAllItsMemory(interval: UInt64) throws {
    let limit = interval * 12 + 1
    let recorded = try RecordedGuest("churn", limit: limit, digestInterval: interval)
    #expect(recorded.result.failure == nil)
    let events = try events(recorded)
    let digests = events.filter { if case .digest = $0.payload { true } else { false } }
    #expect(
      digests.map(\.moment.position) == (1...12).map { $0 * interval } + [limit],
      "one a boundary and one at the end")
    #expect(
      zip(events, events.dropFirst()).allSatisfy {
        $0.moment.position <= $1.moment.position && $0.number + 1 == $1.number
      })
    #expect(events.contains { if case .clockRead = $0.payload { true } else { false } })

    // A replay compares each with what it computes itself, and so does this.
    let timeline = try Timeline(recorded.recording, console: KeptOutput())
    for event in digests.dropLast() {
      _ = try timeline.seek(to: event.moment.position)
      #expect(event.payload == .digest(timeline.machine.digests()))
    }
    #expect(try recorded.replay().end.position == limit)
  }

  /// Snapshots at the same places have the same digests: loading one checks them.
  @Test func snapshotsHaveTheDigestsOfTheirPlace() throws {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(2_000_000)
    // A snapshot is put off while the one before is being written, on a busy host beyond the end of a short run.
    var limit: UInt64 = 10_000_001
    var recorded: RecordedGuest
    var automatic: [Snapshot]
    repeat {
      limit *= 3
      recorded = try RecordedGuest("churn", limit: limit, digestInterval: 1_000_000, snapshots: policy)
      automatic = try SnapshotStore(recorded.recording).list().filter { !$0.isInitial }
    } while automatic.isEmpty && limit < 10_000_000_000
    #expect(!automatic.isEmpty)
    let events = try events(recorded)
    let store = SnapshotStore(try recorded.recording)
    let whole = try recorded.replay()
    for snapshot in automatic {
      let state = try store.load(snapshot.name).state
      // The event before the one with which a replay goes on.
      let event = events[Int(state.nextEvent) - 1]
      #expect(event.payload == .digest(state.digests) && event.moment == LogMoment(snapshot.moment))
      #expect(try recorded.replay(from: snapshot.name).digests == whole.digests)
    }
  }
}
