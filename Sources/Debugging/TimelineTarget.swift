import Emulator
import GDBRemote
import RecordReplay

/// A recording as a debugger's target: harts, registers and memory at a place, and the ways to other places.
public final class TimelineTarget: DebugTarget {
  let timeline: Timeline
  let console: DebugConsole
  /// Shows how far a long way is: where it leads and where we are; nil when we are there.
  let showProgress: (_ way: Way?) -> Void
  var places = Places()
  /// Of the motion under way.
  var control: MotionControl?
  /// The position of the watched access that the last motion ended at: the next one passes it.
  var passedWatchpoint: UInt64?
  /// The last search backward, with what it is for.
  var lastSearch: (stops: RequestedStops, search: HitSearch)?
  private var notices: [String] = []

  /// How far the timeline is on its way to a position.
  public struct Way {
    public var from: UInt64
    public var to: UInt64
    public var position: UInt64
  }

  /// Opens the recording at its start.
  public init(
    _ recording: Recording, engine: Machine.Engine, showProgress: @escaping (Way?) -> Void
  ) throws(Failure) {
    console = DebugConsole()
    timeline = try Timeline(recording, console: console, engine: engine, checkpoints: CheckpointPolicy())
    self.showProgress = showProgress
  }

  /// Goes to where a debugger is to find the machine.
  public func start(at expression: PositionExpression) throws(Failure) {
    let control = MotionControl(isInterrupted: { false }, say: { _ in }, meetsConditions: { _, _ in true })
    try seek(to: try timeline.resolve(expression), control)
  }

  var machine: Machine { timeline.machine }

  public var hartCount: Int { machine.configuration.hartCount }
  public var currentHart: Int { machine.currentHart }

  func notice(_ text: String) { notices.append(text) }

  public func takeNotices() -> [String] {
    defer { notices = [] }
    return notices
  }
}
