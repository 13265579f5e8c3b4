// SPDX-License-Identifier: Apache-2.0

/// A jump that a hart made: a call, a return, neither, or a branch that was taken. Traps and returns from traps are none.
///
/// It lies in raw memory at fixed offsets, so that machine code can write it.
package struct ControlTransfer: BitwiseCopyable, Sendable, Equatable {
  /// The address of the jump.
  package var source: UInt64
  package var target: UInt64
  package var stackPointer: UInt64
  /// What was left of the hart's budget behind the jump; see `ControlTransfers.position`.
  @usableFromInline var budget: Int64
  /// The kind, and above it the bytes of the jump.
  @usableFromInline var form: UInt64

  static func form(_ kind: Kind, byteCount: Int) -> UInt64 { kind.rawValue | UInt64(byteCount) << 8 }

  // Whoever hears of jumps hears of hundreds of millions.
  @inlinable package var kind: Kind { Kind(rawValue: form & 0xff) ?? .jump }
  /// The address behind the jump, which a call links to.
  @inlinable package var link: UInt64 { source &+ form >> 8 }

  /// What a jump is for, by the registers that it names (volume I, "Unconditional Jumps", table of hints for return-address stacks).
  package enum Kind: UInt64, Sendable {
    /// Into another function at its end, or within one; also what links to other registers, as stubs do that find a function first.
    case jump
    /// Links to `ra`.
    case call
    /// Links to `t0`, as calls of the routines do that save and restore registers, and move the stack pointer.
    case alternateCall
    /// Goes to where `ra` or `t0` points, and links to nothing.
    case `return`
    /// A branch that was taken.
    case branch
  }

  // Where machine code writes the fields; every stored property of a plain struct has an offset.
  static let sourceOffset = offset(\.source)
  static let targetOffset = offset(\.target)
  static let stackPointerOffset = offset(\.stackPointer)
  static let budgetOffset = offset(\.budget)
  static let formOffset = offset(\.form)

  private static func offset(_ field: PartialKeyPath<Self>) -> Int32 {
    Int32(MemoryLayout<Self>.offset(of: field)!)
  }
}

/// Which jumps are told.
package enum ControlTransferNotes {
  case nothing
  /// All but branches.
  case jumps
  case all
}

/// Jumps that one hart made one after the other, as whoever looks on hears of them (`Machine.observe`).
package struct ControlTransfers {
  package var hart: Int
  /// Good only while they are told.
  package var jumps: UnsafeBufferPointer<ControlTransfer>
  /// The position at which the hart's turn began, and its budget then, in one number.
  @usableFromInline var base: UInt64
  /// All instructions up to this position have been executed since the last were told, and these are all their jumps.
  package var end: UInt64

  /// The position behind a jump.
  @inlinable package func position(behind jump: ControlTransfer) -> UInt64 {
    base &- UInt64(bitPattern: jump.budget)
  }
}
