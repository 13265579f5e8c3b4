// SPDX-License-Identifier: Apache-2.0

/// Stop points, single steps, and notes of stores.
extension Machine {
  /// Where runs stop; nowhere at first. To be changed between runs.
  public var stopPoints: StopPoints {
    get { interpreter.stops.points }
    set { if newValue != interpreter.stops.points { interpreter.setStopPoints(newValue) } }
  }

  /// Where set, runs do not stop at stop points but take note of them here.
  public var hitLog: HitLog? {
    get { interpreter.stops.log }
    set { interpreter.stops.log = newValue }
  }

  /// Whether nothing that belongs to this position has happened yet. Arrivals, timers, the choice of the hart and interrupts
  /// come at the position of the instruction that follows them; a machine that ran to a position stands before them, one that
  /// was stopped by a breakpoint, or is settled, behind them.
  public var isAtStartOfPosition: Bool { wentOnAt != now.position }

  /// Does everything that belongs to this position but its instruction. Then `currentHart` is the hart that executes it, and
  /// `programCounter(hart:)` its address.
  ///
  /// The answer is `.position` when that was possible; there may be no further instruction.
  public func settle() -> Stop {
    goal = .settled
    defer { goal = .limit }
    return run(until: now.position + 1, ignoringBreakpointHere: true)
  }

  /// Runs until the next instruction is one of `hart`, settled, but not beyond position `limit`.
  public func settle(hart: Int, until limit: UInt64, ignoringBreakpointHere: Bool = false) -> Stop {
    precondition(interpreter.harts.indices.contains(hart), "there is no such hart")
    goal = .ready(hart: hart)
    defer { goal = .limit }
    return run(until: limit, ignoringBreakpointHere: ignoringBreakpointHere)
  }

  /// Runs until `hart` has executed one instruction, but not beyond position `limit`. Meanwhile others have their turns.
  public func step(hart: Int, until limit: UInt64, ignoringBreakpointHere: Bool = false) -> Stop {
    precondition(interpreter.harts.indices.contains(hart), "there is no such hart")
    goal = .step(hart: hart)
    defer { goal = .limit }
    return run(until: limit, ignoringBreakpointHere: ignoringBreakpointHere)
  }

  /// Has stores to these physical addresses noted, whoever stores; `lastStore` is nil until then.
  package func noteStores(to ranges: [ClosedRange<UInt64>]) { interpreter.noteStores(to: ranges) }

  /// Which byte of what a drive's unanswered request will bring comes to a physical address; nil when none does.
  package func dataOffset(of address: UInt64, drive: Int, request id: UInt64) -> Int? {
    blockDevices.indices.contains(drive) ? blockDevices[drive].dataOffset(of: address, request: id) : nil
  }

  /// The last store to what is noted.
  package var lastStore: NotedStore? { interpreter.stops.lastStore }
}

/// What a run is to reach besides its position.
enum RunGoal: Equatable {
  case limit
  /// The instruction of this position is next.
  case settled
  /// The next instruction is one of this hart.
  case ready(hart: Int)
  /// This hart has executed an instruction.
  case step(hart: Int)
}
