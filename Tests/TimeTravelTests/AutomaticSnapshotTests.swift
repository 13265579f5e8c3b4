// SPDX-License-Identifier: Apache-2.0

import DiskImage
import HostSystem
import RecordingStore
import RunSupport
import TestSupport
import Testing
import TimeTravel

/// Snapshots that a recorder makes by itself while the guest runs.
@Suite struct AutomaticSnapshotTests {
  private func policy(every instructions: UInt64) -> SnapshotPolicy {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(instructions)
    policy.waitsForEach = true
    return policy
  }

  private func record(
    _ guest: String, harts: Int = 1, _ policy: SnapshotPolicy, digestInterval: UInt64 = 1_000_000
  ) throws -> RecordedGuest {
    try RecordedGuest(guest, harts: harts, digestInterval: digestInterval, snapshots: policy) { _ in
      [DriveOptions(source: .blank(size: 1 << 20))]
    }
  }

  private func expectSoundImages(_ recorded: RecordedGuest, names: [String]) throws {
    for image in ["vmstate.qcow2", "disk0.qcow2"] {
      let check = try runProgram(["qemu-img", "check", recorded.path + "/" + image])
      #expect(check.status == 0, "\(check.everything)")
      let list = try runProgram(["qemu-img", "snapshot", "-l", recorded.path + "/" + image])
      for name in names { #expect(list.everything.contains(name), "\(image)") }
    }
    #expect(try SnapshotStore(recorded.recording).orphans().isEmpty)
  }

  @Test(arguments: [
    (guest: "ledger", harts: 2, spacing: UInt64(2_000_000)), ("smp", 4, 50_000), ("diskcheck", 1, 200_000),
    ("traps", 1, 100_000),
  ])
  func aReplayFromEachEndsInTheSameState(guest: String, harts: Int, spacing: UInt64) throws {
    let recorded = try record(guest, harts: harts, policy(every: spacing))
    let whole = try recorded.replay()
    let snapshots = try SnapshotStore(recorded.recording).list()
    #expect(snapshots.count > 2, "\(snapshots.map(\.name))")
    for snapshot in snapshots {
      #expect(snapshot.isComplete)
      #expect(snapshot.moment.position % min(spacing, 1_000_000) == 0)
      #expect(snapshot.isInitial || snapshot.name == SnapshotPolicy.name(at: snapshot.moment.position))
      let replayed = try recorded.replay(from: snapshot.name)
      #expect(replayed.digests == whole.digests, "from \(snapshot.name)")
      #expect(replayed.end == whole.end && replayed.stop == whole.stop)
      #expect(whole.output.hasSuffix(replayed.output))
    }
    try expectSoundImages(recorded, names: snapshots.map(\.name))
  }

  /// Instants at which requests to the disk were on their way: their data come with the snapshot.
  @Test func requestsOnTheirWayAreInTheSnapshot() throws {
    var policy = policy(every: 20_000)
    policy.countLimit = 500
    let recorded = try record("ledger", harts: 2, policy)
    let whole = try recorded.replay()
    let store = SnapshotStore(try recorded.recording)
    var pending = 0
    for snapshot in try store.list() where pending < 8 {
      let state = try store.load(snapshot.name).state
      guard !state.pending.isEmpty else { continue }
      pending += 1
      let replayed = try recorded.replay(from: snapshot.name)
      #expect(replayed.digests == whole.digests, "from \(snapshot.name), pending \(state.pending.map(\.id))")
      #expect(replayed.stop == whole.stop)
    }
    #expect(pending > 0, "no snapshot had anything pending: the test proves nothing")
  }

  @Test func noMoreAreKeptThanTheLimit() throws {
    var policy = policy(every: 1_000_000)
    policy.countLimit = 3
    let recorded = try record("ledger", harts: 2, policy)
    let snapshots = try SnapshotStore(recorded.recording).list()
    #expect(snapshots.filter { SnapshotPolicy.isAutomaticName($0.name) }.count == 3)
    #expect(snapshots.first?.name == "replay_init")
    let whole = try recorded.replay()
    for snapshot in snapshots { #expect(try recorded.replay(from: snapshot.name).digests == whole.digests) }
    try expectSoundImages(recorded, names: snapshots.map(\.name))
  }

  @Test func noMoreAreKeptThanFit() throws {
    var policy = policy(every: 1_000_000)
    policy.byteLimit = 1
    let recorded = try record("ledger", harts: 2, policy)
    let snapshots = try SnapshotStore(recorded.recording).list()
    #expect(snapshots.count == 2, "the start and the newest stay: \(snapshots.map(\.name))")
    let whole = try recorded.replay()
    for snapshot in snapshots { #expect(try recorded.replay(from: snapshot.name).digests == whole.digests) }
    try expectSoundImages(recorded, names: snapshots.map(\.name))
  }

  @Test func theOneThatIsMissedLeastGoes() {
    #expect(SnapshotPolicy.leastMissed(of: [], start: 0) == nil)
    #expect(SnapshotPolicy.leastMissed(of: [10], start: 0) == nil, "the newest stays")
    #expect(SnapshotPolicy.leastMissed(of: [10, 20, 30], start: 0) == 0, "the oldest of equals")
    #expect(SnapshotPolicy.leastMissed(of: [20, 30, 40], start: 0) == 1)
    #expect(SnapshotPolicy.leastMissed(of: [20, 40, 60, 70], start: 0) == 2)
    // A long run at a steady pace: gaps differ by a factor of four at most, but for the newest.
    var positions: [UInt64] = []
    for step in 1...1000 as ClosedRange<UInt64> {
      positions.append(step)
      if positions.count > 16, let index = SnapshotPolicy.leastMissed(of: positions, start: 0) {
        positions.remove(at: index)
      }
    }
    let gaps = zip(positions, positions.dropFirst()).map { $1 - $0 }.dropLast(2)
    #expect(positions.last == 1000 && positions.count == 16)
    #expect((gaps.max() ?? 0) <= 4 * (gaps.min() ?? 0), "\(positions)")
  }

  @Test func noneAreMadeWhenNoneAreWanted() throws {
    let recorded = try record("smp", harts: 4, .none)
    #expect(try SnapshotStore(recorded.recording).list().map(\.name) == ["replay_init"])
  }

  @Test func theirNamesAreNobodyElses() throws {
    let recorded = try record("smp", harts: 4, .none)
    let timeline = try Timeline(recorded.recording)
    try timeline.seek(to: 1000)
    let failure = #expect(throws: Failure.self) { try timeline.createSnapshot("auto-000000001000") }
    #expect(failure?.kind == .usage)
    try timeline.createSnapshot("auto-x")
    #expect(SnapshotPolicy.name(at: 1000) == "auto-000000001000")
    #expect(SnapshotPolicy.isAutomaticName(SnapshotPolicy.name(at: 1 << 52)))
    #expect(!SnapshotPolicy.isAutomaticName("auto-") && !SnapshotPolicy.isAutomaticName("auto-1x"))
  }

  @Test func spacingsAreRead() throws {
    #expect(try SnapshotPolicy.Spacing(parsing: "500_000_000") == .instructions(500_000_000))
    #expect(try SnapshotPolicy.Spacing(parsing: "500M") == .instructions(500_000_000))
    #expect(try SnapshotPolicy.Spacing(parsing: "500ms") == .guestTime(500_000_000))
    #expect(try SnapshotPolicy.Spacing(parsing: "2s") == .guestTime(2_000_000_000))
    for text in ["0", "off", "0s"] { #expect(try SnapshotPolicy.Spacing(parsing: text) == .never) }
    for text in ["", "-1", "1m", "s", "1.5s", "end", "99999999999999s"] {
      #expect(throws: Failure.self, "\(text)") { try SnapshotPolicy.Spacing(parsing: text) }
    }
  }
}
