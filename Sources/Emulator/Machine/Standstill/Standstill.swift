// SPDX-License-Identifier: Apache-2.0

/// How a machine is lost: what each of its harts does, without end.
package struct Standstill: Equatable, Sendable {
  /// An exception that a hart takes again and again.
  package struct RepeatedTrap: Equatable, Sendable {
    /// The instruction that traps.
    package var programCounter: UInt64
    package var cause: UInt64
    /// What `mtval` or `stval` says of it.
    package var value: UInt64
    /// Where it leads to, and the name of the register that says so.
    package var vector: UInt64
    package var vectorName: String
  }

  package enum Course: Equatable, Sendable {
    /// For an interrupt that cannot come.
    case waits
    case isNotStarted
    /// It has the same state again after so many instructions.
    case circles(period: Int)
    /// The same, and it traps on the way.
    case traps(RepeatedTrap, period: Int)
  }

  package struct HartCourse: Equatable, Sendable {
    package var index: Int
    package var programCounter: UInt64
    package var course: Course
  }

  package var harts: [HartCourse]
}

/// A hart that traps and traps, and of which nobody can prove that it will do so for ever.
package struct TrapStorm: Equatable, Sendable {
  package var hart: Int
  package var trap: Standstill.RepeatedTrap
  /// So many times in a row, without a return.
  package var count: UInt64
}

extension Standstill: CustomStringConvertible {
  /// A sentence's part for each hart: "hart 0 jumps to itself at pc 0x80000010 with no interrupt that could end it".
  package var description: String {
    harts.map { "hart \($0.index) \($0.course.summary(at: $0.programCounter))" }.joined(separator: "; ")
  }
}

extension Standstill.Course {
  fileprivate func summary(at programCounter: UInt64) -> String {
    let pc = "pc \(hexadecimal(programCounter))"
    switch self {
    case .waits: return "waits at \(pc)"
    case .isNotStarted: return "is not started"
    case .circles(1):
      return
        "jumps to itself at \(pc) with no interrupt that could end it (a panic, or the end of its program?)"
    case .circles(let period):
      return
        "goes round in \(period) instructions at \(pc) with nothing that could end it (a panic, or a wait for what "
        + "nobody does?)"
    case .traps(let trap, period: _): return "traps for ever at \(trap)"
    }
  }
}

extension Standstill.RepeatedTrap: CustomStringConvertible {
  package var description: String {
    "pc \(hexadecimal(programCounter)) (\(TrapCause.name(ofException: cause)), cause \(cause), value \(hexadecimal(value))): "
      + meaning
  }

  private var meaning: String {
    let place = "\(vectorName) is \(hexadecimal(vector))"
    if programCounter == vector & ~3 {
      return "\(place), where its trap handler traps at once: is \(vectorName) set, and can that be executed?"
    }
    return
      "\(place), and its trap handler comes to no end: does the handler itself fault, on its stack perhaps?"
  }
}

extension TrapStorm: CustomStringConvertible {
  package var description: String { "hart \(hart) has trapped \(count) times in a row at \(trap)" }
}

extension Machine {
  /// What each hart is doing, in words: "hart 0 waits at pc 0x80000024". For a machine that is idle for ever.
  package var hartsAtRest: String {
    let courses = interpreter.harts.map {
      Standstill.HartCourse(
        index: $0.index, programCounter: $0.state.pointee.pc,
        course: $0.state.pointee.isStarted == 0 ? .isNotStarted : .waits)
    }
    return Standstill(harts: courses).description
  }
}
