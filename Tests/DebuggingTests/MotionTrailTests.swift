// SPDX-License-Identifier: Apache-2.0

import Debugging
import GDBRemote
import Testing

/// Where a motion begins, after what the one before it left.
@Suite struct MotionTrailTests {
  private static func stops(_ addresses: UInt64...) -> RequestedStops {
    var stops = RequestedStops()
    stops.breakpoints = addresses.map { RequestedStops.Breakpoint(address: $0) }
    return stops
  }

  private let stops = Self.stops(0x1000)

  private func run(_ trail: inout MotionTrail, at position: UInt64, isForked: Bool = false)
    -> MotionTrail.RunStart
  {
    trail.beginRun(stops, at: position, hart: 0, isForked: isForked)
  }

  @Test func whoContinuesAtABreakpointHasSeenIt() {
    var trail = MotionTrail()
    #expect(run(&trail, at: 5) == .init(position: nil, ignoresBreakpointHere: true, passed: nil))
  }

  @Test func aHartThatWasSentElsewhereHasNotSeenTheBreakpointThere() {
    var trail = MotionTrail()
    trail.jumped(hart: 1)
    #expect(run(&trail, at: 5).ignoresBreakpointHere)
    trail.jumped(hart: 0)
    #expect(!run(&trail, at: 5).ignoresBreakpointHere)
    // Once: with the motion that is over.
    trail.end(stops)
    #expect(run(&trail, at: 6).ignoresBreakpointHere)
  }

  @Test func aWatchedAccessIsPassedOnce() {
    var trail = MotionTrail()
    trail.met(accessAt: 41)
    trail.end(stops)
    #expect(run(&trail, at: 42).passed == 41)
    #expect(run(&trail, at: 42).passed == nil)
    trail.met(accessAt: 41)
    #expect(trail.begin() == 41)
    #expect(trail.begin() == nil)
  }

  /// Clients step over a breakpoint by taking everything away, stepping, and setting it again.
  @Test func turnsOfOthersWithinAStepWithoutStopsAreRunAgainWithThem() {
    var trail = MotionTrail()
    trail.end(stops)
    _ = trail.begin()
    trail.stepped(Self.stops(), executed: 101, end: 160)
    trail.end(Self.stops())
    #expect(run(&trail, at: 160) == .init(position: 101, ignoresBreakpointHere: false, passed: nil))
  }

  @Test func theyAreNotRunAgainWhereThatWouldBeWrong() {
    func afterStep(executed: UInt64 = 101, stepStops: RequestedStops = Self.stops()) -> MotionTrail {
      var trail = MotionTrail()
      trail.end(stops)
      _ = trail.begin()
      trail.stepped(stepStops, executed: executed, end: 160)
      trail.end(stepStops)
      return trail
    }
    // Somewhere else; in a branch, which cannot be gone back in; with other stop points than before.
    var trail = afterStep()
    #expect(run(&trail, at: 161).position == nil)
    trail = afterStep()
    #expect(run(&trail, at: 160, isForked: true).position == nil)
    trail = afterStep()
    #expect(trail.beginRun(Self.stops(0x2000), at: 160, hart: 0, isForked: false).position == nil)
    // No others had a turn; or everything was watched.
    trail = afterStep(executed: 160)
    #expect(run(&trail, at: 160).position == nil)
    trail = afterStep(stepStops: stops)
    #expect(run(&trail, at: 160).position == nil)
    // One of several steps within a line; or the machine was taken elsewhere and back.
    trail = afterStep()
    trail.goesOn()
    #expect(run(&trail, at: 160).position == nil)
    trail = afterStep()
    trail.leave()
    #expect(run(&trail, at: 160).position == nil)
    // It is for the next motion only.
    trail = afterStep()
    _ = trail.begin()
    #expect(run(&trail, at: 160).position == nil)
  }

  @Test func elsewhereNothingIsPassed() {
    var trail = MotionTrail()
    trail.met(accessAt: 41)
    trail.jumped(hart: 0)
    trail.leave()
    #expect(run(&trail, at: 42) == .init(position: nil, ignoresBreakpointHere: true, passed: nil))
  }
}
