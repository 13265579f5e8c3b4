// SPDX-License-Identifier: Apache-2.0

import Glibc

/// Finds out, instruction by instruction, whether every hart that runs comes back to the very state that it began with.
///
/// It rests on this: registers that are the same as before, memory that is the same as before, and nothing read or written in between
/// that is neither of them; then what comes next is what came before, again and again. `Machine.mayBeDisturbed` says whether
/// anything could break in.
///
/// The machine is run in the ordinary way up to `nextPosition`, and shown each time.
final class StandstillProof {
  /// Instructions within which each hart must come back.
  static let periodLimit = 4_096

  private struct Candidate {
    var index: Int
    var pc: UInt64
    var start: [UInt64]
    var executed: UInt64
    var exceptions: UInt64
    var trap: Standstill.RepeatedTrap?
    var period: Int?
  }

  private let memory: GuestMemory
  private var candidates: [Candidate]
  private let exchangeCount: UInt64
  private let kept = KeptPages()
  private(set) var nextPosition: UInt64

  enum Verdict {
    case open
    case refuted
    case proved(Standstill)
  }

  /// - Parameter harts: those that run now.
  init(_ machine: Machine, harts: [Hart]) {
    memory = machine.memory
    candidates = harts.map {
      Candidate(
        index: $0.index, pc: $0.state.pointee.pc,
        start: $0.steadyState(machine.interpreter.protection[$0.index]),
        executed: $0.executed, exceptions: $0.state.pointee.exceptionCount)
    }
    exchangeCount = machine.exchangeCount
    nextPosition = machine.now.position + 1
    memory.beginKeeping(for: kept)
  }

  deinit { memory.endKeeping(for: kept) }

  /// The machine stands at `nextPosition`.
  func look(_ machine: Machine, _ prospects: Machine.Prospects) -> Verdict {
    guard machine.exchangeCount == exchangeCount, !machine.mayBeDisturbed(prospects), !kept.isFull else {
      return .refuted
    }
    let hart = machine.interpreter.harts[machine.turnHart]
    nextPosition = machine.now.position + 1
    // A hart that began to run, or one that waits now, was not like that at the start.
    guard let place = candidates.firstIndex(where: { $0.index == hart.index }),
      hart.state.pointee.isWaiting == 0
    else { return .refuted }
    if candidates[place].period == nil {
      guard let followed = follow(hart, machine, candidates[place]) else { return .refuted }
      candidates[place] = followed
    }
    guard candidates[place].period != nil else { return .open }
    guard candidates.allSatisfy({ $0.period != nil }) else {
      // This one has shown what it does: on to the next one's turn.
      nextPosition += UInt64(max(machine.quantumLeft, 0))
      return .open
    }
    return .proved(finding(in: machine))
  }

  /// What is known of it now; nil: it does not come back.
  private func follow(_ hart: Hart, _ machine: Machine, _ before: Candidate) -> Candidate? {
    var candidate = before
    let state = hart.state.pointee
    if candidate.trap == nil, state.exceptionCount != candidate.exceptions { candidate.trap = hart.lastTrap }
    let count = hart.executed &- candidate.executed
    guard count > 0, count <= Self.periodLimit else { return count == 0 ? candidate : nil }
    guard state.pc == candidate.pc,
      hart.steadyState(machine.interpreter.protection[hart.index]) == candidate.start
    else { return candidate }
    // What one hart stores and another reads would depend on when each of them comes round.
    guard candidates.count == 1 ? kept.isEqual(to: memory) : kept.isEmpty else { return candidate }
    candidate.period = Int(count)
    return candidate
  }

  private func finding(in machine: Machine) -> Standstill {
    Standstill(
      harts: machine.interpreter.harts.map { hart in
        let state = hart.state.pointee
        let course: Standstill.Course
        if state.isStarted == 0 {
          course = .isNotStarted
        } else if let candidate = candidates.first(where: { $0.index == hart.index }),
          let period = candidate.period
        {
          course = candidate.trap.map { .traps($0, period: period) } ?? .circles(period: period)
        } else {
          course = .waits
        }
        return .init(index: hart.index, programCounter: state.pc, course: course)
      })
  }
}

/// The pages that were stored to, as they were before; a few at most.
private final class KeptPages: PageKeeper {
  private static let limit = 64
  private var pages: [(page: Int, bytes: [UInt8])] = []
  private(set) var isFull = false

  var isEmpty: Bool { pages.isEmpty }

  func keep(page: Int, bytes: UnsafeRawPointer) {
    guard pages.count < Self.limit else {
      isFull = true
      return
    }
    pages.append((page, Array(UnsafeRawBufferPointer(start: bytes, count: GuestMemory.pageSize))))
  }

  func isEqual(to memory: GuestMemory) -> Bool {
    pages.allSatisfy { entry in
      entry.bytes.withUnsafeBytes {
        // An array of a page's size has a first byte.
        memcmp($0.baseAddress!, memory.bytes + entry.page * GuestMemory.pageSize, GuestMemory.pageSize) == 0
      }
    }
  }
}
