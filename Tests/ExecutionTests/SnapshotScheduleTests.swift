// SPDX-License-Identifier: Apache-2.0

import Emulator
import Execution
import RecordingStore
import Testing

/// Which snapshot is due, without a recorder.
@Suite struct SnapshotScheduleTests {
  private static func moment(_ position: UInt64) -> Moment { Moment(position: position, time: position << 3) }

  /// Every 100 instructions, begun with "replay_init" at 10.
  private static func schedule(_ change: (inout SnapshotPolicy) -> Void = { _ in }) -> SnapshotSchedule {
    var policy = SnapshotPolicy()
    policy.spacing = .instructions(100)
    change(&policy)
    var schedule = SnapshotSchedule(policy)
    schedule.begin(.init(name: "replay_init", parent: nil), at: moment(10))
    return schedule
  }

  @Test func oneIsDueASpacingAfterTheOneBefore() {
    var schedule = Self.schedule()
    #expect(schedule.due(at: Self.moment(109), hasRoom: true, isBusy: false) == nil)
    let next = schedule.due(at: Self.moment(110), hasRoom: true, isBusy: false)
    #expect(next == .init(name: "auto-000000000110", parent: "replay_init"))
    // Being due changes nothing; being begun does.
    #expect(schedule.due(at: Self.moment(110), hasRoom: true, isBusy: false) == next)
    schedule.begin(next!, at: Self.moment(110))
    #expect(schedule.due(at: Self.moment(209), hasRoom: true, isBusy: false) == nil)
    #expect(schedule.due(at: Self.moment(250), hasRoom: true, isBusy: false)?.parent == "auto-000000000110")
  }

  @Test func oneIsPutOffUntilThereIsRoomAndTheOneBeforeIsWritten() {
    let schedule = Self.schedule()
    #expect(schedule.due(at: Self.moment(500), hasRoom: false, isBusy: false) == nil)
    #expect(schedule.due(at: Self.moment(500), hasRoom: true, isBusy: true) == nil)
    let waiting = Self.schedule { $0.waitsForEach = true }
    #expect(waiting.due(at: Self.moment(500), hasRoom: false, isBusy: false) != nil)
  }

  @Test func oneThatAUserNamesCountsAsTheOneBefore() {
    var schedule = Self.schedule()
    let named = schedule.named("before-the-crash")
    #expect(named == .init(name: "before-the-crash", parent: "replay_init"))
    schedule.begin(named!, at: Self.moment(60))
    #expect(schedule.due(at: Self.moment(110), hasRoom: true, isBusy: false) == nil)
    #expect(
      schedule.due(at: Self.moment(160), hasRoom: true, isBusy: false)
        == .init(name: "auto-000000000160", parent: "before-the-crash"))
  }

  @Test func aNameIsGivenOnce() {
    var schedule = Self.schedule()
    #expect(schedule.named("replay_init") == nil)
    schedule.begin(schedule.named("here")!, at: Self.moment(20))
    #expect(schedule.named("here") == nil)
    #expect(schedule.named("there")?.parent == "here")
  }

  @Test func withoutASpacingOnlyNamedOnesAreMade() {
    let schedule = Self.schedule { $0.spacing = .never }
    #expect(!schedule.isAutomatic)
    #expect(schedule.due(at: Self.moment(1 << 50), hasRoom: true, isBusy: false) == nil)
    #expect(schedule.named("here") == .init(name: "here", parent: "replay_init"))
  }
}
