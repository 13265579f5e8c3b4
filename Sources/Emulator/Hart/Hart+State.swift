// SPDX-License-Identifier: Apache-2.0

import ByteCoding

/// Saving and restoring of what the architecture defines; everything derived is made anew.
extension Hart {
  private struct Field {
    /// The manual's name where the manual has the register.
    var name: String
    var path: WritableKeyPath<HartState, UInt64> & Sendable
    /// The bits that the register can have.
    var mask: UInt64 = ~0
  }

  /// All architectural state of `HartState`, in the order in which it is saved. A change here is a change of format.
  private static let fields: [Field] = [
    Field(name: "pc", path: \.pc), Field(name: "privilege", path: \.privilege, mask: 3),
    Field(name: "isWaiting", path: \.isWaiting, mask: 1),
    Field(name: "isStarted", path: \.isStarted, mask: 1),
    Field(name: "reservationAddress", path: \.reservationAddress),
    Field(name: "reservationValue", path: \.reservationValue),
    Field(name: "fflags", path: \.fflags, mask: 31), Field(name: "frm", path: \.frm, mask: 7),
    Field(name: "mstatus", path: \.mstatus),
    Field(name: "medeleg", path: \.medeleg),
    Field(name: "mideleg", path: \.mideleg, mask: InterruptBit.supervisor | InterruptBit.counterOverflow),
    Field(name: "mie", path: \.mie, mask: InterruptBit.all | InterruptBit.counterOverflow),
    Field(
      name: "mipSoftware", path: \.mipSoftware, mask: InterruptBit.supervisor | InterruptBit.counterOverflow),
    Field(name: "interruptLines", path: \.interruptLines, mask: InterruptBit.all),
    Field(name: "mtvec", path: \.mtvec), Field(name: "mscratch", path: \.mscratch),
    Field(name: "mepc", path: \.mepc, mask: ~1), Field(name: "mcause", path: \.mcause),
    Field(name: "mtval", path: \.mtval), Field(name: "mcounteren", path: \.mcounteren),
    Field(name: "mcountinhibit", path: \.mcountinhibit, mask: 5), Field(name: "menvcfg", path: \.menvcfg),
    Field(name: "mcycleOffset", path: \.mcycleOffset),
    Field(name: "minstretOffset", path: \.minstretOffset), Field(name: "stvec", path: \.stvec),
    Field(name: "sscratch", path: \.sscratch),
    Field(name: "sepc", path: \.sepc, mask: ~1),
    Field(name: "scause", path: \.scause), Field(name: "stval", path: \.stval),
    Field(name: "scounteren", path: \.scounteren), Field(name: "senvcfg", path: \.senvcfg),
    Field(name: "satp", path: \.satp), Field(name: "stimecmp", path: \.stimecmp),
    Field(name: "executedBeforeTurn", path: \.executedBeforeTurn),
  ]

  /// Those of which a hart's course consists: not the counters, nor where they started.
  private static let steady: [WritableKeyPath<HartState, UInt64> & Sendable] = fields.map(\.path).filter {
    $0 != \.mcycleOffset && $0 != \.minstretOffset && $0 != \.executedBeforeTurn
  }
  var steadyFields: [UInt64] { Self.steady.map { state.pointee[keyPath: $0] } }

  /// What `save` writes, in its order: 64 bits each.
  static let savedNames: [String] =
    (1..<32).map { "x\($0)" } + (0..<32).map { "f\($0)" } + fields.map(\.name)

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
