// SPDX-License-Identifier: Apache-2.0

/// A piece of code from the target of a branch that leads back to the branch, in which a hart may only wait.
///
/// It only waits when each round does what the one before did, unless something else changed memory or a device meanwhile: it
/// stores nothing, or only what it has stored before, and no register carries anything from one round into the next. So nothing
/// is lost when the hart's turn ends there: another hart can bring about sooner what the loop waits for. Loops that
/// count, search or copy are none of these. An `sc` may be in it: a round that comes back to its start has not stored.
///
/// That is told from the code's bytes alone, which lie on one page: it must not depend on where blocks begin.
struct WaitingLoop {
  /// Bytes of the longest loop that is looked at.
  private static let byteLimit = 64

  /// The branch that closes it, as blocks have it: `condition` says which one it is. A jump is one whose condition always holds.
  let branch: DecodedInstruction
  /// Where it begins, from the start of the page.
  let start: Int

  /// Nil when `instruction` closes no loop that is short enough.
  init?(closedBy instruction: DecodedInstruction) {
    var branch = instruction
    switch instruction.opcode {
    case .beq, .bne, .blt, .bge, .bltu, .bgeu: break
    case .jal where instruction.destination == DecodedInstruction.bin:
      branch.opcode = .beq
      (branch.source1, branch.source2) = (0, 0)
    default: return nil
    }
    let end = Int(instruction.pageOffset)
    start = end + Int(instruction.immediate)
    guard start >= 0, (0...Self.byteLimit).contains(end - start) else { return nil }
    branch.condition = branch.opcode
    branch.opcode = .waitingBranch
    self.branch = branch
  }

  /// Whether a hart that goes round in it only waits.
  ///
  /// - Parameter page: the bytes of the page that it lies on.
  func onlyWaits(_ page: UnsafeRawPointer, _ decoder: Decoder) -> Bool {
    let end = Int(branch.pageOffset)
    // By register: what a round may write, what it reads and may not have written by then, and what it has written so far
    // on every way to where it is.
    var (mayWrite, readEarly, written): (UInt64, UInt64, UInt64) = (0, 0, 0)
    // The last of these where branches from further up lead to, by half word.
    var writtenAtTarget = InlineArray<33, UInt64>(repeating: ~0)
    var offset = start
    while offset < end {
      written &= writtenAtTarget[(offset - start) / 2]
      var word = UInt32(page.load(fromByteOffset: offset, as: UInt16.self))
      if word & 3 == 3, offset + 2 < end {
        word |= UInt32(page.load(fromByteOffset: offset + 2, as: UInt16.self)) << 16
      }
      let instruction = decoder.decode(word, pageOffset: UInt16(offset))
      guard let traffic = Traffic(of: instruction) else { return false }
      readEarly |= traffic.reads & ~written
      mayWrite |= traffic.writes
      written |= traffic.writes
      if instruction.opcode.isBranch {
        let target = offset + Int(instruction.immediate)
        // It leaves the loop, begins another round, or goes on further down; whatever else it does is too much for here.
        if target > offset, target <= end {
          writtenAtTarget[(target - start) / 2] &= written
        } else if target > start, target <= end {
          return false
        }
      }
      offset += Int(instruction.length)
    }
    written &= writtenAtTarget[(end - start) / 2]
    readEarly |= Traffic.sources(branch) & ~written
    return offset == end && readEarly & mayWrite == 0
  }

  /// The integer registers that an instruction reads and writes, one bit each, without x0.
  private struct Traffic {
    var reads: UInt64
    var writes: UInt64

    static func sources(_ instruction: DecodedInstruction) -> UInt64 {
      (1 << UInt64(instruction.source1) | 1 << UInt64(instruction.source2)) & ~1
    }

    /// Nil for what a loop that only waits does not have.
    init?(of instruction: DecodedInstruction) {
      writes = 1 << UInt64(instruction.destination) & 0xffff_fffe
      switch instruction.opcode {
      case .lui, .auipc: reads = 0
      case .fence, .pause, .wrsNto, .wrsSto: (reads, writes) = (0, 0)
      case .lb, .lh, .lw, .ld, .lbu, .lhu, .lwu, .lrW, .lrD,
        .addi, .slti, .sltiu, .xori, .ori, .andi, .slli, .srli, .srai, .addiw, .slliw, .srliw, .sraiw,
        .slliUW,
        .sextB, .sextH, .zextH, .rori, .roriw, .bexti, .bclri, .bseti, .binvi:
        reads = 1 << UInt64(instruction.source1) & ~1
      // Those of the atomic operations that change nothing the second time.
      case .scW, .scD, .amoswapW, .amoswapD, .amoandW, .amoandD, .amoorW, .amoorD, .amominW, .amominD,
        .amomaxW, .amomaxD,
        .amominuW, .amominuD, .amomaxuW, .amomaxuD,
        .add, .sub, .sll, .slt, .sltu, .xor, .srl, .sra, .or, .and, .addw, .subw, .sllw, .srlw, .sraw,
        .addUW, .sh1add, .sh2add, .sh3add, .andn, .orn, .xnor, .max, .maxu, .min, .minu, .bext:
        reads = Self.sources(instruction)
      case .beq, .bne, .blt, .bge, .bltu, .bgeu:
        (reads, writes) = (Self.sources(instruction), 0)
      default: return nil
      }
    }
  }
}
