// SPDX-License-Identifier: Apache-2.0

/// The loop. Long because it is one switch over all integer instructions; each case is a line of the manual.
extension Interpreter {
  /// Runs `hart` until its budget is used up or it must leave; see `HartState.budget` and `Attention.leave`.
  func run(_ hart: Hart) {
    let state = hart.state
    let x = hart.x
    let jumpCache = hart.jumpCache
    #if arch(x86_64)
      // This object owns it: no reference is counted.
      let translator = translator.map(Unmanaged.passUnretained)
    #endif

    boundary: while true {
      if state.pointee.attention != 0 {
        if state.pointee.attention & Attention.leave != 0 { return }
        if state.pointee.attention & Attention.transfers != 0 { handTransfers() }
        state.pointee.attention = 0
        if let interrupt = hart.interruptToTake() {
          enterTrap(hart, cause: interrupt, isInterrupt: true, value: 0)
          // What is pending beyond this one is masked now.
          state.pointee.attention = 0
        }
      }
      let budget = state.pointee.budget
      if budget <= 0 { return }

      let pc = state.pointee.pc
      var block: Block
      let entry = jumpCache.entry(for: pc)
      if entry.pointee.pc == pc && entry.pointee.tag == state.pointee.jumpTag {
        // An entry that is good holds a block.
        block = entry.pointee.block.unsafelyUnwrapped
        entry.pointee.code = block.pointee.code
      } else {
        guard let fetched = fetchBlock(hart) else { continue boundary }
        block = fetched
      }
      #if arch(x86_64)
        if block.pointee.code != 0, let translator,
          translator._withUnsafeGuaranteedRef({ $0.run(hart, block) })
        {
          continue boundary
        }
      #endif
      var count = Int64(block.pointee.count)
      if count > budget {
        block = shorten(block, to: Int(budget))
        count = budget
      }
      state.pointee.budget = budget &- count
      let pageBase = pc & ~0xfff
      state.pointee.pageBase = pageBase

      var op = block.instructions
      while true {
        // Registers by number, and the immediate as 64 bits.
        let rd = Int(op.pointee.destination)
        let rs1 = Int(op.pointee.source1)
        let rs2 = Int(op.pointee.source2)
        let immediate = UInt64(bitPattern: Int64(op.pointee.immediate))

        switch op.pointee.opcode {
        case .blockEnd:
          state.pointee.pc = pageBase &+ UInt64(op.pointee.pageOffset)
          continue boundary

        // MARK: Constants, jumps and branches

        case .lui: x[rd] = immediate
        case .auipc: x[rd] = pageBase &+ UInt64(op.pointee.pageOffset) &+ immediate
        case .jal:
          let address = pageBase &+ UInt64(op.pointee.pageOffset)
          x[rd] = address &+ UInt64(op.pointee.length)
          // One that is not the last has its target behind it.
          if op.pointee.remaining == 1 {
            state.pointee.pc = address &+ immediate
            continue boundary
          }
        case .jalr:
          let target = (x[rs1] &+ immediate) & ~1
          x[rd] = pageBase &+ UInt64(op.pointee.pageOffset) &+ UInt64(op.pointee.length)
          state.pointee.pc = target
          continue boundary
        case .notedJal, .notedJalr:
          let address = pageBase &+ UInt64(op.pointee.pageOffset)
          let target =
            op.pointee.opcode == .notedJal ? address &+ immediate : (x[rs1] &+ immediate) & ~1
          x[rd] = address &+ UInt64(op.pointee.length)
          state.pointee.pc = target
          note(hart, op, to: target)
          continue boundary
        case .beq:
          if x[rs1] == x[rs2] {
            takeBranch(state, op, pageBase)
            continue boundary
          }
        case .bne:
          if x[rs1] != x[rs2] {
            takeBranch(state, op, pageBase)
            continue boundary
          }
        case .blt:
          if Int64(bitPattern: x[rs1]) < Int64(bitPattern: x[rs2]) {
            takeBranch(state, op, pageBase)
            continue boundary
          }
        case .bge:
          if Int64(bitPattern: x[rs1]) >= Int64(bitPattern: x[rs2]) {
            takeBranch(state, op, pageBase)
            continue boundary
          }
        case .bltu:
          if x[rs1] < x[rs2] {
            takeBranch(state, op, pageBase)
            continue boundary
          }
        case .bgeu:
          if x[rs1] >= x[rs2] {
            takeBranch(state, op, pageBase)
            continue boundary
          }

        case .notedBranch:
          if isTaken(hart, op) {
            takeBranch(state, op, pageBase)
            note(hart, op, to: state.pointee.pc)
            continue boundary
          }
        case .waitingBranch:
          if isTaken(hart, op) {
            repeatWait(hart, op)
            continue boundary
          }

        // MARK: Loads and stores

        case .lb:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 1) {
            x[rd] = UInt64(bitPattern: Int64(host.load(as: Int8.self)))
          } else if loadSlowly(hart, op, address, size: 1) {
            continue boundary
          }
        case .lbu:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 1) {
            x[rd] = UInt64(host.load(as: UInt8.self))
          } else if loadSlowly(hart, op, address, size: 1) {
            continue boundary
          }
        case .lh:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 2) {
            x[rd] = UInt64(bitPattern: Int64(host.loadUnaligned(as: Int16.self)))
          } else if loadSlowly(hart, op, address, size: 2) {
            continue boundary
          }
        case .lhu:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 2) {
            x[rd] = UInt64(host.loadUnaligned(as: UInt16.self))
          } else if loadSlowly(hart, op, address, size: 2) {
            continue boundary
          }
        case .lw:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 4) {
            x[rd] = UInt64(bitPattern: Int64(host.loadUnaligned(as: Int32.self)))
          } else if loadSlowly(hart, op, address, size: 4) {
            continue boundary
          }
        case .lwu:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 4) {
            x[rd] = UInt64(host.loadUnaligned(as: UInt32.self))
          } else if loadSlowly(hart, op, address, size: 4) {
            continue boundary
          }
        case .ld:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.loadTable, address, size: 8) {
            x[rd] = host.loadUnaligned(as: UInt64.self)
          } else if loadSlowly(hart, op, address, size: 8) {
            continue boundary
          }
        case .sb:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 1) {
            host.storeBytes(of: UInt8(truncatingIfNeeded: x[rs2]), as: UInt8.self)
          } else if storeSlowly(hart, op, address, size: 1, x[rs2]) {
            continue boundary
          }
        case .sh:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 2) {
            host.storeBytes(of: UInt16(truncatingIfNeeded: x[rs2]), as: UInt16.self)
          } else if storeSlowly(hart, op, address, size: 2, x[rs2]) {
            continue boundary
          }
        case .sw:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 4) {
            host.storeBytes(of: UInt32(truncatingIfNeeded: x[rs2]), as: UInt32.self)
          } else if storeSlowly(hart, op, address, size: 4, x[rs2]) {
            continue boundary
          }
        case .sd:
          let address = x[rs1] &+ immediate
          if let host = TranslationCache.lookUp(state.pointee.storeTable, address, size: 8) {
            host.storeBytes(of: x[rs2], as: UInt64.self)
          } else if storeSlowly(hart, op, address, size: 8, x[rs2]) {
            continue boundary
          }

        // MARK: Arithmetic and logic

        case .addi: x[rd] = x[rs1] &+ immediate
        case .slti: x[rd] = Int64(bitPattern: x[rs1]) < Int64(bitPattern: immediate) ? 1 : 0
        case .sltiu: x[rd] = x[rs1] < immediate ? 1 : 0
        case .xori: x[rd] = x[rs1] ^ immediate
        case .ori: x[rd] = x[rs1] | immediate
        case .andi: x[rd] = x[rs1] & immediate
        case .slli: x[rd] = x[rs1] &<< immediate
        case .srli: x[rd] = x[rs1] &>> immediate
        case .srai: x[rd] = UInt64(bitPattern: Int64(bitPattern: x[rs1]) &>> Int64(bitPattern: immediate))
        case .add: x[rd] = x[rs1] &+ x[rs2]
        case .sub: x[rd] = x[rs1] &- x[rs2]
        case .sll: x[rd] = x[rs1] &<< x[rs2]
        case .slt: x[rd] = Int64(bitPattern: x[rs1]) < Int64(bitPattern: x[rs2]) ? 1 : 0
        case .sltu: x[rd] = x[rs1] < x[rs2] ? 1 : 0
        case .xor: x[rd] = x[rs1] ^ x[rs2]
        case .srl: x[rd] = x[rs1] &>> x[rs2]
        case .sra: x[rd] = UInt64(bitPattern: Int64(bitPattern: x[rs1]) &>> Int64(bitPattern: x[rs2]))
        case .or: x[rd] = x[rs1] | x[rs2]
        case .and: x[rd] = x[rs1] & x[rs2]
        case .addiw: x[rd] = signExtend(word(x[rs1]) &+ word(immediate))
        case .slliw: x[rd] = signExtend(word(x[rs1]) &<< word(immediate))
        case .srliw: x[rd] = signExtend(word(x[rs1]) &>> word(immediate))
        case .sraiw:
          x[rd] = signExtend(UInt32(bitPattern: Int32(bitPattern: word(x[rs1])) &>> op.pointee.immediate))
        case .addw: x[rd] = signExtend(word(x[rs1]) &+ word(x[rs2]))
        case .subw: x[rd] = signExtend(word(x[rs1]) &- word(x[rs2]))
        case .sllw: x[rd] = signExtend(word(x[rs1]) &<< word(x[rs2]))
        case .srlw: x[rd] = signExtend(word(x[rs1]) &>> word(x[rs2]))
        case .sraw:
          let shifted = Int32(bitPattern: word(x[rs1])) &>> Int32(bitPattern: word(x[rs2]))
          x[rd] = signExtend(UInt32(bitPattern: shifted))
        case .fence: break  // one host thread runs all harts: memory is always in order

        // MARK: M

        case .mul: x[rd] = x[rs1] &* x[rs2]
        case .mulh:
          let product = Int64(bitPattern: x[rs1]).multipliedFullWidth(by: Int64(bitPattern: x[rs2]))
          x[rd] = UInt64(bitPattern: product.high)
        case .mulhu: x[rd] = x[rs1].multipliedFullWidth(by: x[rs2]).high
        case .mulhsu:
          let high = x[rs1].multipliedFullWidth(by: x[rs2]).high
          x[rd] = high &- (Int64(bitPattern: x[rs1]) < 0 ? x[rs2] : 0)
        case .div: x[rd] = Division.signed(x[rs1], x[rs2])
        case .divu: x[rd] = x[rs2] == 0 ? ~0 : x[rs1] / x[rs2]
        case .rem: x[rd] = Division.signedRemainder(x[rs1], x[rs2])
        case .remu: x[rd] = x[rs2] == 0 ? x[rs1] : x[rs1] % x[rs2]
        case .mulw: x[rd] = signExtend(word(x[rs1]) &* word(x[rs2]))
        case .divw: x[rd] = signExtend(Division.signed(word(x[rs1]), word(x[rs2])))
        case .divuw: x[rd] = word(x[rs2]) == 0 ? ~0 : signExtend(word(x[rs1]) / word(x[rs2]))
        case .remw: x[rd] = signExtend(Division.signedRemainder(word(x[rs1]), word(x[rs2])))
        case .remuw:
          x[rd] = signExtend(word(x[rs2]) == 0 ? word(x[rs1]) : word(x[rs1]) % word(x[rs2]))

        // MARK: Zba

        case .addUW: x[rd] = UInt64(word(x[rs1])) &+ x[rs2]
        case .sh1add: x[rd] = x[rs1] &<< 1 &+ x[rs2]
        case .sh2add: x[rd] = x[rs1] &<< 2 &+ x[rs2]
        case .sh3add: x[rd] = x[rs1] &<< 3 &+ x[rs2]
        case .sh1addUW: x[rd] = UInt64(word(x[rs1])) &<< 1 &+ x[rs2]
        case .sh2addUW: x[rd] = UInt64(word(x[rs1])) &<< 2 &+ x[rs2]
        case .sh3addUW: x[rd] = UInt64(word(x[rs1])) &<< 3 &+ x[rs2]
        case .slliUW: x[rd] = UInt64(word(x[rs1])) &<< immediate

        // MARK: Zbb

        case .andn: x[rd] = x[rs1] & ~x[rs2]
        case .orn: x[rd] = x[rs1] | ~x[rs2]
        case .xnor: x[rd] = ~(x[rs1] ^ x[rs2])
        case .clz: x[rd] = UInt64(x[rs1].leadingZeroBitCount)
        case .ctz: x[rd] = UInt64(x[rs1].trailingZeroBitCount)
        case .cpop: x[rd] = UInt64(x[rs1].nonzeroBitCount)
        case .clzw: x[rd] = UInt64(word(x[rs1]).leadingZeroBitCount)
        case .ctzw: x[rd] = UInt64(word(x[rs1]).trailingZeroBitCount)
        case .cpopw: x[rd] = UInt64(word(x[rs1]).nonzeroBitCount)
        case .max: x[rd] = UInt64(bitPattern: Swift.max(Int64(bitPattern: x[rs1]), Int64(bitPattern: x[rs2])))
        case .min: x[rd] = UInt64(bitPattern: Swift.min(Int64(bitPattern: x[rs1]), Int64(bitPattern: x[rs2])))
        case .maxu: x[rd] = Swift.max(x[rs1], x[rs2])
        case .minu: x[rd] = Swift.min(x[rs1], x[rs2])
        case .sextB: x[rd] = UInt64(bitPattern: Int64(Int8(truncatingIfNeeded: x[rs1])))
        case .sextH: x[rd] = UInt64(bitPattern: Int64(Int16(truncatingIfNeeded: x[rs1])))
        case .zextH: x[rd] = x[rs1] & 0xffff
        case .rol: x[rd] = x[rs1] &<< x[rs2] | x[rs1] &>> (0 &- x[rs2])
        case .ror: x[rd] = x[rs1] &>> x[rs2] | x[rs1] &<< (0 &- x[rs2])
        case .rori: x[rd] = x[rs1] &>> immediate | x[rs1] &<< (0 &- immediate)
        case .rolw:
          let value = word(x[rs1])
          x[rd] = signExtend(value &<< word(x[rs2]) | value &>> (0 &- word(x[rs2])))
        case .rorw:
          let value = word(x[rs1])
          x[rd] = signExtend(value &>> word(x[rs2]) | value &<< (0 &- word(x[rs2])))
        case .roriw:
          let value = word(x[rs1])
          x[rd] = signExtend(value &>> word(immediate) | value &<< (0 &- word(immediate)))
        case .orcB: x[rd] = orCombineBytes(x[rs1])
        case .rev8: x[rd] = x[rs1].byteSwapped

        // MARK: Zbs

        case .bclr: x[rd] = x[rs1] & ~(1 &<< x[rs2])
        case .bclri: x[rd] = x[rs1] & ~(1 &<< immediate)
        case .bext: x[rd] = x[rs1] &>> x[rs2] & 1
        case .bexti: x[rd] = x[rs1] &>> immediate & 1
        case .binv: x[rd] = x[rs1] ^ (1 &<< x[rs2])
        case .binvi: x[rd] = x[rs1] ^ (1 &<< immediate)
        case .bset: x[rd] = x[rs1] | (1 &<< x[rs2])
        case .bseti: x[rd] = x[rs1] | (1 &<< immediate)

        // MARK: The rest, out of line

        case .lrW, .scW, .amoswapW, .amoaddW, .amoxorW, .amoandW, .amoorW, .amominW, .amomaxW, .amominuW,
          .amomaxuW, .lrD, .scD, .amoswapD, .amoaddD, .amoxorD, .amoandD, .amoorD, .amominD, .amomaxD,
          .amominuD, .amomaxuD:
          if executeAtomic(hart, op) { continue boundary }
        case .illegal, .fenceI, .ecall, .ebreak, .csrrw, .csrrs, .csrrc, .csrrwi, .csrrsi, .csrrci, .mret,
          .sret, .wfi, .sfenceVMA, .svinval:
          executeSystem(hart, op)
          continue boundary
        case .clmul, .clmulh, .clmulr, .czeroEqz, .czeroNez, .mop, .pause, .wrsNto, .wrsSto,
          .cacheBlock,
          .laterAtomic:
          if executeLater(hart, op) { continue boundary }
        default:
          if executeFloatingPoint(hart, op) { continue boundary }
        }
        op += 1
      }
    }
  }
}

/// Leaves the block for the branch's target, and gives back what comes behind it.
@inline(__always)
private func takeBranch(
  _ state: UnsafeMutablePointer<HartState>, _ op: UnsafePointer<DecodedInstruction>, _ pageBase: UInt64
) {
  state.pointee.budget &+= Int64(op.pointee.remaining) &- 1
  state.pointee.pc =
    pageBase &+ UInt64(op.pointee.pageOffset) &+ UInt64(bitPattern: Int64(op.pointee.immediate))
}

@inline(__always)
private func word(_ value: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: value) }

@inline(__always)
private func signExtend(_ value: UInt32) -> UInt64 {
  UInt64(bitPattern: Int64(Int32(bitPattern: value)))
}

/// Each byte to all ones if any of its bits is set.
@inline(__always)
private func orCombineBytes(_ value: UInt64) -> UInt64 {
  var bits = value | value >> 4 & 0x0f0f_0f0f_0f0f_0f0f
  bits |= bits >> 2 & 0x3333_3333_3333_3333
  bits |= bits >> 1
  return (bits & 0x0101_0101_0101_0101) &* 0xff
}

/// Signed division as volume I, section "Division Operations" has it: nothing traps, and the cases that have no answer
/// get a fixed one.
private enum Division {
  @inline(__always)
  static func signed<Unsigned: FixedWidthInteger & UnsignedInteger>(
    _ dividend: Unsigned, _ divisor: Unsigned
  ) -> Unsigned {
    if divisor == 0 { return ~0 }
    let isNegative = (dividend ^ divisor) >> (Unsigned.bitWidth - 1) != 0
    let quotient = magnitude(dividend) / magnitude(divisor)
    return isNegative ? 0 &- quotient : quotient
  }

  @inline(__always)
  static func signedRemainder<Unsigned: FixedWidthInteger & UnsignedInteger>(
    _ dividend: Unsigned, _ divisor: Unsigned
  ) -> Unsigned {
    if divisor == 0 { return dividend }
    let remainder = magnitude(dividend) % magnitude(divisor)
    return dividend >> (Unsigned.bitWidth - 1) != 0 ? 0 &- remainder : remainder
  }

  @inline(__always)
  private static func magnitude<Unsigned: FixedWidthInteger & UnsignedInteger>(
    _ value: Unsigned
  ) -> Unsigned {
    value >> (Unsigned.bitWidth - 1) != 0 ? 0 &- value : value
  }
}
