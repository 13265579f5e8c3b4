// SPDX-License-Identifier: Apache-2.0

/// The instructions of Zfhmin, Zfh and Zfa, but for loads and stores. They share one opcode, `laterFloatingPoint`, whose
/// immediate says which of them it is: a byte has not enough numbers for every instruction there is, and these are rare.
package enum LaterFloatingPoint: UInt8 {
  // Zfhmin
  case fcvtSH, fcvtHS, fcvtDH, fcvtHD, fmvXH, fmvHX

  // Zfh
  case fmaddH, fmsubH, fnmsubH, fnmaddH
  case faddH, fsubH, fmulH, fdivH, fsqrtH, fsgnjH, fsgnjnH, fsgnjxH, fminH, fmaxH
  case fcvtWH, fcvtWUH, fcvtLH, fcvtLUH, fcvtHW, fcvtHWU, fcvtHL, fcvtHLU
  case feqH, fltH, fleH, fclassH

  // Zfa
  case fliS, fminmS, fmaxmS, froundS, froundnxS, fleqS, fltqS
  case fliD, fminmD, fmaxmD, froundD, froundnxD, fleqD, fltqD, fcvtmodWD

  // Zfa together with Zfh
  case fliH, fminmH, fmaxmH, froundH, froundnxH, fleqH, fltqH
}

extension LaterFloatingPoint {
  /// What a hart must have for it.
  var required: ProcessorExtensions {
    if rawValue < Self.fmaddH.rawValue { return .zfhmin }
    if rawValue < Self.fliS.rawValue { return .zfh }
    return rawValue < Self.fliH.rawValue ? .zfa : [.zfa, .zfh]
  }

  /// The destination is an integer register.
  var writesInteger: Bool {
    switch self {
    case .fmvXH, .fcvtWH, .fcvtWUH, .fcvtLH, .fcvtLUH, .feqH, .fltH, .fleH, .fclassH, .fleqS, .fltqS, .fleqD,
      .fltqD, .fcvtmodWD, .fleqH, .fltqH:
      true
    default: false
    }
  }

  // MARK: Decoding (volume I, chapters on Zfh and Zfa)

  /// The instruction with the major opcode OP-FP, as far as F and D have none there.
  init?(_ word: UInt32) {
    let function3 = Int(word >> 12 & 7)
    let selector = Int(word >> 20 & 31)
    let format = Int(word >> 25 & 3)
    // Quad precision there is not.
    guard format != 3 else { return nil }
    /// One of a list that may be too short, for halves alone.
    func half(_ operations: [Self], _ index: Int) -> Self? {
      format == 2 && index < operations.count ? operations[index] : nil
    }
    /// One for each format.
    func each(_ operations: [Self], if condition: Bool = true) -> Self? {
      condition ? operations[format] : nil
    }
    let operation: Self? =
      switch word >> 27 {
      case 0x00: half([.faddH], 0)
      case 0x01: half([.fsubH], 0)
      case 0x02: half([.fmulH], 0)
      case 0x03: half([.fdivH], 0)
      case 0x0b: half([.fsqrtH], selector)
      case 0x04: half([.fsgnjH, .fsgnjnH, .fsgnjxH], function3)
      case 0x05 where function3 == 2: each([.fminmS, .fminmD, .fminmH])
      case 0x05 where function3 == 3: each([.fmaxmS, .fmaxmD, .fmaxmH])
      case 0x05: half([.fminH, .fmaxH], function3)
      case 0x08:
        switch (format, selector) {
        case (0, 2): .fcvtSH
        case (1, 2): .fcvtDH
        case (2, 0): .fcvtHS
        case (2, 1): .fcvtHD
        case (_, 4): each([.froundS, .froundD, .froundH])
        case (_, 5): each([.froundnxS, .froundnxD, .froundnxH])
        default: nil
        }
      case 0x14 where function3 == 4: each([.fleqS, .fleqD, .fleqH])
      case 0x14 where function3 == 5: each([.fltqS, .fltqD, .fltqH])
      case 0x14: half([.fleH, .fltH, .feqH], function3)
      // It rounds toward zero, and must say so.
      case 0x18 where format == 1 && selector == 8 && function3 == 1: .fcvtmodWD
      case 0x18: half([.fcvtWH, .fcvtWUH, .fcvtLH, .fcvtLUH], selector)
      case 0x1a: half([.fcvtHW, .fcvtHWU, .fcvtHL, .fcvtHLU], selector)
      case 0x1c where selector == 0: half([.fmvXH, .fclassH], function3)
      case 0x1e where selector == 0: half([.fmvHX], function3)
      case 0x1e where selector == 1: each([.fliS, .fliD, .fliH], if: function3 == 0)
      default: nil
      }
    guard let operation else { return nil }
    self = operation
  }
}

extension DecodedInstruction {
  /// Of an instruction whose opcode is `laterFloatingPoint`: which one it is.
  package var laterFloatingPoint: LaterFloatingPoint {
    // The decoder put the number there.
    LaterFloatingPoint(rawValue: UInt8(truncatingIfNeeded: immediate)).unsafelyUnwrapped
  }
}
