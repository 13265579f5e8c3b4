// SPDX-License-Identifier: Apache-2.0

import Emulator

/// Two engines did not do the same: what `--engine lockstep` looks for.
public struct LockstepDifference: Error, Equatable, Sendable, CustomStringConvertible {
  /// How close the place is known.
  public enum Precision: Equatable, Sendable {
    /// Both engines were equal at `position`, and differ after the instruction there.
    case instruction
    /// The translated block that ends at `position + 1` differs as a whole, its instructions by themselves do not.
    case block
    /// It was not so again when the slice from `position` to `end` was run again from its start, with nothing
    /// translated before: it depends on what happened earlier.
    case slice(end: UInt64)
  }

  public var position: UInt64
  public var precision: Precision
  /// The hart whose turn it was, and its program counter at `position`; at the slice's end when no more is known.
  public var hart: Int
  public var programCounter: UInt64
  /// "hart0 x10: interpreter 0x1, translator 0x2", one for each thing that differs.
  public var details: [String]

  /// A line that says where, and then one for each thing that differs.
  public var description: String {
    let pc = "0x" + String(programCounter, radix: 16)
    let place = "hart \(hart), pc \(pc)"
    let first =
      switch precision {
      case .instruction: "engines differ after the instruction at position \(position), \(place)"
      case .block:
        "engines differ after the block whose last instruction is at position \(position), \(place)"
      case .slice(let end):
        "engines differ at position \(end), \(place), and were equal at position \(position)"
      }
    return ([first] + details).joined(separator: "\n  ")
  }

  init(
    at moment: Moment, _ precision: Precision, hart: Int, programCounter: UInt64, _ found: [StateDifference]
  ) {
    position = moment.position
    self.precision = precision
    self.hart = hart
    self.programCounter = programCounter
    details = found.map { "\($0.name): interpreter \($0.left), translator \($0.right)" }
  }
}
