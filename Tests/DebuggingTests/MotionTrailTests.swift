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
    trail.end(stops, at: 0)
    #expect(run(&trail, at: 6).ignoresBreakpointHere)
  }

  @Test func aWatchedAccessIsPassedOnce() {
    var trail = MotionTrail()
    trail.met(accessAt: 41)
    trail.end(stops, at: 0)
    #expect(run(&trail, at: 42).passed == 41)
    #expect(run(&trail, at: 42).passed == nil)
    trail.met(accessAt: 41)
    #expect(trail.begin() == 41)
    #expect(trail.begin() == nil)
  }

  /// Clients step over a breakpoint by taking everything away, stepping, and setting it again.
  @Test func turnsOfOthersWithinAStepWithoutStopsAreRunAgainWithThem() {
    var trail = MotionTrail()
    trail.end(stops, at: 0)
    _ = trail.begin()
    trail.stepped(Self.stops(), executed: 101, end: 160)
    trail.end(Self.stops(), at: 0)
    #expect(run(&trail, at: 160) == .init(position: 101, ignoresBreakpointHere: false, passed: nil))
  }

  @Test func theyAreNotRunAgainWhereThatWouldBeWrong() {
    func afterStep(executed: UInt64 = 101, stepStops: RequestedStops = Self.stops()) -> MotionTrail {
      var trail = MotionTrail()
      trail.end(stops, at: 0)
      _ = trail.begin()
      trail.stepped(stepStops, executed: executed, end: 160)
      trail.end(stepStops, at: 0)
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

  // MARK: What harts met that were not let go

  private static let kept = MotionTrail.KeptStop(hart: 1, position: 120, cause: .breakpoint, address: 0x1000)

  /// A motion of hart 0 alone, from 100 to 160, in which hart 1 met a breakpoint.
  private func afterMotionOfAnother() -> MotionTrail {
    var trail = MotionTrail()
    trail.keep(Self.kept)
    // The first one counts.
    trail.keep(.init(hart: 1, position: 140, cause: .breakpoint, address: 0x1000))
    trail.end(stops, at: 160)
    return trail
  }

  private func take(
    _ trail: inout MotionTrail, _ motion: Motion = .run(.forward), with stops: RequestedStops? = nil,
    at position: UInt64 = 160, isForked: Bool = false, releasing harts: Set<Int> = [0, 1]
  ) -> MotionTrail.KeptStop? {
    trail.takeKept(motion, stops ?? self.stops, at: position, isForked: isForked) { harts.contains($0) }
  }

  @Test func whatAHartMetThatWasNotLetGoIsToldWhenItIs() {
    for motion in [Motion.run(.forward), .step(hart: 0, .forward), .stepWithin(hart: 0, 1...2)] {
      var trail = afterMotionOfAnother()
      #expect(take(&trail, motion, releasing: [0]) == nil)
      trail.end(stops, at: 200)
      #expect(take(&trail, motion, at: 200) == Self.kept)
      #expect(take(&trail, motion, at: 200) == nil)
    }
  }

  @Test func itIsNotToldWhereThatWouldBeWrong() {
    var trail = afterMotionOfAnother()
    #expect(take(&trail, at: 161) == nil)
    trail = afterMotionOfAnother()
    #expect(take(&trail, isForked: true) == nil)
    trail = afterMotionOfAnother()
    #expect(take(&trail, .run(.backward)) == nil)
    #expect(take(&trail) == nil)
    trail = afterMotionOfAnother()
    #expect(take(&trail, with: Self.stops(0x2000)) == nil)
    trail = afterMotionOfAnother()
    trail.leave()
    #expect(take(&trail) == nil)
  }
}
