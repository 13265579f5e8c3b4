// SPDX-License-Identifier: Apache-2.0

/// What a hart has called and not returned from, as its jumps tell: a stack beside the guest's.
struct ShadowStack {
  /// Of a function that was called, or of the handler of a trap.
  struct Frame: BitwiseCopyable {
    /// The function that runs in it now: it may have jumped into another one at its end.
    var node: Int32
    var kind: Kind
    /// Where it returns to: behind the call, or the instruction that trapped.
    var resume: UInt64
    /// Where the stack stood then.
    var stackPointer: UInt64
    /// Of what was interrupted, the mode, and in user mode the address space.
    var privilege: UInt64 = 0
    var addressSpace: UInt64 = 0

    enum Kind: UInt8 {
      case call, alternateCall, trap
      /// The outermost: nobody was seen to call it.
      case base
    }
  }

  /// Deeper ones are forgotten from the outermost on.
  private static let limit = 1 << 16
  /// How far down a return is looked for that fits no call at the top.
  private static let searchLimit = 256

  /// The outermost first; never empty.
  private(set) var frames: [Frame]
  /// The node of the topmost.
  private(set) var top: Int32

  init(base node: Int32) {
    // Nobody knows where its stack began.
    frames = [Frame(node: node, kind: .base, resume: 0, stackPointer: .max)]
    top = node
  }

  var topFrame: Frame { frames[frames.count - 1] }

  mutating func push(_ frame: Frame) {
    if frames.count == Self.limit { frames.removeFirst(Self.limit / 2) }
    frames.append(frame)
    top = frame.node
  }

  /// The function at the top has gone on as another one.
  mutating func replaceTop(_ node: Int32) {
    frames[frames.count - 1].node = node
    top = node
  }

  /// Keeps the outermost `count`, one at least.
  mutating func cut(to count: Int) {
    frames.removeLast(frames.count - max(count, 1))
    top = frames[frames.count - 1].node
  }

  /// The usual return: from the function at the top to its caller.
  @inline(__always)
  mutating func returns(to target: UInt64, _ stackPointer: UInt64) -> Bool {
    let count = frames.count
    guard count > 1, Self.fits(frames[count - 1], target, stackPointer) else { return false }
    frames.removeLast()
    top = frames[count - 2].node
    return true
  }

  /// How many frames lie below the one that returns to there, further down: functions above it were left in one go.
  func countBelow(returningTo target: UInt64, _ stackPointer: UInt64) -> Int? {
    frames.indices.suffix(Self.searchLimit).reversed().first {
      Self.fits(frames[$0], target, stackPointer)
    }
  }

  /// How many frames there are up to the one that stood at this place of the stack, in a function that goes on: those above it were left in
  /// one go (`longjmp`). The stack grows down, so its pointer lies between where the frame began and where the next one does.
  func count(upTo stackPointer: UInt64, in isFunction: (_ node: Int32) -> Bool) -> Int? {
    let search = frames.indices.dropLast().suffix(Self.searchLimit).reversed()
    return search.first {
      frames[$0].stackPointer >= stackPointer && frames[$0 + 1].stackPointer <= stackPointer
        && isFunction(frames[$0].node)
    }.map { $0 + 1 }
  }

  @inline(__always)
  private static func fits(_ frame: Frame, _ target: UInt64, _ stackPointer: UInt64) -> Bool {
    guard frame.resume == target else { return false }
    return switch frame.kind {
    case .call: frame.stackPointer == stackPointer
    // The routine that it calls moves the stack pointer.
    case .alternateCall: true
    case .trap, .base: false
    }
  }

  /// How many frames lie below the innermost trap.
  var countBelowTrap: Int? { frames.lastIndex { $0.kind == .trap } }

  /// How many lie below the trap that interrupted what goes on at `target`.
  func countBelow(trapAt target: UInt64, _ stackPointer: UInt64, privilege: UInt64) -> Int? {
    frames.indices.suffix(Self.searchLimit).reversed().first {
      let frame = frames[$0]
      // Handlers go on behind an instruction that called them or that they have done themselves.
      return frame.kind == .trap && frame.stackPointer == stackPointer && frame.privilege == privilege
        && target &- frame.resume <= 4
    }
  }
}
