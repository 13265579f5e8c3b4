// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Taking checkpoints on the way.
extension Timeline {
  /// Where checkpoints stand, ascending.
  public var checkpointPositions: [UInt64] { session.checkpoints?.positions ?? [] }
  /// Bytes of memory that checkpoints take.
  public var checkpointByteCount: Int { session.checkpoints?.byteCount ?? 0 }

  /// Takes a checkpoint here if it is time for one. Answers where the next one is to be taken, or stands already; nil
  /// when the machine need not stop for that.
  func tendCheckpoints(towards goal: UInt64) -> UInt64? {
    guard let policy, let chain = session.checkpoints, !isForked else { return nil }
    let here = position
    if chain.isEmpty {
      guard machine.isAtStartOfPosition, takeCheckpoint() else { return nil }
    }
    guard let number = chain.index(atOrBefore: here) else { preconditionFailure("there is one at the start") }
    let last = chain.position(of: number)
    let next = chain.nextPosition(after: here) ?? .max
    let due = chain.isOverLimit ? here : last + policy.spacing(at: last, towards: goal)
    if here >= due {
      // In the middle of what arrives here there can be none: right after it.
      guard machine.isAtStartOfPosition, here > last else { return here + 1 }
      guard takeCheckpoint() else { return nil }
      return min(here + policy.spacing(at: here, towards: goal), next)
    }
    return min(due, next)
  }

  /// The machine has run to a position, where a checkpoint may be.
  func noteCheckpointReached() {
    guard let chain = session.checkpoints, !isForked, machine.isAtStartOfPosition else { return }
    if isPresentMidway, position == present?.position { return }
    chain.arrive(at: position)
  }

  /// False: nothing can go on from here.
  private func takeCheckpoint() -> Bool {
    guard let chain = session.checkpoints, let gate = session.gate.state else { return false }
    let machine = session.machine.saveState()
    let drives = session.scratch.map { $0?.takeContents() }
    chain.add(
      Checkpoint(
        position: position, machine: machine, gate: gate, drives: drives.map { $0?.contents },
        byteCount: machine.count + drives.reduce(0) { $0 + ($1?.newByteCount ?? 0) }))
    return true
  }
}
