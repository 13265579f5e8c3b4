// SPDX-License-Identifier: Apache-2.0

/// Instructions as text, in the syntax and with the short forms of GNU's tools (`ret` for `jalr zero,0(ra)`).
///
/// It writes down what the decoder made of a word, and so what the machine executes. Words that the machine does not know
/// are shown as data, also where other tools know an extension that has them.
package struct Disassembler {
  let instruction: DecodedInstruction
  /// Where the instruction stands: jumps are shown with their targets.
  let address: UInt64

  /// - Parameters:
  ///   - word: the instruction's bytes; of a compressed one the upper half does not matter.
  ///   - extensions: what the machine's harts have.
  package init(_ word: UInt32, at address: UInt64, for extensions: ProcessorExtensions) {
    instruction = Decoder(for: extensions).decode(word, pageOffset: 0)
    self.address = address
  }

  /// Bytes of the instruction: 2 or 4.
  package var length: Int { Int(instruction.length) }

  /// The instruction as an assembler takes it.
  package var text: String {
    shortForm ?? ([mnemonic] + (operands.isEmpty ? [] : [operands])).joined(separator: " ")
  }

  // MARK: Names

  package static let integerNames = [
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5", "a6",
    "a7",
    "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
  ]

  package static let floatingPointNames = [
    "ft0", "ft1", "ft2", "ft3", "ft4", "ft5", "ft6", "ft7", "fs0", "fs1", "fa0", "fa1", "fa2", "fa3", "fa4",
    "fa5",
    "fa6", "fa7", "fs2", "fs3", "fs4", "fs5", "fs6", "fs7", "fs8", "fs9", "fs10", "fs11", "ft8", "ft9",
    "ft10",
    "ft11",
  ]

  /// Letters behind the dots of mnemonics, the longer ones first.
  private static let suffixes = ["VMA", "UW", "WU", "LU"]

  /// The opcode's name with dots where the manual has them: `fcvtWUS` is `fcvt.wu.s`.
  private var mnemonic: String {
    if let familyMember { return familyMember + (instruction.opcode == .laterAtomic ? ordering : "") }
    let name =
      instruction.opcode == .laterFloatingPoint
      ? "\(instruction.laterFloatingPoint)" : "\(instruction.opcode)"
    var rest = name.drop { !$0.isUppercase }
    var text = String(name[..<rest.startIndex])
    while let first = rest.first {
      let part = Self.suffixes.first { rest.hasPrefix($0) } ?? String(first)
      text += "." + part.lowercased()
      rest = rest.dropFirst(part.count)
    }
    return isAtomic ? text + ordering : text
  }

  /// The ordering bits of an atomic instruction.
  private var ordering: String { ["", ".rl", ".aq", ".aqrl"][Int(instruction.raw >> 25 & 3)] }

  // MARK: Parts of the instruction

  var destinationNumber: Int {
    instruction.destination == DecodedInstruction.bin ? 0 : Int(instruction.destination)
  }
  var source1Number: Int { Int(instruction.source1) }
  var source2Number: Int { Int(instruction.source2) }

  var destination: String { Self.integerNames[destinationNumber] }
  var source1: String { Self.integerNames[source1Number] }
  var source2: String { Self.integerNames[source2Number] }
  var floatDestination: String { Self.floatingPointNames[destinationNumber] }
  var floatSource1: String { Self.floatingPointNames[source1Number] }
  var floatSource2: String { Self.floatingPointNames[source2Number] }
  var floatSource3: String { Self.floatingPointNames[instruction.source3] }

  var immediate: Int32 { instruction.immediate }
  var hexadecimal: String { "0x" + String(UInt32(bitPattern: immediate), radix: 16) }
  var target: String { "0x" + String(address &+ UInt64(bitPattern: Int64(immediate)), radix: 16) }
  var place: String { "\(immediate)(\(source1))" }

  var csr: String {
    let number = Int(immediate)
    return CSR.named.first { $0.number == number }?.name
      ?? Self.otherRegisters[number] ?? "0x" + String(number, radix: 16)
  }

  /// CSRs that are not among those that say what a hart is doing.
  private static let otherRegisters: [Int: String] = {
    var names = [0xf15: "mconfigptr"]
    for index in 0..<16 { names[0x3a0 + index] = "pmpcfg\(index)" }
    for index in 0..<64 { names[0x3b0 + index] = "pmpaddr\(index)" }
    for index in 3..<32 {
      names[0xb00 + index] = "mhpmcounter\(index)"
      names[0xc00 + index] = "hpmcounter\(index)"
      names[0x320 + index] = "mhpmevent\(index)"
    }
    return names
  }()

  private var isAtomic: Bool {
    let range = Opcode.lrW.rawValue...Opcode.amomaxuD.rawValue
    return range.contains(instruction.opcode.rawValue)
  }

  /// `,rne` and so on; nothing for the mode that `frm` holds.
  var rounding: String {
    [",rne", ",rtz", ",rdn", ",rup", ",rmm", ",unknown", ",unknown", ""][Int(instruction.roundingField)]
  }

  // MARK: Operands

  private var operands: String {
    switch instruction.opcode {
    case .blockEnd, .illegal, .ecall, .ebreak, .mret, .sret, .wfi, .fenceI: ""
    case .lui, .auipc: "\(destination),0x" + String(UInt32(bitPattern: immediate) >> 12, radix: 16)
    case .jal: "\(destination),\(target)"
    case .jalr: "\(destination),\(immediate == 0 ? source1 : place)"
    case .beq, .bne, .blt, .bge, .bltu, .bgeu: "\(source1),\(source2),\(target)"
    case .lb, .lh, .lw, .ld, .lbu, .lhu, .lwu: "\(destination),\(place)"
    case .flh, .flw, .fld: "\(floatDestination),\(place)"
    case .sb, .sh, .sw, .sd: "\(source2),\(place)"
    case .fsh, .fsw, .fsd: "\(floatSource2),\(place)"
    case .addi, .slti, .sltiu, .xori, .ori, .andi, .addiw: "\(destination),\(source1),\(immediate)"
    case .slli, .srli, .srai, .slliw, .srliw, .sraiw, .rori, .roriw, .slliUW, .bclri, .bexti, .binvi, .bseti:
      "\(destination),\(source1),\(hexadecimal)"
    case .clz, .ctz, .cpop, .clzw, .ctzw, .cpopw, .sextB, .sextH, .zextH, .orcB, .rev8:
      "\(destination),\(source1)"
    case .fence: "\(Self.accesses(instruction.raw >> 24)),\(Self.accesses(instruction.raw >> 20))"
    case .sfenceVMA: "\(source1),\(source2)"
    case .svinval: immediate == 1 ? "\(source1),\(source2)" : ""
    case .pause, .wrsNto, .wrsSto: ""
    case .cacheBlock: "(\(source1))"
    case .mop where instruction.raw >> 25 & 1 == 0: "\(destination),\(source1)"
    case .laterAtomic: "\(destination),\(source2),(\(source1))"
    case .csrrw, .csrrs, .csrrc: "\(destination),\(csr),\(source1)"
    case .csrrwi, .csrrsi, .csrrci: "\(destination),\(csr),\(source1Number)"
    case .lrW, .lrD: "\(destination),(\(source1))"
    case _ where isAtomic: "\(destination),\(source2),(\(source1))"
    case .fmaddS, .fmsubS, .fnmsubS, .fnmaddS, .fmaddD, .fmsubD, .fnmsubD, .fnmaddD:
      "\(floatDestination),\(floatSource1),\(floatSource2),\(floatSource3)\(rounding)"
    case .faddS, .fsubS, .fmulS, .fdivS, .faddD, .fsubD, .fmulD, .fdivD:
      "\(floatDestination),\(floatSource1),\(floatSource2)\(rounding)"
    case .fsgnjS, .fsgnjnS, .fsgnjxS, .fminS, .fmaxS, .fsgnjD, .fsgnjnD, .fsgnjxD, .fminD, .fmaxD:
      "\(floatDestination),\(floatSource1),\(floatSource2)"
    case .fsqrtS, .fsqrtD, .fcvtSD: "\(floatDestination),\(floatSource1)\(rounding)"
    // It is exact: assemblers write 0 as its mode, and nobody mentions it.
    case .fcvtDS: "\(floatDestination),\(floatSource1)\(exactRounding)"
    case .fcvtWS, .fcvtWUS, .fcvtLS, .fcvtLUS, .fcvtWD, .fcvtWUD, .fcvtLD, .fcvtLUD:
      "\(destination),\(floatSource1)\(rounding)"
    case .fcvtSW, .fcvtSWU, .fcvtSL, .fcvtSLU, .fcvtDL, .fcvtDLU: "\(floatDestination),\(source1)\(rounding)"
    case .fcvtDW, .fcvtDWU: "\(floatDestination),\(source1)\(exactRounding)"
    case .feqS, .fltS, .fleS, .feqD, .fltD, .fleD: "\(destination),\(floatSource1),\(floatSource2)"
    case .fmvXW, .fmvXD, .fclassS, .fclassD: "\(destination),\(floatSource1)"
    case .fmvWX, .fmvDX: "\(floatDestination),\(source1)"
    case .laterFloatingPoint: laterFloatingPointOperands
    default: "\(destination),\(source1),\(source2)"
    }
  }

  var exactRounding: String { instruction.roundingField == 0 ? "" : rounding }

  /// What a fence orders: input, output, reads, writes.
  private static func accesses(_ bits: UInt32) -> String {
    let names = zip("iorw", [8, 4, 2, 1] as [UInt32]).filter { bits & $1 != 0 }.map { $0.0 }
    return names.isEmpty ? "unknown" : String(names)
  }
}
