// SPDX-License-Identifier: Apache-2.0

/// What a debugger controls: harts with registers and memory, on a run that can be moved through in both directions.
///
/// A session owns its target and calls it from one thread. Harts count from 0.
public protocol DebugTarget: AnyObject {
  var hartCount: Int { get }
  /// The hart that executes the next instruction.
  var currentHart: Int { get }
  /// What each hart has. They stay what they are.
  var registers: RegisterSet { get }

  /// What a list of threads shows beside the hart's name: its mode, whether it waits.
  func describe(hart: Int) -> String

  /// A register by its number in `RegisterSet`; nil when there is none.
  func readRegister(_ number: Int, hart: Int) -> UInt64?
  /// False when there is no such register, or it cannot be written.
  func writeRegister(_ number: Int, hart: Int, value: UInt64) -> Bool

  /// As many of `count` bytes from a virtual address of the hart on as can be read.
  func readMemory(at address: UInt64, count: Int, hart: Int) -> [UInt8]
  /// Writes all of `bytes`, or nothing and answers false.
  func writeMemory(at address: UInt64, _ bytes: ArraySlice<UInt8>, hart: Int) -> Bool

  /// Moves, until one of `stops` or something else ends the motion.
  func resume(_ motion: Motion, stops: RequestedStops, control: MotionControl) -> StopReport

  /// Carries out a command that the user typed after `monitor`, looking at `hart`.
  func monitor(_ command: String, hart: Int, control: MotionControl)

  /// What the user should be told at the next opportunity; telling it once is enough.
  func takeNotices() -> [String]
}

/// How a target is to move.
public enum Motion: Equatable, Sendable {
  public enum Direction: Equatable, Sendable {
    case forward, backward
  }

  /// Until the hart has executed one instruction; backward: to where it was about to execute its previous one.
  case step(hart: Int, Direction)
  /// Steps until the hart's `pc` leaves the range.
  case stepWithin(hart: Int, ClosedRange<UInt64>)
  case run(Direction)
}

/// What a motion asks and tells while it is under way.
public struct MotionControl {
  /// Whether the client wants it to end. Cheap enough to be asked some hundred times a second.
  public var isInterrupted: () -> Bool
  /// Shows text to the user.
  public var say: (String) -> Void
  /// Whether the conditions of the breakpoint at this `pc`, which the hart stands at, let it stop.
  public var meetsConditions: (_ hart: Int, _ address: UInt64) -> Bool
  /// The harts that the client lets go; nil: all. The others move with them, since a machine moves as a whole, but the motion
  /// does not end at what they meet: of a hart that stands still a client wants to hear nothing.
  public var released: Set<Int>?

  public init(
    isInterrupted: @escaping () -> Bool, say: @escaping (String) -> Void,
    meetsConditions: @escaping (_ hart: Int, _ address: UInt64) -> Bool, released: Set<Int>? = nil
  ) {
    self.isInterrupted = isInterrupted
    self.say = say
    self.meetsConditions = meetsConditions
    self.released = released
  }

  /// The same for what has to be done in any case.
  public var toTheEnd: MotionControl {
    var control = self
    control.isInterrupted = { [isInterrupted] in
      _ = isInterrupted()
      return false
    }
    return control
  }

  public func releases(_ hart: Int) -> Bool { released?.contains(hart) ?? true }

  /// A hart that the client may be told of: `hart`, if it was let go.
  public func released(_ hart: Int) -> Int { releases(hart) ? hart : released?.min() ?? hart }
}

/// Where a motion ended, and why.
public struct StopReport: Equatable, Sendable {
  public enum Cause: Equatable, Sendable {
    /// What was asked for is done.
    case stepped
    /// The hart is about to execute the instruction at a breakpoint.
    case breakpoint
    /// Going forward, the hart is about to make an access to a watched address; going backward, it has just made it. gdb
    /// lets the machine step over the access, one way or the other, and compares what it finds.
    case watchpoint(RequestedStops.Watchpoint.Kind, address: UInt64)
    /// There is nothing before.
    case beginningOfHistory
    /// There is nothing after.
    case endOfHistory
    case interrupted
    /// The machine is off for good; there is nothing left to look at.
    case exited(status: UInt8)
  }

  public var hart: Int
  public var cause: Cause

  public init(hart: Int, cause: Cause) {
    self.hart = hart
    self.cause = cause
  }
}

/// The breakpoints and watchpoints that are set.
public struct RequestedStops: Equatable, Sendable {
  public struct Breakpoint: Equatable, Sendable {
    /// Virtual.
    public var address: UInt64
    /// Any of them being true is enough; none at all: always. `MotionControl.meetsConditions` works them out.
    var conditions: [AgentExpression] = []

    public init(address: UInt64) { self.address = address }

    public var isConditional: Bool { !conditions.isEmpty }
  }

  public struct Watchpoint: Hashable, Sendable {
    public enum Kind: Hashable, Sendable {
      case write, read, access
    }

    public var kind: Kind
    /// Virtual.
    public var address: UInt64
    /// At least 1; the last byte is not beyond the end of the address space.
    public var length: UInt64

    public init(kind: Kind, address: UInt64, length: UInt64) {
      self.kind = kind
      self.address = address
      self.length = length
    }
  }

  /// By ascending address, one an address.
  public var breakpoints: [Breakpoint] = []
  /// In the order in which they were set.
  public var watchpoints: [Watchpoint] = []

  public init() {}
}
