// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// Which results of a block have an upper half that nothing looks at.
  ///
  /// Instructions on words sign-extend their result, which costs the host an instruction of its own and a cycle. It is
  /// left out where the result goes into such instructions only before it is overwritten. Wherever a block may be left or
  /// call out, all registers must be as they should; so only what lies between two such places counts.
  struct DeadUpperHalves {
    /// One bit an instruction.
    private var bits: UInt64 = 0

    init(_ block: Block) {
      precondition(BlockCache.lengthLimit <= 64)
      // By register: does anything behind the instruction look at its upper half?
      var needed: UInt64 = ~0
      for index in (0..<Int(block.pointee.count)).reversed() {
        let instruction = block.instructions[index]
        let demand = Demand(of: instruction)
        guard demand != .everything else {
          needed = ~0
          continue
        }
        let destination: UInt64 = 1 << UInt64(instruction.destination)
        let isResultNeeded = needed & destination != 0
        if !isResultNeeded { bits |= 1 << UInt64(index) }
        needed &= ~destination
        if demand == .sources || (demand == .sourcesForUpperHalf && isResultNeeded) {
          needed |= 1 << UInt64(instruction.source1) | 1 << UInt64(instruction.source2)
        }
      }
    }

    /// May the upper half of what the instruction at `index` computes be anything?
    func contains(_ index: Int) -> Bool { bits >> UInt64(index) & 1 != 0 }

    /// What an instruction needs the upper halves of.
    private enum Demand {
      case nothing
      /// Its sources, if that of its result is needed: the lower half of the result follows from lower halves.
      case sourcesForUpperHalf
      case sources
      /// All registers: the block may be left here.
      case everything

      init(of instruction: DecodedInstruction) {
        self =
          switch instruction.opcode {
          case .lui, .auipc, .jal, .addw, .subw, .sllw, .srlw, .sraw, .addiw, .slliw, .srliw, .sraiw, .mulw,
            .rolw, .rorw, .roriw, .sextB, .sextH, .zextH, .slliUW:
            .nothing
          case .andi where instruction.immediate >= 0: .nothing
          case .slli where instruction.immediate >= 32: .nothing
          case .add, .sub, .and, .or, .xor, .addi, .andi, .ori, .xori, .slli, .mul, .addUW, .sh1add, .sh2add,
            .sh3add, .sh1addUW, .sh2addUW, .sh3addUW, .andn, .orn, .xnor:
            .sourcesForUpperHalf
          case .sll, .srl, .sra, .srli, .srai, .slt, .sltu, .slti, .sltiu, .rol, .ror, .rori: .sources
          default: .everything
          }
      }
    }
  }
#endif
