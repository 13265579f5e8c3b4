// SPDX-License-Identifier: Apache-2.0

#if arch(x86_64)
  /// What all floating-point instructions need, and moves between floating-point registers and memory or integer registers.
  ///
  /// Inline code is for what is usual: `mstatus.FS` says dirty, so that nothing needs to be marked; `frm` says to nearest
  /// even; single-precision operands are boxed; no result is a NaN. Each is checked where it is first needed. Where a check
  /// fails, the instruction is abandoned before it has changed anything, and control goes to a second translation of the
  /// rest of the block, in which every floating-point instruction is done in software (`emitInSoftware`). So behind a
  /// check, inline code may take for granted what was checked, as long as nothing else can have changed it: up to the next
  /// instruction that the interpreter does, or the block's end.
  extension BlockTranslation {
    /// What holds where an instruction is being emitted, for as long as inline code runs.
    struct FloatingPointKnowledge {
      var vectors = VectorRegisterCache()
      var isUnitOn = false
      var isUnitDirty = false
      var isRoundingNearest = false
    }

    /// A jump out of inline code, to the software that does an instruction and all behind it.
    struct Abandonment {
      var place: UnsafeMutablePointer<UInt8>
      var instruction: UnsafePointer<DecodedInstruction>
    }

    /// False: it is done in software, and nothing was emitted.
    mutating func emitFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) -> Bool {
      guard !isInSoftware else { return false }
      switch op.pointee.opcode {
      case .fld: loadFloatingPoint(op, .double)
      case .flw: loadFloatingPoint(op, .single)
      case .fsd, .fsw: storeFloatingPoint(op)
      case .flh: loadHalf(op)
      case .fsh: storeHalf(op)
      case .laterFloatingPoint: return emitLaterFloatingPoint(op)
      case .fmvDX: moveFromInteger(op, .double)
      case .fmvWX: moveFromInteger(op, .single)
      case .fmvXD, .fmvXW: moveToInteger(op)
      default:
        guard emitFloatingPointArithmetic(op) else { return false }
        translator.thunks.noteArithmetic()
      }
      return true
    }

    /// The second translation of the block, from the first instruction that may be abandoned on. It keeps no copies of
    /// registers, so it can be entered at every instruction.
    mutating func emitInSoftware(upTo end: UnsafePointer<DecodedInstruction>) {
      guard let first = abandoned.first else { return }
      isInSoftware = true
      floatingPoint = FloatingPointKnowledge()
      established = 0
      var next = 0
      for op in sequence(first: first.instruction, next: { $0 + 1 < end ? $0 + 1 : nil }) {
        while next < abandoned.count && abandoned[next].instruction == op {
          assembler.patchHere(abandoned[next].place)
          next += 1
        }
        emit(op)
      }
    }

    // MARK: Checks

    mutating func abandon(_ op: UnsafePointer<DecodedInstruction>, if condition: Condition) {
      abandoned.append(Abandonment(place: assembler.jump(condition), instruction: op))
    }

    /// `mstatus.FS` is not off: enough for what only reads floating-point registers.
    mutating func requireUnitOn(_ op: UnsafePointer<DecodedInstruction>) {
      guard !floatingPoint.isUnitOn else { return }
      assembler.instruction(0xf7, 0, .memory(RegisterMap.mstatus), wide: false)  // test
      assembler.int32(Int32(Status.fs))
      abandon(op, if: .equal)
      floatingPoint.isUnitOn = true
    }

    /// `mstatus.FS` is dirty.
    mutating func requireUnit(_ op: UnsafePointer<DecodedInstruction>) {
      guard !floatingPoint.isUnitDirty else { return }
      assembler.move(.rax, .memory(RegisterMap.mstatus), wide: false)
      assembler.not(.rax)
      assembler.instruction(0xf7, 0, .register(.rax), wide: false)  // test
      assembler.int32(Int32(Status.fs))
      abandon(op, if: .notEqual)
      floatingPoint.isUnitDirty = true
      floatingPoint.isUnitOn = true
    }

    /// As `requireUnit`, and where the rounding mode is in `frm`, it is to nearest even. The caller has seen to
    /// instructions that name a mode themselves.
    mutating func requireUnitAndNearest(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnit(op)
      guard op.pointee.roundingField == 7, !floatingPoint.isRoundingNearest else { return }
      assembler.arithmetic(
        .cmp, .memory(RegisterMap.frm), immediate: Int32(RoundingMode.nearestTiesToEven.rawValue), wide: false
      )
      abandon(op, if: .notEqual)
      floatingPoint.isRoundingNearest = true
    }

    // MARK: Registers

    /// A guest register's copy in a vector register, made if there is none.
    mutating func operand(
      _ guest: UInt8, _ form: VectorRegisterCache.Form, _ op: UnsafePointer<DecodedInstruction>
    ) -> VectorRegister {
      if let held = floatingPoint.vectors.find(guest, form) { return held }
      if form == .single {
        // NaN boxing: all upper bits set.
        assembler.arithmetic(
          .cmp, .memory(RegisterMap.displacement(ofFloatingPoint: guest) + 4), immediate: -1, wide: false)
        abandon(op, if: .notEqual)
      }
      let host = floatingPoint.vectors.claim(guest, form)
      copy(guest, form, to: host)
      return host
    }

    private mutating func copy(_ guest: UInt8, _ form: VectorRegisterCache.Form, to host: VectorRegister) {
      assembler.instruction(
        form.scalar | 0x10, host.rawValue, RegisterMap.place(ofFloatingPoint: guest), wide: false)
    }

    /// The vector register that the result of `op` is to be computed in. All operands must have been asked for; it may be
    /// the same as one of them.
    mutating func result(
      _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) -> VectorRegister {
      floatingPoint.vectors.claim(op.pointee.destination, form)
    }

    /// The result of `op`, in the register that `result` answered, goes to the hart's memory too.
    mutating func store(
      result: VectorRegister, _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) {
      let place = RegisterMap.displacement(ofFloatingPoint: op.pointee.destination)
      assembler.instruction(form.scalar | 0x11, result.rawValue, .memory(place), wide: false)
      if form == .single {
        assembler.instruction(0xc7, 0, .memory(place + 4), wide: false)
        assembler.int32(-1)
      }
    }

    /// Makes copies again that a call has destroyed.
    mutating func restore(_ vectors: VectorRegisterCache) {
      for held in vectors.copies { copy(held.guest, held.form, to: held.host) }
    }

    // MARK: Instructions

    private mutating func loadFloatingPoint(
      _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) {
      requireUnit(op)
      let place = locate(op, size: form == .double ? 8 : 4, .load)
      let target = result(op, form)
      access(form.scalar | 0x10, target.rawValue, place, wide: false)
      store(result: target, op, form)
      callOut(from: place, op, translator.thunks.execute)
    }

    private mutating func storeFloatingPoint(_ op: UnsafePointer<DecodedInstruction>) {
      let form: VectorRegisterCache.Form = op.pointee.opcode == .fsd ? .double : .single
      requireUnitOn(op)
      // A word is stored whether or not it is boxed.
      let held =
        form == .double
        ? operand(op.pointee.source2, .double, op) : floatingPoint.vectors.find(op.pointee.source2, nil)
      let place = locate(op, size: form == .double ? 8 : 4, .store)
      if let held {
        access(form.scalar | 0x11, held.rawValue, place, wide: false)
      } else {
        assembler.move(place.spare, RegisterMap.place(ofFloatingPoint: op.pointee.source2), wide: false)
        access(0x89, place.spare.rawValue, place, wide: false)
      }
      callOut(from: place, op, translator.thunks.execute)
    }

    private mutating func moveFromInteger(
      _ op: UnsafePointer<DecodedInstruction>, _ form: VectorRegisterCache.Form
    ) {
      requireUnit(op)
      let target = result(op, form)
      assembler.instruction(  // movd or movq
        0x66_0f6e, target.rawValue, RegisterMap.operand(op.pointee.source1), wide: form == .double)
      store(result: target, op, form)
    }

    /// Bits, whatever they mean.
    private mutating func moveToInteger(_ op: UnsafePointer<DecodedInstruction>) {
      requireUnitOn(op)
      let isDouble = op.pointee.opcode == .fmvXD
      if let held = floatingPoint.vectors.find(op.pointee.source1, isDouble ? .double : nil) {
        assembler.instruction(0x66_0f7e, held.rawValue, .register(.rax), wide: isDouble)  // movd or movq
      } else {
        assembler.move(.rax, RegisterMap.place(ofFloatingPoint: op.pointee.source1), wide: isDouble)
      }
      if !isDouble { assembler.signExtendWord(.rax, .register(.rax)) }
      assembler.move(RegisterMap.operand(op.pointee.destination), .rax)
    }
  }

  extension VectorRegisterCache.Form {
    /// What goes before the last byte of the opcode of an instruction on one number.
    var scalar: UInt32 { self == .double ? 0xf2_0f00 : 0xf3_0f00 }
  }
#endif
