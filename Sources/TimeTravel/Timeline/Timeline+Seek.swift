// SPDX-License-Identifier: Apache-2.0

import ByteCoding
import Emulator
import HostSystem
import ReplayLog

/// Going anywhere: from here, from a checkpoint in memory, or from a snapshot on disk.
extension Timeline {
  /// Where a way begins.
  private enum Origin {
    case here
    /// A checkpoint by its number.
    case checkpoint(Int)
    case snapshot(String)
  }

  /// Goes to exactly `position`, forward or back, from the nearest of here, the checkpoints and the snapshots. Ends a fork.
  ///
  /// A position beyond the end of the recording ends at the end. Checkpoints ahead are kept when it goes back, so that the
  /// way forward again is as short.
  @discardableResult
  public func seek(
    to position: UInt64, progress: (UInt64) -> Void = { _ in }
  ) throws(ReplayError) -> Stop {
    try approach(position)
    return try run(until: position, progress: progress)
  }

  /// Goes to the nearest place that is known, here, a checkpoint or a snapshot, from which `position` lies ahead.
  package func approach(_ position: UInt64) throws(ReplayError) {
    do throws(Failure) {
      var origin = try origin(for: position)
      if case .snapshot = origin {
        // Others may have made or deleted some meanwhile.
        knownSnapshots = try Self.snapshots(of: recording)
        origin = try self.origin(for: position)
      }
      switch origin {
      case .here: break
      case .checkpoint(let number): try restore(number)
      case .snapshot(let name): try load(name)
      }
    } catch {
      isLost = true
      throw .failed(error)
    }
  }

  /// What a restored checkpoint and a loaded snapshot cost, in instructions that could have been run instead.
  private static let checkpointCost: UInt64 = 100_000
  private static let snapshotCost: UInt64 = 300_000_000

  private func origin(for position: UInt64) throws(Failure) -> Origin {
    var best: (cost: UInt64, origin: Origin)?
    func consider(_ origin: Origin, at place: UInt64, cost: UInt64) {
      guard place <= position else { return }
      let total = (position - place).addingReportingOverflow(cost)
      let sum = total.overflow ? .max : total.partialValue
      if best.map({ sum < $0.cost }) ?? true { best = (sum, origin) }
    }
    let isHere =
      ended == nil && !isForked && !isLost && session.gate.stopReason == nil
      && session.machine.isAtStartOfPosition
    if isHere { consider(.here, at: self.position, cost: 0) }
    if let chain = session.checkpoints, let number = chain.index(atOrBefore: position) {
      consider(.checkpoint(number), at: chain.position(of: number), cost: Self.checkpointCost)
    }
    if let snapshot = knownSnapshots.last(where: { $0.moment.position <= position }) {
      consider(.snapshot(snapshot.name), at: snapshot.moment.position, cost: Self.snapshotCost)
    }
    guard let best else {
      throw Failure(
        .usage, "position \(position.grouped)",
        "lies before the start of the recording, which is at \(start.grouped)",
        remedy: "give a later position")
    }
    return best.origin
  }

  private func load(_ name: String) throws(Failure) {
    let handedOut = session.gate.outputIsNewFrom
    session = try ReplaySession(
      recording, log: log, snapshot: name, console: console, engine: engine, checkpoints: policy)
    session.gate.outputIsNewFrom = handedOut
    session.gate.hearReset = hearReset
    ended = nil
    isLost = false
  }

  private func restore(_ number: Int) throws(Failure) {
    guard let chain = session.checkpoints else { preconditionFailure("its number came from there") }
    let checkpoint = chain.restoreMemory(to: number)
    do throws(ByteCodingError) {
      try session.machine.restoreState(checkpoint.machine)
    } catch {
      preconditionFailure("this machine's own state does not fit it: \(error)")
    }
    for (scratch, contents) in zip(session.scratch, checkpoint.drives) {
      if let scratch, let contents { scratch.contents = contents }
    }
    try session.gate.restore(checkpoint.gate)
    ended = nil
    isLost = false
  }
}
