// SPDX-License-Identifier: Apache-2.0

import Emulator
import Testing

/// All 65,536 halfwords against a model of the C extension that is written from the manual's listing, as one string
/// of bits an instruction.
@Suite struct CompressedInstructionTests {
  /// Place n is bit n of an immediate.
  private static let digits = Array("0123456789abmnopqr")

  /// Bits 15 to 0. `d`, `s`, `t` are full register numbers, `S`, `T` those of three bits; every other letter
  /// stands for the bit of the immediate that is its place in `digits`.
  private struct Form {
    var pattern: String
    var expand: (_ rd: UInt32, _ rs1: UInt32, _ rs2: UInt32, _ immediate: Int32) -> UInt32?
  }

  private static func i(_ opcode: UInt32, _ function: UInt32, _ rd: UInt32, _ rs1: UInt32, _ value: Int32)
    -> UInt32
  {
    Instruction.typeI(opcode, function, Int(rd), Int(rs1), Int(value))
  }
  private static func s(_ opcode: UInt32, _ function: UInt32, _ rs1: UInt32, _ rs2: UInt32, _ value: Int32)
    -> UInt32
  {
    Instruction.typeS(opcode, function, Int(rs1), Int(rs2), Int(value))
  }
  private static func r(
    _ opcode: UInt32, _ function: UInt32, _ function7: UInt32, _ rd: UInt32, _ rs1: UInt32, _ rs2: UInt32
  ) -> UInt32 { Instruction.typeR(opcode, function, function7, Int(rd), Int(rs1), Int(rs2)) }
  private static func signed(_ value: Int32, bits: Int32) -> Int32 { (value << (32 - bits)) >> (32 - bits) }

  /// Volume I, section "RVC Instruction Set Listings", RV64.
  private static func forms() -> [Form] {
    [
      // Quadrant 0
      Form(pattern: "000 54987623 TTT 00") { _, _, rd, v in v == 0 ? nil : i(0x13, 0, rd, 2, v) },
      Form(pattern: "001 543 SSS 76 TTT 00") { _, a, rd, v in i(0x07, 3, rd, a, v) },
      Form(pattern: "010 543 SSS 26 TTT 00") { _, a, rd, v in i(0x03, 2, rd, a, v) },
      Form(pattern: "011 543 SSS 76 TTT 00") { _, a, rd, v in i(0x03, 3, rd, a, v) },
      Form(pattern: "101 543 SSS 76 TTT 00") { _, a, b, v in s(0x27, 3, a, b, v) },
      Form(pattern: "110 543 SSS 26 TTT 00") { _, a, b, v in s(0x23, 2, a, b, v) },
      Form(pattern: "111 543 SSS 76 TTT 00") { _, a, b, v in s(0x23, 3, a, b, v) },
      // Quadrant 1
      Form(pattern: "000 5 ddddd 43210 01") { d, _, _, v in i(0x13, 0, d, d, signed(v, bits: 6)) },
      Form(pattern: "001 5 ddddd 43210 01") { d, _, _, v in
        d == 0 ? nil : i(0x1b, 0, d, d, signed(v, bits: 6))
      },
      Form(pattern: "010 5 ddddd 43210 01") { d, _, _, v in i(0x13, 0, d, 0, signed(v, bits: 6)) },
      Form(pattern: "011 9 00010 46875 01") { _, _, _, v in
        v == 0 ? nil : i(0x13, 0, 2, 2, signed(v, bits: 10))
      },
      Form(pattern: "011 r ddddd qponm 01") { d, _, _, v in
        v == 0 ? nil : UInt32(bitPattern: signed(v, bits: 18)) & 0xffff_f000 | d << 7 | 0x37
      },
      Form(pattern: "100 5 00 SSS 43210 01") { _, a, _, v in i(0x13, 5, a, a, v) },
      Form(pattern: "100 5 01 SSS 43210 01") { _, a, _, v in i(0x13, 5, a, a, v | 0x400) },
      Form(pattern: "100 5 10 SSS 43210 01") { _, a, _, v in i(0x13, 7, a, a, signed(v, bits: 6)) },
      Form(pattern: "100 0 11 SSS 00 TTT 01") { _, a, b, _ in r(0x33, 0, 0x20, a, a, b) },
      Form(pattern: "100 0 11 SSS 01 TTT 01") { _, a, b, _ in r(0x33, 4, 0, a, a, b) },
      Form(pattern: "100 0 11 SSS 10 TTT 01") { _, a, b, _ in r(0x33, 6, 0, a, a, b) },
      Form(pattern: "100 0 11 SSS 11 TTT 01") { _, a, b, _ in r(0x33, 7, 0, a, a, b) },
      Form(pattern: "100 1 11 SSS 00 TTT 01") { _, a, b, _ in r(0x3b, 0, 0x20, a, a, b) },
      Form(pattern: "100 1 11 SSS 01 TTT 01") { _, a, b, _ in r(0x3b, 0, 0, a, a, b) },
      Form(pattern: "101 b498a673215 01") { _, _, _, v in Instruction.jal(0, Int(signed(v, bits: 12))) },
      Form(pattern: "110 843 SSS 76215 01") { _, a, _, v in
        Instruction.typeB(0, Int(a), 0, Int(signed(v, bits: 9)))
      },
      Form(pattern: "111 843 SSS 76215 01") { _, a, _, v in
        Instruction.typeB(1, Int(a), 0, Int(signed(v, bits: 9)))
      },
      // Quadrant 2
      Form(pattern: "000 5 ddddd 43210 10") { d, _, _, v in i(0x13, 1, d, d, v) },
      Form(pattern: "001 5 ddddd 43876 10") { d, _, _, v in i(0x07, 3, d, 2, v) },
      Form(pattern: "010 5 ddddd 43276 10") { d, _, _, v in d == 0 ? nil : i(0x03, 2, d, 2, v) },
      Form(pattern: "011 5 ddddd 43876 10") { d, _, _, v in d == 0 ? nil : i(0x03, 3, d, 2, v) },
      Form(pattern: "100 0 sssss 00000 10") { _, a, _, _ in a == 0 ? nil : Instruction.jalr(0, Int(a)) },
      Form(pattern: "100 0 ddddd ttttt 10") { d, _, b, _ in r(0x33, 0, 0, d, 0, b) },
      Form(pattern: "100 1 00000 00000 10") { _, _, _, _ in Instruction.ebreak },
      Form(pattern: "100 1 sssss 00000 10") { _, a, _, _ in Instruction.jalr(1, Int(a)) },
      Form(pattern: "100 1 ddddd ttttt 10") { d, _, b, _ in r(0x33, 0, 0, d, d, b) },
      Form(pattern: "101 543876 ttttt 10") { _, _, b, v in s(0x27, 3, 2, b, v) },
      Form(pattern: "110 543276 ttttt 10") { _, _, b, v in s(0x23, 2, 2, b, v) },
      Form(pattern: "111 543876 ttttt 10") { _, _, b, v in s(0x23, 3, 2, b, v) },
    ]
  }

  /// A pattern made ready: groups of nothing but 0 and 1 are fixed bits.
  private struct Compiled {
    var mask: UInt16 = 0
    var match: UInt16 = 0
    var fields: [(bit: Int, letter: Character)] = []
    var expand: (UInt32, UInt32, UInt32, Int32) -> UInt32?

    init(_ form: Form) {
      expand = form.expand
      var bit = 15
      for group in form.pattern.split(separator: " ") {
        let isFixed = group.allSatisfy { $0 == "0" || $0 == "1" }
        for letter in group {
          if isFixed {
            mask |= 1 << UInt16(bit)
            if letter == "1" { match |= 1 << UInt16(bit) }
          } else {
            fields.append((bit, letter))
          }
          bit -= 1
        }
      }
      precondition(bit == -1, "16 bits: \(form.pattern)")
    }

    func apply(_ half: UInt16) -> UInt32? {
      var registers: [Character: UInt32] = [:]
      var immediate: Int32 = 0
      for (bit, letter) in fields {
        let value = UInt32(half >> UInt16(bit) & 1)
        if "dstST".contains(letter) {
          registers[letter] = (registers[letter] ?? 0) << 1 | value
        } else {
          immediate |= Int32(value) << Int32(CompressedInstructionTests.digits.firstIndex(of: letter)!)
        }
      }
      return expand(
        registers["d"] ?? 0, registers["s"] ?? (registers["S"] ?? 0) + 8,
        registers["t"] ?? (registers["T"] ?? 0) + 8, immediate)
    }
  }

  @Test func everyHalfword() {
    let forms = Self.forms().map(Compiled.init)
    var legal = 0
    for half in UInt16.min...UInt16.max where half & 3 != 3 {
      // The first form that fits: special cases stand before the general one.
      let expected = forms.first { half & $0.mask == $0.match }.flatMap { $0.apply(half) }
      let found = Decoder(for: []).expand(half)
      #expect(found == expected, "halfword \(String(half, radix: 16))")
      let decoded = Decoder(for: []).decode(UInt32(half) | 0xabcd_0000, pageOffset: 6)
      #expect(decoded.length == 2 && decoded.raw == UInt32(half) && decoded.pageOffset == 6)
      #expect((decoded.opcode == .illegal) == (expected == nil), "halfword \(String(half, radix: 16))")
      guard let expected else { continue }
      legal += 1
      let full = Decoder(for: []).decode(expected, pageOffset: 6)
      #expect(
        full.opcode == decoded.opcode && full.destination == decoded.destination
          && full.source1 == decoded.source1
          && full.source2 == decoded.source2 && full.immediate == decoded.immediate)
    }
    #expect(legal > 40_000)
  }
}
