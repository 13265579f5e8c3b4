// SPDX-License-Identifier: Apache-2.0

/// Finds out when a machine can never go on: every hart waits, or goes round in the same few instructions, and nothing that could
/// change it is left.
///
/// Whoever runs the machine has it stop at `nextPosition` and calls `look` there. What is found, and where, follows from the machine's
/// state at positions that are always the same, and from what may still arrive. A guest that is well pays for a look at its
/// registers every few million instructions.
package final class StandstillWatch {
  package enum Finding: Equatable, Sendable {
    /// It can never go on by itself.
    case standstill(Standstill)
    /// A hart does nothing but trap, though its state changes.
    case storm(TrapStorm)
  }

  /// Instructions between two looks.
  package static let interval: UInt64 = 4_000_000
  /// Traps in a row at one place, without a return, that are worth to be told.
  package static let stormLimit: UInt64 = 10_000

  /// How many of a hart's places are remembered: one that goes round in n instructions is seen twice at one of them after some
  /// n / 32 looks.
  private static let memorySize = 32
  /// After a hart that seemed to go round and did not, so many looks are left out at most.
  private static let pauseLimit: UInt64 = 64

  private unowned let machine: Machine
  private var seen: [[UInt64]]
  private var exchangeCount: UInt64 = 0
  private var proof: StandstillProof?
  private var pause: UInt64 = 1
  private var storm: TrapStorm?
  private var nextLook: UInt64

  /// The position at which it wants to look at the machine next.
  package var nextPosition: UInt64 { proof?.nextPosition ?? nextLook }

  package init(_ machine: Machine) {
    self.machine = machine
    seen = Array(repeating: [], count: machine.configuration.hartCount)
    nextLook = Self.multiple(after: machine.now.position)
  }

  private static func multiple(after position: UInt64, _ count: UInt64 = 1) -> UInt64 {
    let (product, isTooLarge) = (position / interval + count).multipliedReportingOverflow(by: interval)
    return isTooLarge ? .max : product
  }

  /// The machine stands at `nextPosition` or behind it, between two instructions.
  package func look(_ prospects: Machine.Prospects) -> Finding? {
    if let proof {
      switch proof.look(machine, prospects) {
      case .open: return nil
      case .refuted:
        self.proof = nil
        forget()
        pause = min(pause * 2, Self.pauseLimit)
        nextLook = Self.multiple(after: machine.now.position, pause)
        return nil
      case .proved(let standstill):
        self.proof = nil
        nextLook = Self.multiple(after: machine.now.position)
        return .standstill(standstill)
      }
    }
    nextLook = Self.multiple(after: machine.now.position)
    let harts = machine.interpreter.harts.filter {
      $0.state.pointee.isStarted != 0 && $0.state.pointee.isWaiting == 0
    }
    let isStorm = lookForStorm(harts)
    if machine.exchangeCount != exchangeCount {
      exchangeCount = machine.exchangeCount
      forget()
      pause = 1
    }
    // A machine in which all wait is idle, and its gate knows for how long.
    guard !harts.isEmpty, !machine.mayBeDisturbed(prospects) else {
      forget()
      return isStorm ? storm.map(Finding.storm) : nil
    }
    guard harts.filter({ note($0) }).count == harts.count else {
      return isStorm ? storm.map(Finding.storm) : nil
    }
    proof = StandstillProof(machine, harts: harts)
    return nil
  }

  private func forget() {
    for index in seen.indices { seen[index].removeAll(keepingCapacity: true) }
  }

  /// Remembers where the hart stands; true when it stood there before.
  private func note(_ hart: Hart) -> Bool {
    let digest = hart.courseDigest
    if seen[hart.index].contains(digest) { return true }
    if seen[hart.index].count == Self.memorySize { seen[hart.index].removeFirst() }
    seen[hart.index].append(digest)
    return false
  }

  /// Whether a hart does nothing but trap, from look to look.
  private func lookForStorm(_ harts: [Hart]) -> Bool {
    let before = storm
    storm = harts.first { $0.state.pointee.trapsInARow >= Self.stormLimit }.map {
      TrapStorm(hart: $0.index, trap: $0.lastTrap, count: $0.state.pointee.trapsInARow)
    }
    guard let before, let storm else { return false }
    return storm.hart == before.hart && storm.trap.programCounter == before.trap.programCounter
      && storm.count > before.count
  }
}
