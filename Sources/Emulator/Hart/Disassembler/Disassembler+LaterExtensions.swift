// SPDX-License-Identifier: Apache-2.0

/// Names that an opcode does not give: those of families, and those with whole words behind a dot.
extension Disassembler {
  /// Nil for other opcodes. Without the ordering of an atomic instruction.
  var familyMember: String? {
    let raw = instruction.raw
    switch instruction.opcode {
    // The decoder makes no other number.
    case .cacheBlock: return "cbo." + ["inval", "clean", "flush", "", "zero"][Int(immediate)]
    case .pause: return "pause"
    case .wrsNto: return "wrs.nto"
    case .wrsSto: return "wrs.sto"
    case .czeroEqz: return "czero.eqz"
    case .czeroNez: return "czero.nez"
    case .svinval:
      if immediate == 1 { return "sinval.vma" }
      return raw >> 20 & 1 != 0 ? "sfence.inval.ir" : "sfence.w.inval"
    case .mop:
      let high = raw >> 30 & 1
      return raw >> 25 & 1 != 0
        ? "mop.rr.\(high << 2 | raw >> 26 & 3)" : "mop.r.\(high << 4 | raw >> 24 & 12 | raw >> 20 & 3)"
    case .laterAtomic:
      let names: [UInt32: String] = [
        0x00: "amoadd", 0x01: "amoswap", 0x04: "amoxor", 0x05: "amocas", 0x08: "amoor", 0x0c: "amoand",
        0x10: "amomin", 0x14: "amomax", 0x18: "amominu", 0x1c: "amomaxu",
      ]
      return (names[raw >> 27] ?? "amo") + "." + ["b", "h", "w", "d", "q", "", "", ""][Int(raw >> 12 & 7)]
    default: return nil
    }
  }
}
