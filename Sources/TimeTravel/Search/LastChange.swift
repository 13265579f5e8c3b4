// SPDX-License-Identifier: Apache-2.0

import Emulator

/// The last change of a register before a place, and what made it.
public struct LastChange: Equatable, Sendable {
  public enum Source: Equatable, Sendable {
    /// The instruction at `programCounter`.
    case instruction
    /// What happened before it: an interrupt was taken, something arrived, the machine was reset.
    case between
  }

  public var source: Source
  /// Where it happened: the moment of the instruction that did it, or of the next one.
  public var moment: Moment
  /// The hart whose instruction it was, or is next; another one's for a hart that is started.
  public var hart: Int
  public var programCounter: UInt64
  public var old: UInt64
  public var new: UInt64
}

/// How a look for the last change of a register ended.
public enum LastChangeOutcome: Equatable, Sendable {
  case found(LastChange)
  /// It has had its value since the recording began at this position.
  case unchanged(since: UInt64)
  case interrupted
}

extension Timeline {
  /// Instructions of the first stretch that is looked at, and how much longer each one before it is.
  private static let firstStretch: UInt64 = 1 << 10
  private static let growth: UInt64 = 8
  private static let longestStretch: UInt64 = 1 << 22

  /// Finds the last change before `position` of what `value` tells of the machine.
  ///
  /// Nothing but running can tell what an instruction does to a register, and one that is changed and put back looks as if
  /// nothing had been. So stretches of the run are executed one instruction at a time, the nearest first. The timeline
  /// stands somewhere else afterwards.
  package func lastChange(
    before position: UInt64, control: SearchControl = SearchControl(), _ value: (Machine) -> UInt64
  ) throws(ReplayError) -> LastChangeOutcome {
    var end = position
    var length = Self.firstStretch
    while end > start {
      let first = end - min(length, end - start)
      try seek(to: first)
      var found: UInt64?
      var last = value(machine)
      while self.position < end {
        let here = self.position
        if here & 0xfff == 0 {
          control.progress(position - end + (here - first), position - start)
          if control.isInterrupted() { return .interrupted }
        }
        guard try run(until: here + 1, towards: HitSearch.nowhere) == .position else { break }
        let new = value(machine)
        if new != last { found = here }
        last = new
      }
      if let found { return .found(try describe(changeAt: found, value)) }
      end = first
      length = min(length * Self.growth, Self.longestStretch)
    }
    return .unchanged(since: start)
  }

  private func describe(
    changeAt position: UInt64, _ value: (Machine) -> UInt64
  ) throws(ReplayError) -> LastChange {
    try seek(to: position)
    let old = value(machine)
    _ = try settle()
    let settled = value(machine)
    let (moment, hart) = (now, machine.currentHart)
    let programCounter = machine.programCounter(hart: hart)
    _ = try run(until: position + 1)
    let new = value(machine)
    return LastChange(
      source: new != settled ? .instruction : .between, moment: moment, hart: hart,
      programCounter: programCounter, old: new != settled ? settled : old, new: new)
  }
}
