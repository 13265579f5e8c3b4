import ByteCoding

/// Saving and restoring of what the architecture defines; everything derived is made anew.
extension Hart {
  private struct Field {
    var path: WritableKeyPath<HartState, UInt64> & Sendable
    /// The bits that the register can have.
    var mask: UInt64 = ~0
  }

  /// All architectural state of `HartState`, in the order in which it is saved. A change here is a change of format.
  private static let fields: [Field] = [
    Field(path: \.pc), Field(path: \.privilege, mask: 3), Field(path: \.isWaiting, mask: 1),
    Field(path: \.isStarted, mask: 1), Field(path: \.reservationAddress), Field(path: \.reservationValue),
    Field(path: \.fflags, mask: 31), Field(path: \.frm, mask: 7), Field(path: \.mstatus),
    Field(path: \.medeleg), Field(path: \.mideleg, mask: InterruptBit.supervisor),
    Field(path: \.mie, mask: InterruptBit.all), Field(path: \.mipSoftware, mask: InterruptBit.supervisor),
    Field(path: \.interruptLines, mask: InterruptBit.all), Field(path: \.mtvec), Field(path: \.mscratch),
    Field(path: \.mepc, mask: ~1), Field(path: \.mcause), Field(path: \.mtval), Field(path: \.mcounteren),
    Field(path: \.mcountinhibit, mask: 5), Field(path: \.menvcfg), Field(path: \.mcycleOffset),
    Field(path: \.minstretOffset), Field(path: \.stvec), Field(path: \.sscratch),
    Field(path: \.sepc, mask: ~1),
    Field(path: \.scause), Field(path: \.stval), Field(path: \.scounteren), Field(path: \.senvcfg),
    Field(path: \.satp), Field(path: \.stimecmp), Field(path: \.executedBeforeTurn),
  ]

  /// Between turns only.
  func save(to writer: inout ByteWriter) {
    for register in 1..<32 { writer.uint64(x[register]) }
    for register in 0..<32 { writer.uint64(f[register]) }
    for field in Self.fields { writer.uint64(state.pointee[keyPath: field.path]) }
  }

  /// The caller flushes what is derived. Registers hold 64 bits of anything; where a field has fewer, the rest throws.
  func restore(from reader: inout ByteReader) throws(ByteCodingError) {
    for register in 1..<32 { x[register] = try reader.uint64() }
    for register in 0..<32 { f[register] = try reader.uint64() }
    for field in Self.fields {
      let start = reader.offset
      let value = try reader.uint64()
      guard value & ~field.mask == 0 else {
        throw .malformed(offset: start, what: "a hart's register of \(value)")
      }
      state.pointee[keyPath: field.path] = value
    }
    let mode = state.pointee.satp >> 60
    guard state.pointee.privilege != 2, state.pointee.mstatus >> Status.mppShift & 3 != 2,
      state.pointee.pc & 1 == 0, mode == 0 || mode == 8 || mode == 9
    else { throw .malformed(offset: reader.offset, what: "a hart's state that no hart can have") }
  }
}
