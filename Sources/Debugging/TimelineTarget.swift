// SPDX-License-Identifier: Apache-2.0

import Emulator
import GDBRemote
import HostSystem
import RecordingStore
import TimeTravel

/// A recording as a debugger's target: harts, registers and memory at a place, and the ways to other places.
public final class TimelineTarget: DebugTarget {
  let timeline: Timeline
  let console: DebugConsole
  /// Shows how far a long way is: where it leads and where we are; nil when we are there.
  let showProgress: (_ way: Way?) -> Void
  var places = Places()
  /// Of the motion under way.
  var control: MotionControl?
  var trail = MotionTrail()
  /// Stepping from line to line shows the handlers of interrupts and other traps, and does not run through them.
  var stepsIntoTraps = false
  /// Where the last answer of `last` is.
  var lastAnswer: UInt64?
  /// The last search backward, with what it is for.
  var lastSearch: (stops: RequestedStops, released: Set<Int>?, search: HitSearch)?
  private var notices: [String] = []

  /// How far the timeline is on its way to a position.
  public struct Way {
    public var from: UInt64
    public var to: UInt64
    public var position: UInt64
  }

  /// Opens the recording near where a debugger is to find the machine: at a position, or at the snapshot `name`; without
  /// either at the start. `goThere` goes there.
  public init(
    _ recording: Recording, from name: String? = nil, to place: PositionExpression? = nil,
    engine: Machine.Engine,
    checkpoints: CheckpointPolicy, showProgress: @escaping (Way?) -> Void
  ) throws(Failure) {
    console = DebugConsole()
    timeline = try Timeline(
      recording, from: name, near: place, console: console, engine: engine, checkpoints: checkpoints)
    self.showProgress = showProgress
  }

  /// On a timeline of which somebody else has the care.
  package init(
    _ timeline: Timeline, console: DebugConsole, showProgress: @escaping (Way?) -> Void = { _ in }
  ) {
    self.timeline = timeline
    self.console = console
    self.showProgress = showProgress
  }

  /// Goes to the place for which it was opened. False: it was interrupted on the way, and stands there.
  public func goThere(
    isInterrupted: @escaping () -> Bool = { false }
  ) throws(Failure) -> Bool {
    try seek(
      to: timeline.goal,
      MotionControl(isInterrupted: isInterrupted, say: { _ in }, meetsConditions: { _, _ in true }))
    return timeline.position >= timeline.goal
  }

  /// Where it stands, or where its branch has left the recording and gone on to.
  public var position: UInt64 { timeline.position }
  /// How the recorded run ended; nil when nobody wrote that down.
  public var recordedEnding: RecordingManifest.Ending? { timeline.recording.manifest.ending }

  var machine: Machine { timeline.machine }

  public var hartCount: Int { machine.configuration.hartCount }
  public var currentHart: Int { machine.currentHart }

  func notice(_ text: String) { notices.append(text) }

  public func takeNotices() -> [String] {
    defer { notices = [] }
    return notices
  }
}
